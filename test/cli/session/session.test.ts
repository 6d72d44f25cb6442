/** `synth session …` against a bridge over HTTP: what is printed, changed, refused, and the exit code. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { SessionSchema } from '../../../src/cli/bridge/api-schemas.ts'
import type { CliContext } from '../../../src/cli/context.ts'
import { startTestBridge } from '../../support/bridge.ts'
import { createTestCli } from '../../support/cli.ts'
import { startHttpUpstream, streaming, textFrames } from '../../support/http-upstream.ts'

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.close()))
})

const ON_TERMINAL = { isTerminal: true, columns: 100 } as const

async function start(config: Record<string, unknown> = {}, env = {}) {
  const upstream = await startHttpUpstream(streaming(textFrames('hello')))
  const bridge = await startTestBridge({
    config: {
      upstreams: { local: { base_url: upstream.baseUrl } },
      models: { m: { upstream: 'local', price: { input: '1', output: '1' } } },
      ...config,
    },
    env,
  })
  running.push(bridge, upstream)
  const cli = createTestCli({ 'synth.toml': '[session]\nlimit_cost_usd = 7.5\n' })
  const run = (args: string, changes: Partial<CliContext> = {}) =>
    cli.run(['session', ...args.split(' '), '--url', bridge.url], { fetch, ...changes })
  const json = async (args: string) => JSON.parse((await run(`${args} --json`)).stdout)
  /** @returns the id of a new session beside the others */
  const open = async (flags = '') =>
    SessionSchema.parse(await json(`create --no-active ${flags}`.trim())).session_id
  const call = (session: string) =>
    fetch(`${bridge.url}/v1/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-synth-session-id': session },
      body: JSON.stringify({ model: 'm', input: 'hi' }),
    })
  return { bridge, cli, run, json, open, call }
}

describe('create', () => {
  test('without flags takes the limits of the file and the place of the active one', async () => {
    const { json } = await start()
    const first = await json('create')
    expect(first.limits).toMatchObject([{ metric_type: 'cost_usd', limit_value: '7.5' }])
    await json('create')
    expect(await json(`show ${first.session_id}`)).toMatchObject({ status: 'ended' })
  })

  test('with flags sets those, keeps the others, and may stay beside', async () => {
    const { json } = await start()
    const first = await json('create')
    const before = Date.now()
    const beside = await json(
      'create --no-active --limit-tokens 1000 --limit-api-calls 3 --expires 8h',
    )
    expect(
      beside.limits.map((limit: Record<string, unknown>) => [
        limit['metric_type'],
        limit['limit_value'],
      ]),
    ).toEqual([
      ['cost_usd', '7.5'],
      ['tokens', 1000],
      ['api_calls', 3],
    ])
    const expiresInMs = Date.parse(beside.expires_at) - before
    expect(Math.abs(expiresInMs - 8 * 3_600_000)).toBeLessThan(60_000)
    expect(await json(`show ${first.session_id}`)).toMatchObject({ status: 'active' })
  })

  test.each(['create --no-limit', 'create --limit-cost-usd 0'])(
    '%s says loudly that nothing bounds it',
    async (args) => {
      const { run } = await start()
      const { code, stdout, stderr } = await run(args)
      expect(code).toBe(0)
      expect(stdout).toMatch(/^sess_[0-9a-f]{32}\n$/)
      expect(stderr).toMatch(/^warning: .* no limit/)
    },
  )

  test('shows the session on a terminal, and how calls get into it', async () => {
    const { run } = await start()
    const { stdout } = await run('create --no-active', ON_TERMINAL)
    expect(stdout).toMatch(
      /^sess_[0-9a-f]{32} {2}active\n {2}cost {2}░+ {2}\$0\.00 of \$7\.50 {2}0%\n/,
    )
    expect(stdout).toContain('X-Synth-Session-ID: sess_')
  })
})

describe('list and show', () => {
  test('are lines with tabs for programs, and a table on a terminal', async () => {
    const { run, open, call } = await start()
    const id = await open()
    await (await call(id)).text()
    const plain = (await run('list')).stdout
    expect(plain.split('\t').slice(0, 6)).toEqual([id, 'active', '0.00001', '7.5', '10', '1'])
    const table = (await run('list', ON_TERMINAL)).stdout.split('\n')
    expect(table[0]).toMatch(/^SESSION +STATUS +SPENT +TOKENS +CALLS +OPENED$/)
    expect(table[1]).toMatch(new RegExp(`^${id} +active +\\$0\\.00001 of \\$7\\.50 +10 +1 `))
    const narrow = (await run('list', { ...ON_TERMINAL, columns: 40 })).stdout.split('\n')
    expect(narrow[0]).toMatch(/^SESSION +STATUS +SPENT/)
    expect(Math.max(...narrow.map(({ length }) => length))).toBeLessThanOrEqual(40)
  })

  test('list those of a status, and as many as asked for', async () => {
    const { run, json, open } = await start()
    const ended = await open()
    await json(`end ${ended}`)
    const kept = await open()
    expect((await json('list')).map(({ session_id }: never) => session_id)).toEqual([kept, ended])
    expect(await json('list --status ended')).toMatchObject([{ session_id: ended }])
    expect(await json('list --limit 1')).toMatchObject([{ session_id: kept }])
    expect((await run('list --status over')).code).toBe(2)
  })

  test('an empty list is empty for programs, and a sentence for people', async () => {
    const { run } = await start()
    expect((await run('list')).stdout).toBe('')
    expect((await run('list --json')).stdout).toBe('[]\n')
    expect((await run('list', ON_TERMINAL)).stdout).toContain('No sessions')
  })

  test('the first digits of an id are enough, unless they are those of several', async () => {
    const { run, json, open } = await start()
    const id = await open()
    expect(await json(`show ${id.slice(0, 12)}`)).toMatchObject({ session_id: id })
    expect(await json(`show ${id.slice(5, 12)}`)).toMatchObject({ session_id: id })
    expect(await run('show sess_ffffffffff')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('No session of yours begins with "sess_ffffffffff"'),
    })
    for (const odd of ['../me', 'sess_', 'abc', 'sess_%00'])
      expect(await run(`show ${odd}`)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('is not the id of a session'),
      })
    const unknown = `sess_${'0'.repeat(32)}`
    expect(await run(`show ${unknown}`)).toMatchObject({
      code: 1,
      stderr: `synth: No session "${unknown}".\n`,
    })
  })
})

describe('raise', () => {
  test('to an amount, or by one', async () => {
    const { run, open } = await start()
    const id = await open('--limit-tokens 1000')
    expect(await run(`raise ${id} --limit-cost-usd 25.000000001`)).toMatchObject({
      code: 0,
      stdout: `Raised ${id}: cost from $7.50 to $25.000000001, $25.00 left.\n`,
    })
    expect(await run(`raise ${id} --limit-cost-usd +5 --limit-tokens +24`)).toMatchObject({
      stdout: `Raised ${id}: cost from $25.000000001 to $30.000000001, $30.00 left.\nRaised ${id}: tokens from 1,000 to 1,024, 1,024 left.\n`,
    })
  })

  test('lets a session go on that was stopped', async () => {
    const { json, open, call } = await start()
    const id = await open('--limit-cost-usd 0.00001')
    expect((await call(id)).status).toBe(429)
    expect(await json(`raise ${id} --limit-cost-usd +1`)).toMatchObject([
      { limit_value: '1.00001', exceeded_at: null },
    ])
    expect(await json(`show ${id}`)).toMatchObject({ status: 'active' })
    expect((await call(id)).status).toBe(200)
  })

  test.each([
    [
      '--limit-cost-usd 5',
      2,
      '--limit-cost-usd 5 is not above the limit there is, $7.50. Give a larger one, or +5',
    ],
    ['--limit-tokens 5', 1, 'has no limit of tokens, so there is none to raise'],
    ['', 2, 'Say which limit to raise: --limit-cost-usd,'],
    ['--limit-cost-usd -5', 2, '"-5" is not a number above 0'],
    ['--limit-cost-usd lots', 2, '"lots" is not a number above 0'],
    ['--limit-cost-usd +0', 2, 'less than the smallest amount'],
    ['--limit-cost-usd 9 --limit-id none', 1, 'with the id none'],
    ['--limit-cost-usd 9 --limit-tokens 9 --limit-id x', 2, '--limit-id is of one limit'],
  ])('%s exits with %i', async (flags, code, message) => {
    const { run, open } = await start()
    const result = await run(`raise ${await open()} ${flags}`.trim())
    expect(result).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) })
  })

  test('of one of several limits of a kind needs to know which', async () => {
    const { bridge, run, open } = await start()
    const id = await open()
    await fetch(`${bridge.url}/api/v1/sessions/${id}/limits`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        metric_type: 'cost_usd',
        limit_value: 1,
        limit_type: 'rolling_window',
        window_seconds: 3600,
      }),
    })
    const { code, stderr } = await run(`raise ${id} --limit-cost-usd +1`)
    expect(code).toBe(2)
    const [, limitId] = /([0-9a-f-]{36}) \(cost \/ 1h, \$1\.00\)/.exec(stderr) ?? []
    expect(await run(`raise ${id} --limit-cost-usd +1 --limit-id ${limitId}`)).toMatchObject({
      code: 0,
      stdout: `Raised ${id}: cost / 1h from $1.00 to $2.00, $2.00 left.\n`,
    })
  })

  test('is up to the key', async () => {
    const keys = [{ name: 'ci', key_env: 'CI_KEY' }]
    const env = { CI_KEY: 'sk-ci' }
    const { cli, bridge } = await start({ keys }, env)
    const run = (...args: string[]) =>
      cli.run(['session', ...args, '--url', bridge.url, '--api-key-env', 'CI_KEY'], { fetch, env })
    const id = (await run('create', '--no-active')).stdout.trim()
    expect(await run('raise', id, '--limit-cost-usd', '+1')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('may not raise its own limits (may_raise in [[keys]])'),
    })
  })
})

test('end says what was spent, once', async () => {
  const { run, open, call } = await start()
  const id = await open()
  await (await call(id)).text()
  expect(await run(`end ${id}`)).toMatchObject({
    code: 0,
    stdout: `Ended ${id}: spent $0.00001, 10 tokens, 1 call.\n`,
  })
  expect(await run(`end ${id}`)).toMatchObject({
    code: 1,
    stderr: `synth: Session "${id}" is over.\n`,
  })
})

test.each([
  ['list --limit 0', 'from 1 to 1000'],
  ['create --expires yesterday', 'like 90m, 8h or 7d'],
  ['create --expires 2001-01-01', 'in the future'],
  ['create --limit-tokens 1.5.2', 'is not a number above 0'],
  ['create --no-limit --limit-tokens 5', '--no-limit and --limit-tokens contradict each other'],
  ['list --url nowhere', '--url "nowhere" is not the address of a bridge'],
  ['list --api-key-env NOT_SET', 'NOT_SET is not set'],
])('%s exits with 2', async (args, message) => {
  const result = await createTestCli().run(['session', ...args.split(' ')])
  expect(result).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(message) })
})

describe('without --url', () => {
  const SHA256 = '0'.repeat(64)

  test('where no bridge runs says how to start one', async () => {
    const hint = 'Start one with "synth serve", or name another with --url.'
    const free = createTestCli({ 'synth.toml': '[server]\nport = 0\n' })
    expect(await free.run(['session', 'list'])).toMatchObject({
      code: 1,
      stderr: `synth: No bridge of this configuration runs. ${hint}\n`,
    })
    const cli = createTestCli({
      'synth.toml': `[server]\nhost = "::"\nport = 4999\n[[keys]]\nname = "k"\nsha256 = "${SHA256}"\n`,
    })
    expect(await cli.run(['session', 'list'])).toMatchObject({
      code: 1,
      stderr: `synth: No bridge answers at http://127.0.0.1:4999. ${hint}\n`,
    })
  })

  /** `synth serve` in this process, until `stop`. */
  async function serve(cli: ReturnType<typeof createTestCli>, ...flags: string[]) {
    let stop = (_name: string) => {}
    const interrupted = new Promise<string>((resolve) => {
      stop = resolve
    })
    const url = await new Promise<string>((resolve) => {
      const done = cli.run(['serve', '--port', '0', ...flags], {
        stdout: (text) => resolve(/http\S+/.exec(text)?.[0] ?? ''),
        interrupted: () => interrupted,
      })
      running.push({
        close: async () => {
          stop('SIGTERM')
          await done
        },
      })
    })
    return url
  }

  test('finds the bridge of its configuration, whatever port that has', async () => {
    const cli = createTestCli({
      'synth.toml':
        '[server]\nstore = "memory"\n[upstreams.u]\nbase_url = "http://127.0.0.1:9/v1"\n',
    })
    await serve(cli)
    const { code, stdout } = await cli.run(['session', 'create'], { fetch })
    expect(code).toBe(0)
    expect((await cli.run(['session', 'list'], { fetch })).stdout).toContain(stdout.trim())
  })

  test('names those that run with other configurations', async () => {
    const toml =
      '[server]\nport = 4999\nstore = "memory"\n[upstreams.u]\nbase_url = "http://127.0.0.1:9/v1"\n'
    const cli = createTestCli({
      'synth.toml': toml,
      'other.toml': `${toml}[session]\nlimit_tokens = 9\n`,
    })
    const url = await serve(cli, '--config', 'other.toml')
    const { code, stderr } = await cli.run(['status'], { fetch })
    expect(code).toBe(1)
    expect(stderr).toContain('No bridge answers at http://127.0.0.1:4999.')
    expect(stderr).toContain(`With other configurations run: ${url} (other.toml).`)
  })
})

test('as a process', async () => {
  const { bridge, cli } = await start()
  const bin = join(import.meta.dirname, '../../../src/bin.ts')
  // Not `spawnSync`, which would stop the bridge, too.
  const run = (...args: string[]) =>
    new Promise<{ code: number | null; stdout: string }>((resolve) => {
      const child = spawn(process.execPath, [bin, ...args], { cwd: cli.cwd })
      let stdout = ''
      child.stdout.on('data', (piece) => {
        stdout += piece
      })
      child.on('close', (code) => resolve({ code, stdout }))
    })
  const created = await run('session', 'create', '--url', bridge.url)
  expect(created.code).toBe(0)
  const id = created.stdout.trim()
  const listed = await run('session', 'list', '--url', bridge.url)
  expect(listed.stdout.startsWith(`${id}\tactive\t0\t7.5\t`)).toBe(true)
  expect((await run('status', '--url', bridge.url)).stdout).toContain(id)
  expect((await run('session', 'nonsense')).code).toBe(2)
})
