/** Codex over a WebSocket: with `supports_websockets` it sends only what is new, turn by turn. */
import { expect, test } from 'vitest'
import { CHECKPOINT_PROMPT, introduceSummary } from '../../src/translate/compaction.ts'
import { messageText, outputsIn } from './harness/read-request.ts'
import { openScene } from './harness/scene.ts'
import { answer, brokenOff, call, say } from './harness/turns.ts'

test('Codex runs its tools over one WebSocket, each turn from the last', async () => {
  const scene = await openScene({
    socket: true,
    script: [
      call('exec_command', { cmd: 'echo apples' }, 'call_1'),
      call('exec_command', { cmd: 'echo pears' }, 'call_2'),
      say('Apples and pears.'),
    ],
  })
  const run = await scene.codex(['fetch the fruit'])
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'Apples and pears.', errors: [] })

  const { connections, requests, fromClient, fromBridge } = scene.tap ?? nothing
  expect(connections).toHaveLength(1)
  expect(connections[0]?.['openai-beta']).toMatch(/^responses_websockets=/)
  expect(requests).toEqual([])
  // A warm-up first, for which nobody is asked; then what is new, from the response before.
  expect(fromClient.map(({ type, generate }) => ({ type, generate }))).toEqual([
    { type: 'response.create', generate: false },
    ...[1, 2, 3].map(() => ({ type: 'response.create', generate: undefined })),
  ])
  const ended = fromBridge.filter(({ type }) => type === 'response.completed')
  expect(fromClient.map((message) => message['previous_response_id'])).toEqual([
    undefined,
    ...ended.slice(0, 3).map(({ response }) => (response as { id: string }).id),
  ])
  expect(fromClient.at(-1)?.['input']).toMatchObject([
    { type: 'function_call_output', call_id: 'call_2' },
  ])

  expect(scene.upstream.requests).toHaveLength(3)
  const { messages } = (await scene.upstream.arrival(2)).body
  expect(outputsIn(messages)).toEqual({
    call_1: expect.stringContaining('apples'),
    call_2: expect.stringContaining('pears'),
  })
  // The whole conversation, and each request begins with the one before it, for the upstream's cache.
  const [first, second] = scene.upstream.requests
  expect(messages.slice(0, second?.body.messages.length)).toEqual(second?.body.messages)
  expect(messages.slice(0, first?.body.messages.length)).toEqual(first?.body.messages)
  expect(first?.body.messages.some((message) => messageText(message) === 'fetch the fruit')).toBe(
    true,
  )
})

test('a budget stops it over a WebSocket too, with the reason on its screen', async () => {
  const calls = 40
  const scene = await openScene({
    socket: true,
    modelToml: 'price = { input = "1", output = "10" }\n[session]\nlimit_cost_usd = "0.05"',
    script: Array.from({ length: calls }, (_, index) =>
      call('exec_command', { cmd: 'true' }, `call_${index}`),
    ),
  })
  const run = await scene.codex(['loop'])
  expect(run.exitCode).toBe(1)
  expect(run.errors.join('\n')).toMatch(
    /Session budget of \$0\.05 is used up \(\$0\.0\d+ spent\)\. Start a new session with a new budget/,
  )
  const { fromBridge, requests } = scene.tap ?? nothing
  expect(fromBridge.filter(({ type }) => type === 'error')).toMatchObject([
    { status: 429, error: { type: 'usage_limit_reached', code: 'session_cost_limit' } },
  ])
  expect(requests).toEqual([])
  expect(scene.upstream.requests.length).toBeLessThan(calls)
})

test('a turn that broke is asked again, whole, on a WebSocket', async () => {
  const scene = await openScene({
    socket: true,
    script: [
      call('exec_command', { cmd: 'echo apples' }, 'call_1'),
      brokenOff('Here are'),
      say('Here are apples.'),
    ],
  })
  const run = await scene.codex(['fetch the fruit'])
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'Here are apples.' })
  const { fromClient, requests } = scene.tap ?? nothing
  expect(requests).toEqual([])
  expect(fromClient.at(-1)).not.toHaveProperty('previous_response_id')
  const { messages } = (await scene.upstream.arrival(2)).body
  expect(outputsIn(messages)).toEqual({ call_1: expect.stringContaining('apples') })
})

test('where WebSocket is switched off Codex goes on over HTTP at once', async () => {
  const scene = await openScene({
    serverToml: 'websocket = false',
    overrides: { 'model_providers.synth.supports_websockets': true },
    script: [say('Over HTTP.')],
  })
  const run = await scene.codex(['hello'])
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'Over HTTP.' })
  expect(scene.upstream.requests).toHaveLength(1)
  expect(scene.bridge.log().match(/WebSocket is switched off/g)).toHaveLength(1)
})

test('compacts by the chat model where Codex takes its provider for OpenAI', async () => {
  const scene = await openScene({
    socket: true,
    overrides: { 'model_providers.synth.name': 'OpenAI' },
    model: { autoCompactTokenLimit: 5_000 },
    script: [
      answer({
        calls: [{ id: 'call_1', name: 'exec_command', arguments: { cmd: 'echo apples' } }],
        usage: { prompt: 6_000, completion: 20 },
      }),
      say('The fruit is apples.', { prompt: 100, completion: 20 }),
      say('Apples it is.', { prompt: 100, completion: 20 }),
    ],
  })
  const run = await scene.codex(['fetch the fruit'])
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'Apples it is.', errors: [] })
  expect(scene.upstream.requests).toHaveLength(3)
  const { messages: asked } = (await scene.upstream.arrival(1)).body
  expect(messageText(asked.at(-1) ?? NO_MESSAGE)).toBe(CHECKPOINT_PROMPT)
  const { messages } = (await scene.upstream.arrival(2)).body
  expect(messages.map(({ role }) => role)).not.toContain('tool')
  expect(messages.map(messageText)).toContain(introduceSummary('The fruit is apples.'))
  expect(scene.tap?.requests.filter((request) => !request.includes('/models'))).toEqual([])
})

const nothing = { connections: [], requests: [], fromClient: [], fromBridge: [] }
const NO_MESSAGE = { role: 'none', content: '' }
