/** What Codex and OpenCode are started with. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { ClientSetup } from '../../../src/cli/launch/client.ts'
import { CODEX } from '../../../src/cli/launch/codex.ts'
import { OPENCODE } from '../../../src/cli/launch/opencode.ts'
import { withoutProxyFor } from '../../../src/cli/launch/proxy.ts'

const SMALL = { name: 'small', contextWindow: 1000, maxOutputTokens: 100 }
const LARGE = { name: 'large', contextWindow: undefined, maxOutputTokens: undefined }

function setupOf(more: Partial<ClientSetup> = {}): ClientSetup {
  const folder = mkdtempSync(join(tmpdir(), 'synth-clients-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return {
    baseUrl: 'http://127.0.0.1:4141/v1',
    keyVariable: 'KEY',
    folder,
    model: LARGE,
    models: [SMALL, LARGE],
    arguments: ['exec', 'hi'],
    env: {},
    ...more,
  }
}

describe('Codex', () => {
  test('gets overrides before the user’s own arguments, and a catalogue in the folder', async () => {
    const setup = setupOf()
    const { arguments: args, env } = await CODEX.prepare(setup)
    expect(args.slice(-2)).toEqual(['exec', 'hi'])
    const overrides = args.slice(0, -2).filter((_, index) => index % 2 === 1)
    expect(overrides).toEqual(
      expect.arrayContaining([
        'model="large"',
        'model_provider="synth"',
        'model_providers.synth.base_url="http://127.0.0.1:4141/v1"',
        'model_providers.synth.env_key="KEY"',
        'features.goals=false',
        'features.unbounded_connection_retries=false',
      ]),
    )
    expect(env).toEqual({})
    expect(readdirSync(setup.folder)).toEqual(['models.json'])
    const { models } = JSON.parse(readFileSync(join(setup.folder, 'models.json'), 'utf8'))
    expect(models).toMatchObject([
      { slug: 'large', priority: 1, apply_patch_tool_type: 'freeform' },
      { slug: 'small', priority: 2, context_window: 1000 },
    ])
    expect(models).toHaveLength(2)
  })

  test.each<[args: string[], model: string | undefined, printsLines: boolean]>([
    [['exec', 'hi'], undefined, true],
    [['e', '-m', 'big', 'hi'], 'big', true],
    [['-m', 'exec', 'hi'], 'exec', false],
    [['--model=big', '-C', 'exec'], 'big', false],
    [['-C', 'folder', 'exec', 'hi'], undefined, true],
    [['--search', 'exec', 'hi'], undefined, true],
    [['resume', '--last'], undefined, false],
    [['-m', 'a', 'exec', '-m', 'b'], 'b', true],
    [['exec', '--', '-m', 'big'], undefined, true],
    [['--', 'exec'], undefined, false],
    [['exec', '-m'], undefined, true],
    [[], undefined, false],
  ])('%j asks for model %s; prints lines: %s', (args, model, printsLines) => {
    expect(CODEX.modelIn(args)).toBe(model)
    expect(CODEX.printsLines(args)).toBe(printsLines)
  })
})

describe('OpenCode', () => {
  const configOf = async (more: Partial<ClientSetup> = {}) => {
    const { arguments: args, env } = await OPENCODE.prepare(setupOf(more))
    expect(args).toEqual(['exec', 'hi'])
    return JSON.parse(env['OPENCODE_CONFIG_CONTENT'] ?? '')
  }

  test('gets one variable, which holds the name of the key and not the key', async () => {
    const config = await configOf()
    expect(config).toEqual({
      model: 'synth/large',
      small_model: 'synth/large',
      provider: {
        synth: {
          npm: '@ai-sdk/openai-compatible',
          name: 'Synth Bridge',
          options: { baseURL: 'http://127.0.0.1:4141/v1', apiKey: '{env:KEY}' },
          models: {
            small: { name: 'small', limit: { context: 1000, output: 100 } },
            large: { name: 'large' },
          },
        },
      },
    })
  })

  test('what the user has in the variable stays beside it', async () => {
    const own = { theme: 'dark', model: 'x/y', provider: { mine: { npm: 'p' } } }
    const config = await configOf({ env: { OPENCODE_CONFIG_CONTENT: JSON.stringify(own) } })
    expect(config).toMatchObject({ theme: 'dark', model: 'synth/large', provider: { mine: {} } })
    expect(Object.keys(config.provider)).toEqual(['mine', 'synth'])
  })

  test.each(['{', '[]', '"x"'])('a variable that holds %s is wrong usage', async (text) => {
    const setup = setupOf({ env: { OPENCODE_CONFIG_CONTENT: text } })
    await expect(OPENCODE.prepare(setup)).rejects.toMatchObject({ exitCode: 2 })
  })

  test.each<[args: string[], model: string | undefined, printsLines: boolean]>([
    [['run', 'hi'], undefined, true],
    [['run', '-m', 'synth/big', 'hi'], 'big', true],
    [['-m', 'other/big'], undefined, false],
    [['--log-level', 'run', '.'], undefined, false],
  ])('%j asks for model %s; prints lines: %s', (args, model, printsLines) => {
    expect(OPENCODE.modelIn(args)).toBe(model)
    expect(OPENCODE.printsLines(args)).toBe(printsLines)
  })
})

describe('a proxy', () => {
  const url = 'http://127.0.0.1:4141/v1'
  test.each<[env: Record<string, string>, set: Record<string, string>]>([
    [{}, {}],
    [{ NO_PROXY: 'a' }, {}],
    [{ HTTP_PROXY: '' }, {}],
    [{ HTTP_PROXY: 'p' }, { NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1' }],
    [
      { all_proxy: 'p', no_proxy: 'a,b' },
      { NO_PROXY: 'a,b,127.0.0.1', no_proxy: 'a,b,127.0.0.1' },
    ],
  ])('in %j sets %j', (env, set) => {
    expect(withoutProxyFor(url, env)).toEqual(set)
  })

  test('an address in brackets is named without them', () => {
    expect(withoutProxyFor('http://[::1]:4141', { HTTPS_PROXY: 'p' })).toMatchObject({
      NO_PROXY: '::1',
    })
  })
})
