/** The `@openai/agents` package on what the bridge keeps: conversations, earlier responses, sockets. */
import {
  Agent,
  MemorySession,
  OpenAIConversationsSession,
  OpenAIResponsesCompactionSession,
} from '@openai/agents'
import { expect, test } from 'vitest'
import { messageText, outputsIn } from '../e2e/harness/read-request.ts'
import { call, say } from '../e2e/harness/turns.ts'
import { openRunner, weatherTool } from './agents.ts'
import { MODEL, type Stage } from './stage.ts'

const agent = new Agent({
  name: 'Weather',
  instructions: 'Be brief.',
  model: MODEL,
  tools: [weatherTool().lookUp],
})

/** A turn with a call, and one that asks about it. */
const script = [call('look_up', { city: 'Oslo' }, 'call_a'), say('Fine.'), say('Oslo.')]

/** What the model must have been told at the end, however it was kept. */
function expectWholeHistory(stage: Stage): void {
  const { messages = [] } = stage.upstream.requests[2]?.body ?? {}
  expect(messages.map((message) => `${message.role}: ${messageText(message)}`)).toEqual([
    'system: Be brief.',
    'user: Oslo?',
    'assistant: ',
    'tool: Oslo: fine',
    'assistant: Fine.',
    'user: Which city?',
  ])
  expect(outputsIn(messages)).toEqual({ call_a: 'Oslo: fine' })
}

test('a session that is a conversation of the bridge', async () => {
  const { stage, client, runner } = await openRunner({ script })
  const session = new OpenAIConversationsSession({ client })
  expect((await runner.run(agent, 'Oslo?', { session })).finalOutput).toBe('Fine.')
  expect((await runner.run(agent, 'Which city?', { session })).finalOutput).toBe('Oslo.')
  expectWholeHistory(stage)
  expect((await session.getItems()).map((item) => item.type)).toEqual([
    ...['message', 'function_call', 'function_call_result', 'message', 'message', 'message'],
  ])
  await session.clearSession()
})

test('a conversation that the runner names', async () => {
  const { stage, client, runner } = await openRunner({ script })
  const { id: conversationId } = await client.conversations.create({})
  await runner.run(agent, 'Oslo?', { conversationId })
  await runner.run(agent, 'Which city?', { conversationId })
  expectWholeHistory(stage)
})

test('an earlier response that the runner names', async () => {
  const { stage, runner } = await openRunner({ script })
  const { lastResponseId } = await runner.run(agent, 'Oslo?')
  if (lastResponseId === undefined) throw new Error('the run has no response')
  await runner.run(agent, 'Which city?', { previousResponseId: lastResponseId })
  expectWholeHistory(stage)
})

test('over a WebSocket the same, with no other request', async () => {
  const { stage, runner } = await openRunner({ script, wire: 'socket' })
  const first = await runner.run(agent, 'Oslo?', { stream: true })
  await first.completed
  expect(first.finalOutput).toBe('Fine.')
  const previousResponseId = first.lastResponseId ?? ''
  const second = await runner.run(agent, 'Which city?', { stream: true, previousResponseId })
  await second.completed
  expect(second.finalOutput).toBe('Oslo.')
  expectWholeHistory(stage)
  expect(stage.sent).toEqual([])
})

test('a session that is compacted goes on from the note', async () => {
  const { stage, client, runner } = await openRunner({
    script: [say('Hello, Ada.'), say('The user is Ada.'), say('Ada.')],
    config: { models: { 'gpt-5.6': { upstream: 'scripted' }, [MODEL]: { upstream: 'scripted' } } },
  })
  const session = new OpenAIResponsesCompactionSession({
    client,
    model: 'gpt-5.6',
    underlyingSession: new MemorySession(),
    shouldTriggerCompaction: ({ sessionItems }) => sessionItems.length === 2,
  })
  const plain = new Agent({ name: 'Plain', model: MODEL })
  await runner.run(plain, 'I am Ada.', { session })
  expect((await runner.run(plain, 'Who am I?', { session })).finalOutput).toBe('Ada.')
  expect(stage.sent.map(({ path }) => path)).toEqual([
    ...['/v1/responses', '/v1/responses/compact', '/v1/responses'],
  ])
  const told = stage.upstream.requests[2]?.body.messages.map(messageText).join('\n')
  expect(told).toContain('The user is Ada.')
  expect(told).not.toContain('Hello, Ada.')
})
