/** Whole runs against task apps that know nothing of this product, unmodified. */
import { describe, expect, test } from 'vitest'
import type { FakeAnswer, FakeCall } from '../../support/fake-interceptor.ts'
import { startExample, startPythonApp, startScriptedApp } from '../../support/task-app.ts'
import { bySeed, openStage } from './stage.ts'

const systemOf = ({ body }: FakeCall): string =>
  String((body['messages'] as { content: string }[])[0]?.content)

/** Says the larger number, as the Python app asks for; wrong for every fourth seed. */
const largerNumber = (call: FakeCall): FakeAnswer => {
  const numbers = (call.body['messages'] as { content: string }[]).at(-1)?.content.match(/\d+/g)
  return { says: call.seed % 4 === 3 ? 'none' : (numbers?.at(-1) ?? '') }
}

describe('a Python app of the standard library', () => {
  test('is scored without a change, through a URL per seed', async () => {
    const url = await startPythonApp('sums.py', { ENVIRONMENT_API_KEY: 'sk_env_python' })
    const { run, lines, bridge } = await openStage({ answer: largerNumber })
    const env = { ENVIRONMENT_API_KEY: 'sk_env_python' }
    const { code, stdout, stderr } = await run(url, '0:8', ['--limit-cost-usd', '5'], { env })

    expect(code).toBe(0)
    expect(bySeed(lines()).map(({ seed, status, reward }) => [seed, status, reward])).toEqual(
      [1, 1, 1, 0, 1, 1, 1, 0].map((reward, seed) => [seed, 'done', reward]),
    )
    expect(bySeed(lines())[5]).toEqual({
      seed: 5,
      status: 'done',
      reward: 1,
      error: null,
      trial_id: expect.stringMatching(/^trial_\d+$/),
      correlation_id: expect.stringMatching(/^trace_trial_\d+$/),
      trace_ids: [expect.stringMatching(/^tr_\d+$/)],
      cost_usd: '0.0001',
      tokens: 10,
      duration_ms: expect.any(Number),
    })
    // The way of the SDK's helper, and no key of ours behind it.
    expect(
      bridge.calls.every(({ path }) => /\/trial_\d+\/v1\/chat\/completions\?cid=/.test(path)),
    ).toBe(true)
    expect(bridge.sessions).toMatchObject([
      {
        make_active: false,
        limits: [{ metric_type: 'cost_usd', limit_value: '5' }],
        session_type: 'rollout',
      },
    ])
    expect(new Set(bridge.trials.map(({ job_id }) => job_id)).size).toBe(1)
    expect(bridge.trials[0]).toMatchObject({
      session_id: 'sess_fa4e',
      policy: { model: 'm' },
      ttl_seconds: 660,
    })
    expect(stderr).toContain('8 seeds of Larger number on m (sdk), 20 at a time')
    expect(stdout).toContain('8 of 8 done')
    expect(stdout).toContain('mean reward 0.75 ± 0.4629, from 0 to 1')
    expect(stdout + stderr).not.toContain('sk_env_python')
  })

  test('with the wrong key: every seed says so, the way out is said once, and no key is shown', async () => {
    const url = await startPythonApp('sums.py', { ENVIRONMENT_API_KEY: 'sk_env_python' })
    const { run, lines, bridge } = await openStage()
    const env = { ENVIRONMENT_API_KEY: 'sk_env_other' }
    const { code, stdout, stderr } = await run(url, '0:3', [], { env })
    expect(code).toBe(1)
    expect(bridge.sessions).toEqual([])
    expect(lines().map(({ error }) => error)).toEqual(
      Array(3).fill('the task app refused the key (HTTP 400)'),
    )
    expect(stderr.match(/set ENVIRONMENT_API_KEY/g)).toHaveLength(1)
    expect(stdout + stderr).not.toMatch(/sk_env/)
  })
})

test('a strict container runs asynchronously, with its own fields for a candidate', async () => {
  const url = await startPythonApp('container.py')
  const candidate = '{"style":"Shout."}'
  const { run, lines, bridge } = await openStage({}, { 'c.json': candidate })
  const { code, stderr } = await run(url, '3:6', ['--candidate', 'c.json'])
  expect(stderr).toContain('(container)')
  expect(bySeed(lines()).map(({ seed, status, reward }) => [seed, status, reward])).toEqual([
    [3, 'done', 1],
    [4, 'done', 1],
    [5, 'done', 1],
  ])
  expect(code).toBe(0)
  expect(bridge.calls.map(systemOf)).toEqual(Array(3).fill('Say the word. Shout.'))
  // The correlation id is in the path, where text that is put behind it does not break it.
  expect(bridge.calls[0]?.path).toMatch(/\/trial_\d+\/trace_trial_\d+\/chat\/completions$/)
})

test('the example of this repository, with its key', async () => {
  const env = { ENVIRONMENT_API_KEY: 'sk_env_example' }
  const url = await startExample('support-mail', env)
  const answer = ({ seed }: FakeCall) => ({ says: seed < 2 ? 'Billing.' : 'billing or delivery' })
  const { run, lines, bridge } = await openStage({ answer })
  const { code } = await run(url, '0:4', ['--json'], { env })
  expect(code).toBe(0)
  expect(bySeed(lines()).map(({ reward }) => reward)).toEqual([1, 0, 0, 0])
  expect(bridge.calls[0]?.path).toMatch(
    /^\/api\/interceptor\/v1\/trial_\d+\/chat\/completions\?cid=/,
  )
  expect(JSON.stringify(bridge.calls)).not.toContain('sk_env_example')
})

test('--json prints one object and nothing else', async () => {
  const url = await startExample('support-mail')
  const { run } = await openStage()
  const { stdout } = await run(url, '0:2', ['--json'])
  expect(JSON.parse(stdout)).toMatchObject({
    task_app: url,
    task: 'Support mail',
    dialect: 'sdk',
    model: 'm',
    session_id: 'sess_fa4e',
    stopped: null,
    seeds: { total: 2, done: 2, failed: 0, incomplete: 0, not_run: 0, resumed: 0 },
    reward: { mean: 0, deviation: 0, min: 0, max: 0 },
    rollouts: [{ seed: 0 }, { seed: 1 }],
  })
})

test('a candidate goes to the bridge, for every trial, and nothing of it to the app', async () => {
  const candidate = { replacements: [{ apply_to_role: 'system', new_text: 'Be right.' }] }
  const app = await startScriptedApp(({ route }) =>
    route === 'POST /rollout' ? { body: { reward: 1 } } : undefined,
  )
  const { run, bridge } = await openStage({}, { 'c.json': JSON.stringify(candidate) })
  await run(app.url, '0:2', ['--candidate', 'c.json'])
  expect(bridge.trials.map((trial) => trial['candidate'])).toEqual([candidate, candidate])
  expect(JSON.stringify(app.requests)).not.toContain('Be right.')
})

test('a candidate that the bridge refuses ends the run with its words', async () => {
  const url = await startExample('support-mail')
  const { run, bridge } = await openStage(
    { refuseTrial: () => ({ status: 422, code: 'invalid_candidate' }) },
    { 'c.json': '{"replacements":[{}]}' },
  )
  const { code, stderr } = await run(url, '0:9', ['--candidate', 'c.json', '--concurrency', '2'])
  expect(code).toBe(2)
  expect(stderr).toContain('--candidate: refused: invalid_candidate')
  expect(bridge.calls).toEqual([])
})

describe('the request', () => {
  const recorded = async (flags: readonly string[]) => {
    const app = await startScriptedApp(({ route }) =>
      route === 'POST /rollout' ? { body: { reward: 1 } } : undefined,
    )
    const { run } = await openStage()
    await run(app.url, '7:8', flags)
    return app.requests.filter(({ route }) => route === 'POST /rollout')
  }

  test('is the same for a seed, whichever run it is in', async () => {
    const [[first], [second]] = [await recorded([]), await recorded([])]
    const plain = (body: unknown): string =>
      JSON.stringify(body).replaceAll(/127\.0\.0\.1:\d+/g, 'bridge')
    expect(plain(first?.body)).toBe(plain(second?.body))
    expect(first?.body).toMatchObject({ env: { seed: 7 }, seed: 7 })
  })

  test.each([
    { dialect: 'flat', keys: ['seed', 'inputs', 'policy_config'] },
    { dialect: 'container', keys: ['seed', 'candidate', 'submission_mode', 'policy'] },
  ])('--dialect $dialect', async ({ dialect, keys }) => {
    const [request] = await recorded(['--dialect', dialect])
    expect(Object.keys(request?.body ?? {})).toEqual(keys)
  })
})

test('keys go in all three headers, and nowhere where there are none', async () => {
  const app = await startScriptedApp(() => ({ body: { reward: 1 } }))
  const { run } = await openStage()
  const env = { ENVIRONMENT_API_KEY: 'key-one', ENVIRONMENT_API_KEY_ALIASES: 'key-two' }
  await run(app.url, '0:1', [], { env })
  await run(app.url, '0:1', ['--out', 'other.jsonl'])
  const sent = app.requests
    .filter(({ route }) => route === 'POST /rollout')
    .map(({ headers }) => [headers['x-api-key'], headers['x-api-keys'], headers.authorization])
  expect(sent).toEqual([
    ['key-one', 'key-one,key-two', 'Bearer key-one'],
    [undefined, undefined, undefined],
  ])
})
