import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { ConfigSchema } from '../../src/config/schema.ts'
import { inFolder, loadText } from './load-text.ts'

/** Files that say, by their port, which of them was read. */
const FILES = {
  'codex-config.toml': '[server]\nport = 1',
  'codex.toml': '[server]\nport = 2',
  'opencode-config.toml': '[server]\nport = 3',
  'opencode.toml': '[server]\nport = 4',
  'synth.toml': '[server]\nport = 5',
  'other.toml': '[server]\nport = 6',
} as const
type FileName = keyof typeof FILES

const pick = (...names: FileName[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, FILES[name]]))

describe('the file that is read', () => {
  test.each<[name: string, present: FileName[], options: object, port: number]>([
    ['codex-config.toml goes first', ['codex-config.toml', 'codex.toml', 'synth.toml'], {}, 1],
    ['then codex.toml', ['codex.toml', 'synth.toml', 'opencode.toml'], {}, 2],
    ['then synth.toml', ['synth.toml', 'opencode-config.toml'], {}, 5],
    [
      'OpenCode has its own names',
      ['opencode-config.toml', 'opencode.toml', 'codex.toml'],
      { client: 'opencode' },
      3,
    ],
    [
      'in the same order',
      ['opencode.toml', 'synth.toml', 'codex-config.toml'],
      { client: 'opencode' },
      4,
    ],
    ['and the shared one last', ['synth.toml', 'codex.toml'], { client: 'opencode' }, 5],
    [
      '$SYNTH_CONFIG goes before them',
      ['codex-config.toml', 'other.toml'],
      { env: { SYNTH_CONFIG: 'other.toml' } },
      6,
    ],
    ['an empty $SYNTH_CONFIG is none', ['codex-config.toml'], { env: { SYNTH_CONFIG: '' } }, 1],
    [
      '--config goes before everything',
      ['codex-config.toml', 'other.toml', 'synth.toml'],
      { path: 'other.toml', env: { SYNTH_CONFIG: 'synth.toml' } },
      6,
    ],
    ['without any, the defaults hold', [], {}, 4141],
  ])('%s', (_name, present, options, port) => {
    inFolder(pick(...present), (cwd) => {
      const { config } = loadConfig({ env: {}, cwd, home: join(cwd, 'home'), ...options })
      expect(config.server.port).toBe(port)
    })
  })

  test('is the home folder’s when the working folder has none', () => {
    inFolder(pick('other.toml'), (cwd) => {
      const home = join(cwd, 'home')
      mkdirSync(join(home, '.config', 'synth'), { recursive: true })
      const path = join(home, '.config', 'synth', 'synth.toml')
      writeFileSync(path, '[server]\nport = 7')
      const loaded = loadConfig({ env: {}, cwd, home })
      expect(loaded.config.server.port).toBe(7)
      expect(loaded.path).toBe(path)
    })
  })

  test.each([
    ['does not exist', (_path: string) => {}, 'cannot be read: there is no such file'],
    ['is a folder', (path: string) => mkdirSync(path), 'cannot be read: it is a folder'],
    [
      'is no text',
      (path: string) => writeFileSync(path, new Uint8Array([0x61, 0xff])),
      'is not TOML: it is not UTF-8 text',
    ],
  ])('is refused when it %s', (_name, make, message) => {
    inFolder({}, (cwd) => {
      make(join(cwd, 'mine.toml'))
      const load = () => loadConfig({ path: 'mine.toml', env: {}, cwd, home: cwd })
      expect(load).toThrow(`mine.toml: ${message}`)
    })
  })

  test.skipIf(process.getuid?.() === 0)('is refused when its permissions forbid reading', () => {
    inFolder({ 'mine.toml': '' }, (cwd) => {
      chmodSync(join(cwd, 'mine.toml'), 0)
      const load = () => loadConfig({ path: 'mine.toml', env: {}, cwd, home: cwd })
      expect(load).toThrow('mine.toml: cannot be read: its permissions forbid it')
    })
  })
})

describe('values', () => {
  test('a file that has only a session is whole', () => {
    const { config } = loadText('[session]\nlimit_tokens = 50000')
    expect(config.session).toMatchObject({ limit_cost_usd: '20', limit_tokens: 50_000 })
    expect(config.upstreams).toEqual({})
  })

  test('no file is an empty file', () => {
    expect(loadText('').config).toEqual(ConfigSchema.parse({}))
  })

  test('a limit of 0 stays 0, for the caller to say loudly', () => {
    expect(loadText('[session]\nlimit_cost_usd = 0').config.session.limit_cost_usd).toBe('0')
  })

  test.each([
    ['20.0', '20'],
    ['0.1', '0.1'],
    ['"0.10"', '0.1'],
    ['1234567.123456789', '1234567.123456789'],
    ['"1234567.123456789"', '1234567.123456789'],
    ['2_000', '2000'],
  ])('an amount written %s is %s, digit by digit', (written, digits) => {
    const { config } = loadText(`[session]\nlimit_cost_usd = ${written}`)
    expect(config.session.limit_cost_usd).toBe(digits)
  })

  test('a price keeps its digits in every place', () => {
    const { config } = loadText(
      '[models.m.price]\ninput = 0.000000001\noutput = "15"\ntiers = [{ above = 272_000, input = 1.10, output = 2, cache_write = 0.3 }]',
    )
    expect(config.models['m']?.price).toEqual({
      input: '0.000000001',
      output: '15',
      tiers: [{ above: 272_000, input: '1.1', output: '2', cache_write: '0.3' }],
    })
  })

  test('a host beyond loopback is allowed once there are keys', () => {
    const text = '[server]\nhost = "0.0.0.0"\n[[keys]]\nname = "a"\nkey_env = "A"'
    expect(loadText(text, { A: 'x' }).config.server.host).toBe('0.0.0.0')
  })
})

describe('flags', () => {
  test('go before the file, and say so', () => {
    inFolder(pick('synth.toml'), (cwd) => {
      const loaded = loadConfig({ env: {}, cwd, home: cwd, host: '::1', port: 0 })
      expect(loaded.config.server).toMatchObject({ host: '::1', port: 0 })
      expect(loaded.sources.get('server.port')).toBe('--port')
      expect(loaded.sources.get('server.host')).toBe('--host')
    })
  })

  test('are checked like the file: no address beyond loopback without keys', () => {
    inFolder({}, (cwd) => {
      const load = () => loadConfig({ env: {}, cwd, home: cwd, host: '0.0.0.0' })
      expect(load).toThrow(/^server\.host reaches beyond this machine/)
    })
  })
})

describe('warnings', () => {
  const text =
    '[upstreams.a]\nbase_url = "http://h/v1"\napi_key_env = "A_KEY"\n[[keys]]\nname = "ci"\nkey_env = "CI_KEY"'

  test('name each variable that is not set, or is empty', () => {
    expect(loadText(text, { CI_KEY: '' }).warnings).toEqual([
      '$A_KEY is not set, which upstreams.a.api_key_env names: its calls will fail with 401.',
      '$CI_KEY is not set, which keys[0].key_env names: nobody can call as ci.',
    ])
  })

  test('are none when all of them are set', () => {
    expect(loadText(text, { A_KEY: 'x', CI_KEY: 'y' }).warnings).toEqual([])
  })

  test('tell a password in the store’s address, without showing it', () => {
    const { warnings } = loadText('[server]\nstore = "postgres://me:secret@h/db"')
    expect(warnings).toEqual([
      'server.store holds a password; $PGPASSWORD keeps it out of the file.',
    ])
  })
})

const shared = process.env['BRIDGE_SHARED']
if (shared === undefined) {
  test.skip('session files of other tools load (set BRIDGE_SHARED to run it)', () => {})
} else {
  const examples = join(shared, 'examples')
  test.each(readdirSync(examples).filter((name) => name.endsWith('.toml')))(
    'the session file %s loads',
    (name) => {
      const { config } = loadConfig({ path: join(examples, name), env: {}, cwd: '/', home: '/' })
      expect(config.upstreams).toEqual({})
      expect(config.session).not.toEqual(ConfigSchema.parse({}).session)
    },
  )
}
