import { describe, expect, test } from 'vitest'
import { LOCAL_OWNER, ownerOf } from '../../src/config/owners.ts'
import { type Config, ConfigSchema } from '../../src/config/schema.ts'
import {
  allowsNoSession,
  allowsUnregistered,
  isLoopbackHost,
  modelSettings,
  upstreamSettings,
  windowSeconds,
} from '../../src/config/settings.ts'
import { folderOf, storageSettings } from '../../src/config/storage.ts'
import { DEFAULT_DIALECT } from '../../src/translate/dialect.ts'

const config = (file: object): Config => ConfigSchema.parse(file)
const KEY = { name: 'ci', key_env: 'CI_KEY' }

describe('the dialect of an upstream', () => {
  const dialectOf = (upstream: { base_url: string; [key: string]: unknown }) => {
    const parsed = config({ upstreams: { u: upstream } }).upstreams['u']
    if (parsed === undefined) throw new Error('no upstream')
    return upstreamSettings('u', parsed).dialect
  }

  test('is the strictest one at an address that nobody knows', () => {
    expect(dialectOf({ base_url: 'http://gpu:8000/v1' })).toEqual(DEFAULT_DIALECT)
  })

  test.each([
    ['https://api.openai.com/v1', 'max_completion_tokens'],
    ['https://me.openai.azure.com/openai/v1', 'max_completion_tokens'],
    ['https://api.openai.com.evil.example/v1', 'max_tokens'],
    ['https://notopenai.azure.com/v1', 'max_tokens'],
    ['https://api.groq.com/openai/v1', 'max_tokens'],
  ])('follows from a known address: %s', (base_url, field) => {
    expect(dialectOf({ base_url }).maxTokensField).toBe(field)
  })

  test('is what the file says, whatever the address', () => {
    const dialect = dialectOf({
      base_url: 'https://api.openai.com/v1',
      head_system: 'keep',
      later_system: 'user',
      developer_role: 'developer',
      reasoning_field: 'reasoning',
      max_tokens_field: 'max_tokens',
      empty_content: 'null',
      json_schema: false,
      grammar: 'vllm',
      unsupported: ['user'],
    })
    expect(dialect).toEqual({
      headSystem: 'keep',
      laterSystem: 'user',
      developerRole: 'developer',
      reasoningField: 'reasoning',
      maxTokensField: 'max_tokens',
      emptyContent: null,
      jsonSchema: false,
      grammar: 'vllm',
      unsupported: ['user'],
    })
  })

  test('can be reset to what the provider’s differs from', () => {
    expect(dialectOf({ base_url: 'https://api.groq.com/v1', unsupported: [] }).unsupported).toEqual(
      [],
    )
    expect(dialectOf({ base_url: 'http://h/v1', empty_content: '' }).emptyContent).toBe('')
  })
})

test.each([
  ['http://h/v1/', 'http://h/v1'],
  ['http://h/v1//', 'http://h/v1'],
  ['http://h', 'http://h'],
])('the base URL %s is joined to routes as %s', (base_url, expected) => {
  const upstream = config({ upstreams: { u: { base_url } } }).upstreams['u']
  expect(upstream && upstreamSettings('u', upstream).baseUrl).toBe(expected)
})

test.each([
  ['127.0.0.1', true],
  ['127.8.9.1', true],
  ['localhost', true],
  ['LOCALHOST', true],
  ['api.localhost', true],
  ['::1', true],
  ['[::1]', true],
  ['::ffff:127.0.0.1', true],
  ['0.0.0.0', false],
  ['::', false],
  ['127.0.0.1.example.com', false],
  ['localhost.example.com', false],
  ['192.168.1.2', false],
  ['notlocalhost', false],
])('%s is this machine: %s', (host, expected) => {
  expect(isLoopbackHost(host)).toBe(expected)
})

describe('defaults that follow from other keys', () => {
  test.each<[file: object, expected: boolean]>([
    [{}, true],
    [{ keys: [KEY] }, false],
    [{ keys: [KEY], session: { allow_no_session: true } }, true],
    [{ session: { allow_no_session: false } }, false],
  ])('opting out of a session, with %j: %s', (file, expected) => {
    expect(allowsNoSession(config(file))).toBe(expected)
  })

  test.each<[file: object, expected: boolean]>([
    [{}, true],
    [{ server: { host: '0.0.0.0' }, keys: [KEY] }, false],
    [{ server: { host: '0.0.0.0' }, interceptor: { allow_unregistered: true } }, true],
    [{ interceptor: { allow_unregistered: false } }, false],
  ])('passing through unregistered, with %j: %s', (file, expected) => {
    expect(allowsUnregistered(config(file))).toBe(expected)
  })

  test.each<[name: string, model: object, expected: boolean]>([
    ['synth-small', {}, true],
    ['gpt-5.1', {}, false],
    ['my-synth-small', {}, false],
    ['synth-small', { stop_tool: false }, false],
    ['gpt-5.1', { stop_tool: true }, true],
  ])('the stop tool of %s with %j: %s', (name, model, expected) => {
    expect(modelSettings(name, config({ models: { [name]: model } }).models[name]).stopTool).toBe(
      expected,
    )
  })
})

test.each([
  ['90m', 5400],
  ['12h', 43_200],
  ['30d', 2_592_000],
  ['2w', 1_209_600],
  [undefined, undefined],
])('a window of %s is %s seconds', (window, seconds) => {
  const [key] = config({ keys: [{ ...KEY, max_cost_usd: 1, window }] }).keys
  expect(key && windowSeconds(key)).toBe(seconds)
})

describe('where things are kept', () => {
  const HOME = { env: {}, home: '/home/me', folder: '/srv' }
  test.each<[server: object, env: object, stateDir: string, store: object]>([
    [
      {},
      {},
      '/home/me/.local/state/synth',
      { kind: 'sqlite', path: '/home/me/.local/state/synth/synth.db' },
    ],
    [
      {},
      { XDG_STATE_HOME: '/var/x' },
      '/var/x/synth',
      { kind: 'sqlite', path: '/var/x/synth/synth.db' },
    ],
    [{}, { XDG_STATE_HOME: 'x' }, '/home/me/.local/state/synth', { kind: 'sqlite' }],
    [{ state_dir: '~/s' }, {}, '/home/me/s', { kind: 'sqlite', path: '/home/me/s/synth.db' }],
    [{ state_dir: 's' }, {}, '/srv/s', { kind: 'sqlite', path: '/srv/s/synth.db' }],
    [
      { store: 'sqlite:/var/a.db' },
      {},
      '/home/me/.local/state/synth',
      { kind: 'sqlite', path: '/var/a.db' },
    ],
    [
      { store: 'sqlite:a.db' },
      {},
      '/home/me/.local/state/synth',
      { kind: 'sqlite', path: '/srv/a.db' },
    ],
    [{ store: 'memory' }, {}, '/home/me/.local/state/synth', { kind: 'memory' }],
    [
      { store: 'postgres://h/db' },
      {},
      '/home/me/.local/state/synth',
      { kind: 'postgres', url: 'postgres://h/db' },
    ],
  ])('%j with %j', (server, env, stateDir, store) => {
    const settings = storageSettings(config({ server }), { ...HOME, env: { ...env } })
    expect(settings).toMatchObject({ stateDir, store })
  })

  test('relative paths start at the file, or where the bridge was started', () => {
    expect(folderOf('sub/synth.toml', '/srv')).toBe('/srv/sub')
    expect(folderOf('/etc/synth.toml', '/srv')).toBe('/etc')
    expect(folderOf(undefined, '/srv')).toBe('/srv')
  })
})

describe('owners', () => {
  const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
  const keyNamed = (name: string, ids: object = {}) => {
    const [key] = config({ keys: [{ name, key_env: 'K', ...ids }] }).keys
    if (key === undefined) throw new Error('no key')
    return ownerOf(key)
  }

  test('are the same after every start, and UUIDs', () => {
    expect(keyNamed('ci')).toEqual(keyNamed('ci'))
    for (const id of [...Object.values(keyNamed('ci')), ...Object.values(LOCAL_OWNER)]) {
      expect(id).toMatch(UUID)
    }
    // Sessions in a store are found by these: a change orphans them.
    expect(LOCAL_OWNER).toMatchInlineSnapshot(`
      {
        "orgId": "94aaa9a9-b064-84da-8cdc-9bb654b791d0",
        "userId": "e5130094-f751-8be8-a7be-4d3ad65aef3e",
      }
    `)
  })

  test('are users of their own in one organisation', () => {
    expect(keyNamed('ci').userId).not.toBe(keyNamed('laptop').userId)
    expect(keyNamed('ci').userId).not.toBe(LOCAL_OWNER.userId)
    expect(keyNamed('ci').orgId).toBe(LOCAL_OWNER.orgId)
  })

  test('are what the key says, where it says so', () => {
    const id = '6f1c2a0e-4b7d-4a55-9d8e-0c1f5b2a7e31'
    expect(keyNamed('ci', { org_id: id, user_id: id })).toEqual({ orgId: id, userId: id })
  })
})
