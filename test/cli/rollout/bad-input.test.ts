/** What may be wrong with a task app, a flag, or the bridge: the seed fails with its cause, the run goes on. */
import { describe, expect, test } from 'vitest'
import { startScriptedApp } from '../../support/task-app.ts'
import { deadPort } from '../launch/stage.ts'
import { bySeed, openStage } from './stage.ts'

/** Answers the second of three seeds as the row says, the others well. */
const appWith = (row: { readonly status?: number; readonly body: unknown }) =>
  startScriptedApp(({ route, body }) => {
    if (route !== 'POST /rollout') return undefined
    return body['seed'] === 1 ? row : { body: { metrics: { mean_return: 0.5 } } }
  })

const rows = [
  {
    name: 'the wrong key, as the SDK says it',
    row: { status: 400, body: { detail: { code: 'unauthorised' } } },
    says: 'the task app refused the key (HTTP 400)',
  },
  { name: '401', row: { status: 401, body: {} }, says: 'the task app refused the key (HTTP 401)' },
  { name: '403', row: { status: 403, body: {} }, says: 'the task app refused the key (HTTP 403)' },
  {
    name: 'a fault of its own',
    row: { status: 500, body: { error: { message: 'no such game' } } },
    says: 'the task app answered HTTP 500: no such game',
  },
  {
    name: 'HTML',
    row: { body: '<html><body>Sign in</body></html>' },
    says: 'the task app answered with an HTML page',
  },
  { name: 'no reward', row: { body: { ok: true } }, says: 'it names no reward' },
  {
    name: 'a reward that is NaN',
    row: { body: { metrics: { mean_return: 'NaN' } } },
    says: 'metrics.mean_return is NaN, which is no finite number',
  },
  { name: 'an empty body', row: { body: '' }, says: 'the task app answered with an empty body' },
  {
    name: 'an aborted rollout',
    row: { body: { aborted: true, metrics: { mean_return: 0 } } },
    says: 'the task app says that it aborted the rollout',
  },
]

describe('one seed fails', () => {
  test.each(rows)('$name', async ({ row, says }) => {
    const app = await appWith(row)
    const { run, lines } = await openStage()
    const { code, stdout } = await run(app.url, '0:3')
    const [first, second, third] = bySeed(lines())
    expect([first?.status, third?.status]).toEqual(['done', 'done'])
    expect(second).toMatchObject({ status: 'failed', reward: null })
    expect(second?.error).toContain(says)
    // An answer is an answer: it is asked for once.
    expect(app.requests.filter(({ body }) => body['seed'] === 1)).toHaveLength(1)
    expect(code).toBe(1)
    expect(stdout).toContain('2 of 3 done, 1 failed')
  })

  test('slow: it is given up after --timeout-s', async () => {
    const app = await startScriptedApp(({ route, body }) => {
      if (route !== 'POST /rollout') return undefined
      return body['seed'] === 1 ? 'silent' : { body: { reward: 1 } }
    })
    const { run, lines } = await openStage()
    await run(app.url, '0:2', ['--timeout-s', '1'])
    expect(bySeed(lines())[1]).toMatchObject({
      status: 'failed',
      error: 'the task app did not finish within 1 s',
    })
  })

  test('a broken connection is tried again, with a trial of its own', async () => {
    let broken = 0
    const app = await startScriptedApp(({ route, body }, response) => {
      if (route !== 'POST /rollout') return undefined
      if (body['seed'] !== 1 || broken === 2) return { body: { reward: 1 } }
      broken += 1
      response.destroy()
      return 'silent'
    })
    const { run, lines, bridge } = await openStage()
    expect((await run(app.url, '0:2')).code).toBe(0)
    expect(bridge.trials.filter(({ seed }) => seed === 1)).toHaveLength(3)
    expect(bySeed(lines())[1]).toMatchObject({ status: 'done', reward: 1 })
  })

  test('a connection that breaks every time is its cause', async () => {
    const app = await startScriptedApp(({ route, body }, response) => {
      if (route !== 'POST /rollout') return undefined
      if (body['seed'] !== 1) return { body: { reward: 1 } }
      response.destroy()
      return 'silent'
    })
    const { run, lines } = await openStage()
    await run(app.url, '0:2')
    expect(bySeed(lines())[1]?.error).toContain(
      'the task app closed the connection before its answer was whole',
    )
  })

  test('a redirect leads on at the same place only: the key goes nowhere else', async () => {
    const other = await startScriptedApp(() => ({ body: { reward: 1 } }))
    const app = await startScriptedApp(({ route }, response) => {
      if (!route.startsWith('POST /rollout')) return undefined
      if (route === 'POST /rollout') response.writeHead(307, { location: '/rollout/' }).end()
      else response.writeHead(307, { location: other.url }).end()
      return 'silent'
    })
    const { run, lines } = await openStage()
    await run(app.url, '0:1', [], { env: { ENVIRONMENT_API_KEY: 'key-one' } })
    expect(lines()[0]?.error).toBe(
      `the task app redirects to ${other.url}; name that as the task app`,
    )
    expect(other.requests).toEqual([])
  })
})

test('an app that is down: every seed says so, and no session is opened', async () => {
  const { run, lines, bridge } = await openStage()
  const url = `http://127.0.0.1:${await deadPort()}`
  const { code, stdout, stderr } = await run(url, '0:3')
  expect(code).toBe(1)
  expect(stderr).toContain(`the task app at ${url} refused the connection: is it running`)
  expect(lines().map(({ status }) => status)).toEqual(['failed', 'failed', 'failed'])
  expect(stdout).toContain('0 of 3 done, 3 failed')
  expect(bridge.sessions).toEqual([])
})

test('an app that answers only rollouts is scored all the same', async () => {
  const app = await startScriptedApp(({ route }) =>
    route === 'POST /rollout' ? { body: { reward: 1 } } : { body: '<html>hello</html>' },
  )
  const { run } = await openStage()
  expect((await run(app.url, '0:1')).code).toBe(0)
})

describe('wrong usage', () => {
  const usage = [
    { flags: ['--seeds', '9'], says: 'two whole numbers such as 0:50' },
    { flags: ['--task-app', 'localhost'], says: '--task-app "localhost" is not the address' },
    { flags: ['--task-app', 'http://u:secret@h'], says: 'http://…@h' },
    { flags: ['--concurrency', '0'], says: 'from 1 to 1000' },
    {
      flags: ['--candidate', 'none.json'],
      says: 'none.json cannot be read: there is no such file',
    },
    { flags: ['--candidate', 'bad.json'], says: 'bad.json is no JSON' },
    { flags: ['--candidate', 'list.json'], says: 'list.json is no candidate' },
    { flags: ['--dialect', 'x'], says: 'Allowed choices are auto, sdk, flat, container' },
    { flags: ['--out', 'there.jsonl'], says: 'there.jsonl exists. --resume runs the seeds' },
    {
      flags: ['--out', 'there.jsonl', '--resume'],
      says: 'there.jsonl:1 is no JSON, so this is no file to resume',
    },
  ]
  test.each(usage)('$flags', async ({ flags, says }) => {
    const files = { 'bad.json': '{', 'list.json': '[1]', 'there.jsonl': 'hello\n' }
    const { run } = await openStage({}, files)
    const { code, stderr } = await run('http://127.0.0.1:9', '0:1', flags)
    expect(stderr).toContain(says)
    expect(stderr).not.toContain('secret')
    expect(code).toBe(2)
  })

  test.each([
    { given: [], says: 'such as --task-app http' },
    { given: ['--task-app', 'http://h'], says: 'such as --seeds 0:50' },
    { given: ['--task-app', 'http://h', '--seeds', '0:1'], says: 'such as --model NAME' },
    { given: ['--seed', '0:1'], says: 'Did you mean --seeds?' },
  ])('without what it needs: $given', async ({ given, says }) => {
    const { cli } = await openStage()
    const { code, stderr } = await cli.run(['rollout', ...given])
    expect([code, stderr]).toEqual([2, expect.stringContaining(says)])
  })

  test('texts by field are for containers alone', async () => {
    const app = await startScriptedApp(() => undefined)
    const { run } = await openStage({}, { 'c.json': '{"system":"Hello"}' })
    const { code, stderr } = await run(app.url, '0:1', ['--candidate', 'c.json'])
    expect(code).toBe(2)
    expect(stderr).toContain('which only a container takes')
  })

  test('a key that no header can hold', async () => {
    const { run } = await openStage()
    const env = { ENVIRONMENT_API_KEY: 'se\ncret' }
    const { code, stderr } = await run('http://127.0.0.1:9', '0:1', [], { env })
    expect([code, stderr]).toEqual([2, expect.stringContaining('A key in ENVIRONMENT_API_KEY')])
    expect(stderr).not.toContain('cret.')
  })
})

describe('what the bridge says counts', () => {
  const oneCall = () => startScriptedApp(({ route }) => appThatCalls(route))
  const appThatCalls = (route: string) =>
    route === 'POST /rollout' ? { body: { reward: 1 } } : undefined

  test('without its traces a rollout is incomplete, and keeps its reward', async () => {
    const app = await oneCall()
    const { run, lines } = await openStage({ refuseTraces: true })
    expect((await run(app.url, '0:1')).code).toBe(1)
    expect(lines()[0]).toMatchObject({
      status: 'incomplete',
      reward: 1,
      cost_usd: null,
      tokens: null,
      error: expect.stringContaining('its calls cannot be checked'),
    })
  })

  test('a question to the bridge that gets no answer is asked again', async () => {
    const app = await oneCall()
    const { run } = await openStage()
    let broken = 0
    const fetch: typeof globalThis.fetch = (input, init) => {
      const isOurs = /\/trials$|\/traces\?/.test(String(input))
      if (!isOurs || broken === 4) return globalThis.fetch(input, init)
      broken += 1
      // The first two are the trial's, the others the traces'.
      return broken === 3 ? globalThis.fetch(input, init) : Promise.reject(new TypeError('cut'))
    }
    expect((await run(app.url, '0:1', [], { fetch })).code).toBe(0)
    expect(broken).toBe(4)
  })

  test('a bridge that gives no more trials ends the run; what ran is kept', async () => {
    const app = await oneCall()
    const { run, lines } = await openStage({
      refuseTrial: ({ seed }) =>
        Number(seed) >= 2 ? { status: 503, code: 'shutting_down' } : undefined,
    })
    const { code, stderr, stdout } = await run(app.url, '0:9', ['--concurrency', '1'])
    expect(code).toBe(1)
    expect(lines().map(({ seed }) => seed)).toEqual([0, 1])
    expect(stderr).toContain('the bridge gives no more trials')
    expect(stderr).toContain('refused: shutting_down')
    expect(stdout).toContain('2 of 9 done, 7 not run')
  })
})
