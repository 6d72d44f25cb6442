import { describe, expect, test } from 'vitest'
import { otelSecrets, otelSettings, warnAboutOtel } from '../../src/config/otel.ts'
import { ConfigSchema } from '../../src/config/schema.ts'

type Environment = Record<string, string>
const configOf = (otel: object = {}) => ConfigSchema.parse({ otel })
const read = (env: Environment, otel: object = {}) => otelSettings(configOf(otel), env)

describe('where spans go', () => {
  const GRPC = { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }
  test.each<{ name: string; env: Environment; otel?: object; url: string | undefined }>([
    { name: 'nowhere', env: {}, url: undefined },
    {
      name: 'to the file’s endpoint, whatever the environment says',
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://env:4318', ...GRPC },
      otel: { endpoint: 'http://file:4318/' },
      url: 'http://file:4318/v1/traces',
    },
    {
      name: 'to the environment’s, below its path',
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://env/otlp' },
      url: 'https://env/otlp/v1/traces',
    },
    {
      name: 'to that for traces, as it stands',
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://env:4318',
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://traces:4318/custom',
      },
      url: 'http://traces:4318/custom',
    },
    {
      name: 'nowhere by gRPC',
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://env:4317', ...GRPC },
      url: undefined,
    },
    {
      name: 'nowhere that is no URL',
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'env:4317' },
      url: undefined,
    },
    {
      name: 'nowhere with a password in the address',
      env: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://user:secret@env:4318' },
      url: undefined,
    },
    {
      name: 'nowhere when OpenTelemetry is off',
      env: { OTEL_SDK_DISABLED: 'true' },
      otel: { endpoint: 'http://file:4318' },
      url: undefined,
    },
    {
      name: 'nowhere when traces are off',
      env: { OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://env:4318' },
      url: undefined,
    },
  ])('$name', ({ env, otel, url }) => {
    expect(read(env, otel)?.tracesUrl).toBe(url)
  })
})

const ENDPOINT = { endpoint: 'http://file:4318' }

test.each([
  { from: {}, name: 'synth-bridge' },
  { from: { OTEL_RESOURCE_ATTRIBUTES: 'service.name=attribute' }, name: 'attribute' },
  {
    from: { OTEL_SERVICE_NAME: 'variable', OTEL_RESOURCE_ATTRIBUTES: 'service.name=attribute' },
    name: 'variable',
  },
])('the service is named $name', ({ from, name }) => {
  const settings = read(from, ENDPOINT)
  expect(settings?.serviceName).toBe(name)
  expect(settings?.resourceAttributes).toEqual({})
})

test('the file names the service first', () => {
  expect(read({ OTEL_SERVICE_NAME: 'b' }, { ...ENDPOINT, service_name: 'a' })?.serviceName).toBe(
    'a',
  )
})

describe('headers', () => {
  test.each<{ name: string; env: Environment; otel?: object; headers: object }>([
    { name: 'none', env: {}, headers: {} },
    {
      name: 'percent-encoded, what is no pair left out',
      env: { OTEL_EXPORTER_OTLP_HEADERS: ' api-key = a%20b ,broken,=x,other=50%' },
      headers: { 'api-key': 'a b', other: '50%' },
    },
    {
      name: 'those for traces before the others',
      env: { OTEL_EXPORTER_OTLP_HEADERS: 'a=1', OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'b=2' },
      headers: { b: '2' },
    },
    {
      name: 'of the variable that the file names, and no other',
      env: { MINE: 'a=x', OTEL_EXPORTER_OTLP_HEADERS: 'b=2' },
      otel: { headers_env: 'MINE' },
      headers: { a: 'x' },
    },
  ])('$name', ({ env, otel, headers }) => {
    expect(read(env, { ...ENDPOINT, ...otel })?.headers).toEqual(headers)
  })

  test('are secrets, with and without their scheme', () => {
    const env = { OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20tok-1,x-key=k-2' }
    const secrets = otelSecrets(configOf(), env)
    expect(secrets).toEqual(expect.arrayContaining(['Bearer tok-1', 'tok-1', 'k-2']))
  })
})

test.each<{ env: Environment; otel?: object; says: RegExp | undefined }>([
  { env: {}, says: undefined },
  { env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://env:4318' }, says: undefined },
  {
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://env:4317', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
    says: /^\$OTEL_EXPORTER_OTLP_ENDPOINT is for gRPC .* Set otel\.endpoint .*4318\.$/,
  },
  {
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'env:4318' },
    says: /^\$OTEL_EXPORTER_OTLP_ENDPOINT is no http/,
  },
  {
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://user:secret@env:4318' },
    says: /^\$OTEL_EXPORTER_OTLP_ENDPOINT is no http(?!.*secret)/,
  },
  { env: {}, otel: { headers_env: 'MINE' }, says: /^\$MINE is not set, which otel\.headers_env/ },
  { env: { OTEL_SDK_DISABLED: 'true' }, otel: { headers_env: 'MINE' }, says: undefined },
])('$env with $otel warns of $says', ({ env, otel, says }) => {
  const warnings = warnAboutOtel(configOf(otel), env)
  expect(warnings).toEqual(says === undefined ? [] : [expect.stringMatching(says)])
})

test.each([
  '127.0.0.1:4318',
  'ftp://host/',
  'http://user:password@host:4318',
  'http://host:4318/?key=x',
])('%s is no endpoint, and the error does not repeat it', (endpoint) => {
  const error = ConfigSchema.safeParse({ otel: { endpoint } }).error
  expect(error?.issues[0]?.message).toContain('must be an http:// or https:// URL')
  expect(error?.message).not.toContain('password@')
})
