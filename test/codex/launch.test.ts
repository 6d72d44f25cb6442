import fc from 'fast-check'
import { parse } from 'smol-toml'
import { describe, expect, test } from 'vitest'
import { codexOverrides, type TomlValue, toToml } from '../../src/codex/launch.ts'

/** The overrides as Codex reads them: a dotted key and a TOML value each. */
function read(overrides: readonly string[]): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (let at = 0; at < overrides.length; at += 2) {
    expect(overrides[at]).toBe('-c')
    const [key = '', ...value] = (overrides[at + 1] ?? '').split('=')
    values[key] = parse(`value = ${value.join('=')}`)['value']
  }
  return values
}

const baseUrl = 'http://127.0.0.1:4141/v1'

describe('codexOverrides', () => {
  test('names a provider that speaks Responses at the bridge, and selects it', () => {
    expect(read(codexOverrides({ baseUrl, keyEnv: 'SYNTH_KEY' }))).toMatchObject({
      model_provider: 'synth',
      'model_providers.synth.base_url': baseUrl,
      'model_providers.synth.wire_api': 'responses',
      'model_providers.synth.env_key': 'SYNTH_KEY',
    })
  })

  test('the provider is not called OpenAI, which would switch on what only OpenAI can answer', () => {
    const name = read(codexOverrides({ baseUrl }))['model_providers.synth.name']
    expect(String(name).toLowerCase()).not.toContain('openai')
  })

  test('leaves out what is not set', () => {
    const keys = Object.keys(read(codexOverrides({ baseUrl })))
    expect(keys).not.toContain('model_catalog_json')
    expect(keys).not.toContain('model_providers.synth.env_key')
    expect(keys).not.toContain('model_providers.synth.http_headers')
  })

  test('headers with quotes and dots in them survive', () => {
    const headers = { 'X-Synth-Session-ID': 'sess_1', 'x.odd': 'say "hi" \\ = there' }
    expect(
      read(codexOverrides({ baseUrl, headers }))['model_providers.synth.http_headers'],
    ).toEqual(headers)
  })

  test('Codex is kept from its maker’s servers unless that is asked for', () => {
    expect(read(codexOverrides({ baseUrl }))).toMatchObject({ 'analytics.enabled': false })
    const open = read(codexOverrides({ baseUrl, outsideContact: true }))
    expect(open).not.toHaveProperty('analytics.enabled')
    expect(open).toMatchObject({ web_search: 'disabled' })
  })

  test('an extra override comes last and wins', () => {
    expect(read(codexOverrides({ baseUrl, extra: { web_search: 'live' } }))['web_search']).toBe(
      'live',
    )
  })
})

test('any value is read back from its TOML as it was', () => {
  const { value } = fc.letrec<{ value: TomlValue }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.string({ unit: 'grapheme' }),
      fc.string({ unit: 'binary-ascii' }),
      fc.integer({ min: -1_000_000, max: 1_000_000 }),
      fc.boolean(),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.string(), tie('value'), { maxKeys: 4, noNullPrototype: true }),
    ),
  }))
  fc.assert(
    fc.property(value, (original) => {
      expect(parse(`value = ${toToml(original)}`)['value']).toEqual(original)
    }),
  )
})
