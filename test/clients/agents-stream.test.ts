/** Streamed runs of `@openai/agents`. */
import { Agent, type RunStreamEvent } from '@openai/agents'
import { expect, test } from 'vitest'
import { withDeadline } from '../e2e/harness/deadline.ts'
import { call, fallsSilent, say } from '../e2e/harness/turns.ts'
import { openRunner, weatherTool } from './agents.ts'
import { MODEL } from './stage.ts'
import { TWO_CALLS } from './weather.ts'

test('a streamed run says what happens while it happens, over all its calls', async () => {
  const { runner } = await openRunner({ script: [TWO_CALLS, say('Both are fine.')] })
  const { asked, lookUp } = weatherTool()
  const agent = new Agent({ name: 'Weather', model: MODEL, tools: [lookUp] })
  const result = await runner.run(agent, 'Oslo and Rome?', { stream: true })
  const events: RunStreamEvent[] = []
  for await (const event of result) events.push(event)
  await result.completed
  expect(
    events.flatMap((event) => (event.type === 'run_item_stream_event' ? [event.name] : [])),
  ).toEqual([
    'reasoning_item_created',
    'tool_called',
    'tool_called',
    'tool_output',
    'tool_output',
    'message_output_created',
  ])
  const text = events.flatMap((event) =>
    event.type === 'raw_model_stream_event' && event.data.type === 'output_text_delta'
      ? [event.data.delta]
      : [],
  )
  expect(text).toEqual(['Both ', 'are ', 'fine.'])
  expect(asked).toEqual(['Oslo', 'Rome'])
  expect(result.finalOutput).toBe('Both are fine.')
  expect(result.state.usage).toMatchObject({ requests: 2, inputTokens: 1_100 })
})

test('a streamed run hands over, and says to whom', async () => {
  const { runner } = await openRunner({
    script: [call('transfer_to_Billing', {}, 'call_hand'), say('You owe nothing.')],
  })
  const billing = new Agent({ name: 'Billing', model: MODEL })
  const triage = Agent.create({ name: 'Triage', model: MODEL, handoffs: [billing] })
  const result = await runner.run(triage, 'What do I owe?', { stream: true })
  const agents: string[] = []
  for await (const event of result) {
    if (event.type === 'agent_updated_stream_event') agents.push(event.agent.name)
  }
  expect(agents).toEqual(['Billing'])
  expect(result.finalOutput).toBe('You owe nothing.')
})

test('a streamed run that is aborted lets the upstream go', async () => {
  const { stage, runner } = await openRunner({ script: [fallsSilent('Thinking')] })
  const abort = new AbortController()
  const agent = new Agent({ name: 'Slow', model: MODEL })
  const result = await runner.run(agent, 'Hi.', { stream: true, signal: abort.signal })
  for await (const event of result) {
    if (event.type !== 'raw_model_stream_event') continue
    if (event.data.type === 'output_text_delta') abort.abort()
  }
  const request = await stage.upstream.arrival(0)
  await withDeadline('the upstream’s connection to close', 2_000, request.closed)
  expect(stage.upstream.requests).toHaveLength(1)
})
