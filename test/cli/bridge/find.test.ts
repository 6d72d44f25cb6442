/** Bridges that are found, those that are reused, and the entries of dead ones that are removed. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { findBridges, findReusable } from '../../../src/cli/bridge/find.ts'
import {
  type BridgeEntry,
  configFingerprint,
  type Registration,
  registerBridge,
} from '../../../src/cli/bridge/registry.ts'
import { type LoadedConfig, loadConfig } from '../../../src/config/load.ts'

function createPlace() {
  const home = mkdtempSync(join(tmpdir(), 'synth-find-'))
  onTestFinished(() => rmSync(home, { recursive: true }))
  let count = 0
  return {
    entries: join(home, '.local', 'state', 'synth', 'bridges'),
    load(toml: string, flags: { host?: string; port?: number } = {}): LoadedConfig {
      count += 1
      const path = join(home, `${count}.toml`)
      writeFileSync(path, toml)
      return loadConfig({ path, env: {}, cwd: home, home, ...flags })
    },
  }
}

const TOML = '[upstreams.u]\nbase_url = "http://127.0.0.1:9/v1"\napi_key_env = "U_KEY"\n'

/** Answers `/health` of these addresses, each with its status. */
function healthOf(statuses: Readonly<Record<string, string>>): typeof fetch {
  return async (input) => {
    const status = statuses[String(input).replace(/\/health$/, '')]
    if (status === undefined) throw new TypeError('fetch failed')
    return Response.json({ status, version: '1' }, { status: 200 })
  }
}

const URL_A = 'http://127.0.0.1:4001'
const URL_B = 'http://127.0.0.1:4002'

function register(loaded: LoadedConfig, more: Partial<Registration> = {}): () => void {
  return registerBridge({ loaded, env: {}, url: URL_A, kind: 'serve', ...more })
}

test('the same values in another order, another file and on another port are one configuration', () => {
  const { load } = createPlace()
  const one = load('[server]\nport = 5000\nstrict = true\n[session]\nlimit_tokens = 5\n')
  const other = load('[session]\nlimit_tokens = 5\n[server]\nstrict = true\n', { port: 0 })
  expect(configFingerprint(one)).toBe(configFingerprint(other))
  const different = load('[session]\nlimit_tokens = 6\n[server]\nstrict = true\n')
  expect(configFingerprint(different)).not.toBe(configFingerprint(one))
})

test('a bridge is found while it is registered, and not after', async () => {
  const { load, entries } = createPlace()
  const loaded = load(TOML)
  const unregister = register(loaded)
  const surroundings = { env: {}, fetch: healthOf({ [URL_A]: 'ok' }) }
  expect(await findBridges(loaded, surroundings)).toEqual([
    {
      url: URL_A,
      kind: 'serve',
      version: expect.any(String),
      configPath: loaded.path,
      isSameConfig: true,
    },
  ])
  expect(await findReusable(loaded, surroundings)).toMatchObject({ url: URL_A })
  unregister()
  expect(await findBridges(loaded, surroundings)).toEqual([])
  expect(readdirSync(entries)).toEqual([])
})

test.each<[name: string, more: Partial<Registration>, env: Record<string, string>, health: string]>(
  [
    ['that lives only as long as a client', { kind: 'launch' }, {}, 'ok'],
    ['that has another key than this terminal', { env: { U_KEY: 'old' } }, { U_KEY: 'new' }, 'ok'],
    ['that has no key while this terminal has', {}, { U_KEY: 'new' }, 'ok'],
    ['that drains', {}, {}, 'draining'],
  ],
)('a bridge %s is not reused', async (_, more, env, health) => {
  const { load } = createPlace()
  const loaded = load(TOML)
  register(loaded, more)
  const fetch = healthOf({ [URL_A]: health })
  expect(await findReusable(loaded, { env, fetch })).toBeUndefined()
})

test('a bridge whose key this terminal lacks is reused', async () => {
  const { load } = createPlace()
  const loaded = load(TOML)
  register(loaded, { env: { U_KEY: 'k' } })
  const fetch = healthOf({ [URL_A]: 'ok' })
  expect(await findReusable(loaded, { env: {}, fetch })).toMatchObject({ url: URL_A })
})

test('without upstreams in the file, a provider’s key that only this terminal has is another bridge', async () => {
  const { load } = createPlace()
  const loaded = load('')
  register(loaded)
  const fetch = healthOf({ [URL_A]: 'ok' })
  expect(await findReusable(loaded, { env: {}, fetch })).toBeDefined()
  expect(await findReusable(loaded, { env: { GROQ_API_KEY: 'k' }, fetch })).toBeUndefined()
})

test('those of the same configuration come first, and no other is reused', async () => {
  const { load } = createPlace()
  const loaded = load(TOML)
  const other = load(`${TOML}[session]\nlimit_tokens = 1\n`)
  register(other, { url: URL_B })
  register(loaded, { url: URL_A, kind: 'launch' })
  const surroundings = { env: {}, fetch: healthOf({ [URL_A]: 'ok', [URL_B]: 'ok' }) }
  const found = await findBridges(loaded, surroundings)
  expect(found.map(({ url, isSameConfig }) => [url, isSameConfig])).toEqual([
    [URL_A, true],
    [URL_B, false],
  ])
  expect(await findReusable(loaded, surroundings)).toBeUndefined()
})

test('one that listens on every address is reached on this machine’s own', async () => {
  const { load } = createPlace()
  const loaded = load(TOML)
  register(loaded, { url: 'http://0.0.0.0:4001' })
  const fetch = healthOf({ [URL_A]: 'ok' })
  expect(await findBridges(loaded, { env: {}, fetch })).toMatchObject([{ url: URL_A }])
})

test('the entry of a dead process is removed; one that cannot be read is left to its writer', async () => {
  const { load, entries } = createPlace()
  const loaded = load(TOML)
  register(loaded)
  const [name = ''] = readdirSync(entries)
  const entry = JSON.parse(readFileSync(join(entries, name), 'utf8')) as BridgeEntry
  // The same pid, started at another time: what had it before is gone.
  writeFileSync(join(entries, name), JSON.stringify({ ...entry, started_at: '1' }))
  writeFileSync(join(entries, 'odd.json'), '{"machine":')
  const fetch = healthOf({ [URL_A]: 'ok' })
  expect(await findBridges(loaded, { env: {}, fetch })).toEqual([])
  expect(readdirSync(entries)).toEqual(['odd.json'])
})

test('an entry holds no key in the clear', () => {
  const { load, entries } = createPlace()
  register(load(TOML), { env: { U_KEY: 'sk-secret' } })
  const [name = ''] = readdirSync(entries)
  expect(readFileSync(join(entries, name), 'utf8')).not.toContain('sk-secret')
})
