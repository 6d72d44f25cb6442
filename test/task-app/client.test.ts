/** Containers that run a rollout in their own time. */
import { expect, onTestFinished, test } from 'vitest'
import type { RolloutOrder } from '../../src/rollout/request.ts'
import { createTaskApp } from '../../src/task-app/client.ts'
import { createTaskAppHttp } from '../../src/task-app/http.ts'
import { type Scripted, startScriptedApp } from '../support/task-app.ts'

const ORDER: RolloutOrder = {
  seed: 0,
  model: 'm',
  trialId: 't',
  correlationId: 'c',
  inferenceUrl: 'http://h/t?cid=c',
  environment: undefined,
  maxSeconds: 60,
  fields: {},
}

async function open(answer: (route: string) => Scripted) {
  const app = await startScriptedApp(({ route }) => answer(route))
  const http = createTaskAppHttp({ url: app.url, keys: [], connections: 1 })
  onTestFinished(() => http.close())
  return { app, taskApp: createTaskApp(http) }
}

const running = { status: 202, body: { rollout_id: 'r 1', status: 'running' } }
const never = new AbortController().signal

test('it is asked until it is over', async () => {
  const answers: Scripted[] = [running, { body: { status: 'completed', reward: 0.25 } }]
  const { app, taskApp } = await open((route) =>
    route === 'POST /rollout' ? running : answers.shift(),
  )
  expect(await taskApp.rollout('container', ORDER, never)).toEqual({ ok: true, reward: 0.25 })
  expect(app.requests.map(({ route }) => route)).toEqual([
    'POST /rollout',
    'GET /rollouts/r%201',
    'GET /rollouts/r%201',
  ])
})

test('one that fails later says why', async () => {
  const failed = { body: { status: 'failed', error: { message: 'out of memory' } } }
  const { taskApp } = await open((route) => (route === 'POST /rollout' ? running : failed))
  expect(await taskApp.rollout('container', ORDER, never)).toMatchObject({
    ok: false,
    reason: 'says that the rollout failed: out of memory',
  })
})

test('one that is forgotten is an answer too', async () => {
  const { taskApp } = await open((route) => (route === 'POST /rollout' ? running : undefined))
  expect(await taskApp.rollout('container', ORDER, never)).toMatchObject({
    ok: false,
    reason: 'answered HTTP 404: Not Found',
  })
})

test('one that nobody waits for any more is told to stop', async () => {
  const ending = new AbortController()
  const { app, taskApp } = await open((route) => {
    if (route.startsWith('GET')) ending.abort(new Error('enough'))
    return running
  })
  await expect(taskApp.rollout('container', ORDER, ending.signal)).rejects.toThrow('enough')
  expect(app.requests.at(-1)?.route).toBe('POST /rollouts/r%201/terminate')
})

test('a container advertises itself, and its program what it starts from', async () => {
  const { taskApp } = await open((route) => {
    if (route === 'GET /metadata') {
      return { body: { optimizer_contracts: { gepa: 'synth_optimizers.gepa.v2' } } }
    }
    return { body: { seed_candidate: { system: 'Hello.', size: 3 } } }
  })
  expect(await taskApp.detectDialect(never)).toBe('container')
  expect(await taskApp.seedFields(never)).toEqual({ system: 'Hello.' })
})

test.each([
  undefined,
  { body: { program_code: 'x' } },
  { body: '<html>' },
  { body: { optimizer_contracts: null } },
])('whatever else /metadata says is the SDK: %j', async (answer) => {
  const { taskApp } = await open(() => answer)
  expect(await taskApp.detectDialect(never)).toBe('sdk')
})
