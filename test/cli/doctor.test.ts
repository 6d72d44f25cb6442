/** What `synth doctor` says of the machine and of the file, and how it says it. */
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { startTestBridge } from '../support/bridge.ts'
import { createTestCli, type TestCli } from '../support/cli.ts'
import { startModelServer } from '../support/model-server.ts'

const running: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.close()))
})

async function goodUpstream(): Promise<string> {
  const server = await startModelServer()
  running.push(server)
  return server.baseUrl
}

async function cliWith(server: string, files: Record<string, string> = {}): Promise<TestCli> {
  const text = `[server]\n${server}\n[upstreams.local]\nbase_url = "${await goodUpstream()}"\n[models.m]\n`
  return createTestCli({ 'synth.toml': text, ...files })
}

interface Row {
  readonly name: string
  readonly status: string
  readonly detail: string
  readonly fix: string | null
}

async function machineOf(cli: TestCli, env: Record<string, string> = {}) {
  const { code, stdout } = await cli.run(['doctor', '--json'], { fetch, env })
  const report = JSON.parse(stdout)
  const rows: (Row & { subject: string })[] = report.checks
  const machine = rows.filter(({ subject }) => subject === 'machine')
  return { code, ok: report.ok, row: (name: string) => machine.find((row) => row.name === name) }
}

describe('a machine on which everything works', () => {
  test('exits with 0 and says what it looked at', async () => {
    const cli = await cliWith('port = 0')
    const { code, stdout, stderr } = await cli.run(['doctor'], { fetch })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const stable = stdout
      .replaceAll(cli.cwd, '/folder')
      .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT')
      .replace(/\d+ ms/g, 'N ms')
      .replace(/(node +ok +).*/, '$1VERSION')
      .replace(/(codex +ok +)\S+/, '$1VERSION')
    expect(stable).toMatchInlineSnapshot(`
      "this machine
        node      ok       VERSION
        config    ok       synth.toml: local
        store     ok       /folder/home/.local/state/synth/synth.db can be written
        port      ok       a free one is taken
        codex     ok       VERSION (beside this package)
        opencode  skipped  not on this machine
          -> To use it: npm install --global opencode-ai

      upstream local (http://127.0.0.1:PORT/v1)
        reachable  ok  lists 1 model (N ms)
        key        ok  none is wanted
        model      ok  m
        price      ok  free: it runs on this machine
        streams    ok  the first piece after N ms (N ms)
        tools      ok  made a call and answered its result (N ms)
        usage      ok  sent: 30 tokens in, 12 out

      Everything that is needed works.
      "
    `)
  })

  test('leaves nothing behind', async () => {
    const cli = await cliWith('port = 0')
    await cli.run(['doctor'], { fetch })
    expect(readdirSync(cli.cwd).sort()).toEqual(['home', 'synth.toml'])
    expect(readdirSync(join(cli.cwd, 'home'))).toEqual([])
  })

  test('shows what it is doing on a terminal, and takes that back', async () => {
    const cli = await cliWith('port = 0')
    const plain = await cli.run(['doctor'], { fetch })
    const live = await cli.run(['doctor'], { fetch, isTerminal: true })
    expect(plain.stdout).not.toContain('checking')
    expect(live.stdout).toMatch(/checking upstream local \(.*\) …\r/)
    expect(live.stdout.split('\r\u001b[2K')).toHaveLength(5)
    expect(live.stdout).not.toContain('\u001b[3')
    const json = await cli.run(['doctor', '--json'], { fetch, isTerminal: true })
    expect(() => JSON.parse(json.stdout)).not.toThrow()
  })

  test('shows colours only where they are shown', async () => {
    const cli = await cliWith('port = 0')
    const { stdout } = await cli.run(['doctor'], { fetch, hasColors: true })
    expect(stdout).toContain('\u001b[32mok\u001b[39m')
  })
})

describe('the configuration', () => {
  test('that is wrong exits with 2, and the machine is looked at all the same', async () => {
    const cli = createTestCli({ 'synth.toml': '[server]\nprot = 1\nstric = true\n' })
    const { code, ok, row } = await machineOf(cli)
    expect({ code, ok }).toEqual({ code: 2, ok: false })
    expect(row('config')?.detail).toBe('synth.toml:2: server.prot is not a key; did you mean port?')
    expect(row('node')?.status).toBe('ok')
  })

  test('that names no upstream, where none is found, exits with 1', async () => {
    const { code, stdout } = await createTestCli().run(['doctor'])
    expect(code).toBe(1)
    expect(stdout).toContain('no file: no upstream is configured, and none was found')
    expect(stdout).toContain('-> Run `synth init`')
  })

  test('without upstreams takes what is found', async () => {
    const failing: typeof fetch = () => Promise.reject(new TypeError('fetch failed'))
    const env = { GROQ_API_KEY: 'gsk-secret', PATH: '' }
    const { code, stdout } = await createTestCli().run(['doctor'], { fetch: failing, env })
    expect(code).toBe(1)
    expect(stdout).toContain('config    ok       no file: groq')
    expect(stdout).toContain('upstream groq (https://api.groq.com/openai/v1)')
    expect(stdout).not.toContain('gsk-secret')
  })

  test('that warns is passed on', async () => {
    const cli = await cliWith('port = 0')
    writeFileSync(
      join(cli.cwd, 'keys.toml'),
      '[server]\nport = 0\n[[keys]]\nname = "ci"\nkey_env = "CI_KEY"\n',
    )
    const { stdout } = await cli.run(['doctor', '--config', 'keys.toml'])
    expect(stdout).toContain('warning  $CI_KEY is not set, which keys[0].key_env names')
  })
})

describe('the store', () => {
  test('in memory is said to forget', async () => {
    const { row } = await machineOf(await cliWith('port = 0\nstore = "memory"'))
    expect(row('store')).toMatchObject({
      status: 'ok',
      detail: 'memory: what was spent is forgotten at the end',
    })
  })

  test('whose folder is a file fails', async () => {
    const cli = await cliWith('port = 0\nstore = "sqlite:data/synth.db"', { data: '' })
    const { code, row } = await machineOf(cli)
    expect(code).toBe(1)
    expect(row('store')).toMatchObject({
      status: 'failed',
      detail: `${join(cli.cwd, 'data')} is no folder`,
    })
    expect(row('store')?.fix).toContain('server.store')
  })

  test('that is a folder fails', async () => {
    const cli = await cliWith('port = 0\nstore = "sqlite:home"')
    expect((await machineOf(cli)).row('store')?.detail).toBe(`${join(cli.cwd, 'home')} is no file`)
  })

  test.skipIf(process.getuid?.() === 0)('that may not be written fails', async () => {
    const cli = await cliWith('port = 0\nstate_dir = "state/deep"')
    mkdirSync(join(cli.cwd, 'state'), { mode: 0o500 })
    const { row } = await machineOf(cli)
    chmodSync(join(cli.cwd, 'state'), 0o700)
    expect(row('store')?.detail).toBe(`nothing can be written in ${join(cli.cwd, 'state')}`)
  })

  test('in PostgreSQL is looked for at its address, without its password', async () => {
    const server = createTcpServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const store = `port = 0\nstore = "postgres://me:pass-word@127.0.0.1:${port}/synth"`
    const there = await machineOf(await cliWith(store))
    expect(there.row('store')).toMatchObject({
      status: 'ok',
      detail: `a server answers at 127.0.0.1:${port}`,
    })
    await new Promise((resolve) => server.close(resolve))
    const gone = await machineOf(await cliWith(store))
    expect(gone.code).toBe(1)
    expect(gone.row('store')).toMatchObject({
      status: 'failed',
      detail: `no PostgreSQL server answers at 127.0.0.1:${port} (ECONNREFUSED)`,
    })
    expect(JSON.stringify(gone.row('store'))).not.toContain('pass-word')
  })
  test('in PostgreSQL at a socket of this machine is not looked for', async () => {
    const { code, row } = await machineOf(
      await cliWith('port = 0\nstore = "postgres:///synth?host=/run/postgresql"'),
    )
    expect(code).toBe(0)
    expect(row('store')).toMatchObject({ status: 'skipped' })
  })
})

describe('the port', () => {
  test('that a bridge listens on is fine', async () => {
    const bridge = await startTestBridge({ config: {} })
    running.push(bridge)
    const { port } = new URL(bridge.url)
    const { row } = await machineOf(await cliWith(`port = ${port}`))
    expect(row('port')).toMatchObject({ status: 'ok' })
    expect(row('port')?.detail).toMatch(/^a bridge runs at 127\.0\.0\.1:\d+ \(0\.\d/)
  })

  test.each(['speaks HTTP', 'hangs up'])(
    'that another program has, which %s, fails',
    async (kind) => {
      const server =
        kind === 'speaks HTTP'
          ? createServer((_request, response) => response.end('{}'))
          : createTcpServer((socket) => socket.destroy())
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      running.push({ close: () => new Promise((resolve) => server.close(resolve)) })
      const { port } = server.address() as AddressInfo
      const { code, row } = await machineOf(await cliWith(`port = ${port}`))
      expect(code).toBe(1)
      expect(row('port')).toMatchObject({
        status: 'failed',
        detail: `127.0.0.1:${port} is taken by another program`,
        fix: 'Stop that program, or choose another port with server.port (0 takes a free one).',
      })
    },
  )

  test('on an address that is not this machine fails', async () => {
    const text = 'host = "192.0.2.1"\nport = 4141\n[[keys]]\nname = "ci"\nkey_env = "CI_KEY"'
    const { row } = await machineOf(await cliWith(text))
    expect(row('port')).toMatchObject({ status: 'failed', fix: 'Check server.host.' })
  })
})

describe('the clients', () => {
  const script = (body: string) => `#!/bin/sh\n${body}\n`

  test.each<[name: string, body: string, status: string, detail: RegExp]>([
    ['a version', 'echo 1.18.33', 'ok', /^1\.18\.33 \(.*opencode\)$/],
    ['a version among words', 'echo "opencode v1.2.3-beta.1"', 'ok', /^1\.2\.3-beta\.1 \(/],
    ['nothing', 'exit 0', 'warning', /does not run: --version prints no version$/],
    ['an error', 'exit 3', 'warning', /does not run: --version ends with 3$/],
  ])('opencode that prints %s', async (_name, body, status, detail) => {
    const cli = await cliWith('port = 0', { 'bin/opencode': script(body) })
    chmodSync(join(cli.cwd, 'bin/opencode'), 0o755)
    const { code, row } = await machineOf(cli, { PATH: join(cli.cwd, 'bin') })
    expect(code).toBe(0)
    expect(row('opencode')?.status).toBe(status)
    expect(row('opencode')?.detail).toMatch(detail)
  })

  test("opencode that is not there is nobody's fault", async () => {
    const { code, row } = await machineOf(await cliWith('port = 0'), { PATH: '/nowhere' })
    expect(code).toBe(0)
    expect(row('opencode')).toMatchObject({ status: 'skipped', detail: 'not on this machine' })
    expect(row('opencode')?.fix).toContain('npm install --global opencode-ai')
  })

  test('codex is found with its version', async () => {
    const { row } = await machineOf(await cliWith('port = 0'))
    expect(row('codex')).toMatchObject({ status: 'ok' })
    expect(row('codex')?.detail).toMatch(/^\d+\.\d+\.\d+\S* \(/)
  })
})

describe('wrong usage', () => {
  test.each<[args: string[], message: string]>([
    [['--timeout-s', '0'], 'at least 1'],
    [['--timeout-s', 'soon'], 'a whole number of seconds'],
    [['--modle', 'm'], 'Did you mean --model?'],
    [['--config', 'no.toml'], 'there is no such file'],
  ])('%j exits with 2', async (args, message) => {
    const { code, stdout, stderr } = await createTestCli().run(['doctor', ...args])
    expect(code).toBe(2)
    expect(stdout + stderr).toContain(message)
  })
})

test('nothing of the test folder is made by looking', async () => {
  const cli = await cliWith('port = 0\nstate_dir = "state"')
  await cli.run(['doctor'], { fetch })
  expect(existsSync(join(cli.cwd, 'state'))).toBe(false)
})
