import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { formatKeyPath } from '../../src/config/key-path.ts'
import { ConfigSchema, configJsonSchema } from '../../src/config/schema.ts'
import { listKeys } from '../../src/config/schema-keys.ts'
import { readToml } from '../../src/config/toml.ts'
import { renderConfigReference } from './config-reference.ts'

const EXAMPLE = 'codex-config.toml'
const example = readFileSync(EXAMPLE, 'utf8')
/** With every setting on that is off by a "#" without a space. */
const wholeExample = example.replace(/^#(?=[\w[])/gm, '')

test('docs/config.md says what the schema says', async () => {
  await expect(renderConfigReference()).toMatchFileSnapshot('../../docs/config.md')
})

test('docs/config.schema.json is the schema', async () => {
  const text = `${JSON.stringify(configJsonSchema(), null, 2)}\n`
  await expect(text).toMatchFileSnapshot('../../docs/config.schema.json')
})

test('every key has a description', () => {
  const bare = listKeys().filter(({ path, schema }) => {
    const isName = path.at(-1) === 'NAME' || path.at(-1) === 0
    return !isName && (schema.description ?? '') === ''
  })
  expect(bare.map(({ path }) => formatKeyPath(path))).toEqual([])
})

test('every key with a unit names it', () => {
  const units = { _ms: 'millisecond', _bytes: 'yte', _days: 'day', _usd: 'USD', _tokens: 'oken' }
  for (const { path, schema } of listKeys()) {
    const key = String(path.at(-1))
    for (const [ending, unit] of Object.entries(units)) {
      if (key.endsWith(ending)) expect.soft(schema.description, key).toContain(unit)
    }
  }
})

test('the example is a valid configuration as it stands', () => {
  expect(ConfigSchema.safeParse(readToml(example, EXAMPLE).values).error).toBeUndefined()
})

test('the example is valid with every setting on, and has every key of the schema', () => {
  const document = readToml(wholeExample, EXAMPLE)
  expect(ConfigSchema.safeParse(document.values).error).toBeUndefined()
  const names = new Map([
    ['upstreams', 'local'],
    ['models', 'synth-small'],
  ])
  const present = (path: readonly (string | number)[]): boolean => {
    const spelled = path.map((step) =>
      step === 'NAME' ? (names.get(String(path[0])) ?? '') : step,
    )
    const second = spelled.map((step, index) => (index === 1 && step === 0 ? 1 : step))
    return [spelled, second].some((spelling) => document.places.has(formatKeyPath(spelling)))
  }
  const missing = listKeys().filter(({ path }) => !present(path))
  expect(missing.map(({ path }) => formatKeyPath(path))).toEqual([])
})

test('settings that are on in the example have the default that the schema gives them', () => {
  const parsed = ConfigSchema.parse(readToml(example, EXAMPLE).values)
  const defaults = ConfigSchema.parse({})
  for (const section of ['server', 'session', 'interceptor', 'trace', 'otel', 'keys'] as const) {
    expect(parsed[section], section).toEqual(defaults[section])
  }
  const upstream = ConfigSchema.parse({ upstreams: { local: { base_url: 'http://h/v1' } } })
  const { base_url: _address, ...switches } = parsed.upstreams['local'] ?? {}
  expect(switches).toMatchObject({
    wire: upstream.upstreams['local']?.wire,
    max_retries: upstream.upstreams['local']?.max_retries,
    idle_timeout_ms: upstream.upstreams['local']?.idle_timeout_ms,
  })
})
