/** The `@openai/agents` package: its tool loop and hand-offs. */
import { Agent, MaxTurnsExceededError, ModelRefusalError } from '@openai/agents'
import { RateLimitError } from 'openai'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { DOT_PNG_BASE64 } from '../e2e/harness/png.ts'
import { callsIn, messageText, outputsIn, toolNames } from '../e2e/harness/read-request.ts'
import { answer, call, completion, say } from '../e2e/harness/turns.ts'
import { openRunner, weatherTool } from './agents.ts'
import { MODEL } from './stage.ts'
import { TWO_CALLS } from './weather.ts'

test('parallel calls run, their outputs go back, usage adds up', async () => {
  const { stage, runner } = await openRunner({
    script: [TWO_CALLS, say('Both fine.', { prompt: 150, completion: 5 })],
  })
  const { asked, lookUp } = weatherTool()
  const agent = new Agent({
    name: 'Weather',
    instructions: 'Look cities up.',
    model: MODEL,
    tools: [lookUp],
  })
  const result = await runner.run(agent, 'Oslo and Rome?')
  expect(result.finalOutput).toBe('Both fine.')
  expect(asked).toEqual(['Oslo', 'Rome'])
  expect(result.newItems.map(({ type }) => type)).toEqual([
    'reasoning_item',
    'tool_call_item',
    'tool_call_item',
    'tool_call_output_item',
    'tool_call_output_item',
    'message_output_item',
  ])
  expect(result.lastResponseId).toMatch(/^resp_/)
  expect(result.state.usage).toMatchObject({
    requests: 2,
    inputTokens: 250,
    outputTokens: 35,
    totalTokens: 285,
  })
  const second = stage.upstream.requests[1]?.body.messages ?? []
  expect(second.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'tool', 'tool'])
  expect(callsIn(second).map(({ id }) => id)).toEqual(['call_a', 'call_b'])
  expect(outputsIn(second)).toEqual({ call_a: 'Oslo: fine', call_b: 'Rome: fine' })
  expect(second[2]?.reasoning_content).toBe('Both at once.')
})

test('a hand-off gives the conversation to the other, with its own tools and words', async () => {
  const { stage, runner } = await openRunner({
    script: [
      call('transfer_to_Billing', {}, 'call_hand'),
      call('look_up', { city: 'Oslo' }, 'call_a'),
      say('You owe nothing.'),
    ],
  })
  const { asked, lookUp } = weatherTool()
  const billing = new Agent({
    name: 'Billing',
    instructions: 'You do bills.',
    handoffDescription: 'Bills.',
    model: MODEL,
    tools: [lookUp],
  })
  const triage = Agent.create({
    name: 'Triage',
    instructions: 'You sort.',
    model: MODEL,
    handoffs: [billing],
  })
  const result = await runner.run(triage, 'What do I owe?')
  expect(result.finalOutput).toBe('You owe nothing.')
  expect(result.lastAgent?.name).toBe('Billing')
  expect(asked).toEqual(['Oslo'])
  const [first, second] = stage.upstream.requests.map(({ body }) => body)
  if (first === undefined || second === undefined) throw new Error('there were no two requests')
  expect(toolNames(first)).toEqual(['transfer_to_Billing'])
  expect(toolNames(second)).toEqual(['look_up'])
  expect(second.messages[0]).toMatchObject({ role: 'system', content: 'You do bills.' })
  expect(outputsIn(second.messages)['call_hand']).toContain('Billing')
})

test('another agent as a tool has a conversation of its own', async () => {
  const { stage, runner } = await openRunner({
    script: [
      call('translate', { input: 'Good morning' }, 'call_t'),
      say('God morgen'),
      say('It is “God morgen”.'),
    ],
  })
  const translator = new Agent({ name: 'Translator', instructions: 'Translate.', model: MODEL })
  const agent = new Agent({
    name: 'Host',
    model: MODEL,
    tools: [
      translator.asTool({
        toolName: 'translate',
        toolDescription: 'Translates.',
        runConfig: runner.config,
      }),
    ],
  })
  expect((await runner.run(agent, 'Say it in Norwegian.')).finalOutput).toBe('It is “God morgen”.')
  const inner = stage.upstream.requests[1]?.body.messages ?? []
  expect(inner.map(messageText)).toEqual(['Translate.', 'Good morning'])
  expect(outputsIn(stage.upstream.requests[2]?.body.messages ?? [])).toEqual({
    call_t: 'God morgen',
  })
})

test('an output type is parsed', async () => {
  const { stage, runner } = await openRunner({ script: [say('{"city":"Oslo","celsius":-3}')] })
  const agent = new Agent({
    name: 'Weather',
    model: MODEL,
    outputType: z.object({ city: z.string(), celsius: z.number() }),
  })
  expect((await runner.run(agent, 'Oslo?')).finalOutput).toEqual({ city: 'Oslo', celsius: -3 })
  expect(stage.upstream.requests[0]?.body['response_format']).toMatchObject({
    type: 'json_schema',
    json_schema: { strict: true },
  })
})

test('a picture goes to the model, and a second question follows the first', async () => {
  const { stage, runner } = await openRunner({ script: [say('A dot.'), say('Purple.')] })
  const agent = new Agent({ name: 'Eyes', model: MODEL })
  const image = `data:image/png;base64,${DOT_PNG_BASE64}`
  const first = await runner.run(agent, [
    {
      role: 'user',
      content: [
        { type: 'input_text', text: 'What is it?' },
        { type: 'input_image', image },
      ],
    },
  ])
  const second = await runner.run(agent, [...first.history, { role: 'user', content: 'Colour?' }])
  expect(second.finalOutput).toBe('Purple.')
  expect(stage.upstream.requests[1]?.body.messages).toMatchObject([
    { role: 'user', content: [{ text: 'What is it?' }, { image_url: { url: image } }] },
    { role: 'assistant', content: 'A dot.' },
    { role: 'user', content: 'Colour?' },
  ])
})

test('a used-up budget ends the run with one request', async () => {
  const { stage, runner } = await openRunner({
    script: [
      answer({
        calls: [{ id: 'call_a', name: 'look_up', arguments: { city: 'Oslo' } }],
        usage: { prompt: 10_000, completion: 1_000 },
      }),
    ],
    model: { price: { input: '1', output: '10' } },
    config: { session: { limit_cost_usd: '0.02' } },
  })
  const { asked, lookUp } = weatherTool()
  const agent = new Agent({ name: 'Weather', model: MODEL, tools: [lookUp] })
  await expect(runner.run(agent, 'Oslo?')).rejects.toThrow(RateLimitError)
  // The first call was paid for, and its tool ran.
  expect(asked).toEqual(['Oslo'])
  expect(stage.sent).toHaveLength(2)
  expect(stage.upstream.requests).toHaveLength(1)
})

test('a refusal is known as one', async () => {
  const { runner } = await openRunner({ script: [answer({ refusal: 'I will not.' })] })
  const agent = new Agent({ name: 'Any', model: MODEL })
  await expect(runner.run(agent, 'Do it.')).rejects.toThrow(ModelRefusalError)
})

test('calls without end are stopped by the client’s own limit', async () => {
  const { stage, runner } = await openRunner({
    script: Array.from({ length: 5 }, (_, at) => call('look_up', { city: 'Oslo' }, `call_${at}`)),
  })
  const { lookUp } = weatherTool()
  const agent = new Agent({ name: 'Weather', model: MODEL, tools: [lookUp] })
  await expect(runner.run(agent, 'Oslo?', { maxTurns: 3 })).rejects.toThrow(MaxTurnsExceededError)
  expect(stage.upstream.requests).toHaveLength(3)
})

test('on Chat Completions the same loop works', async () => {
  const { stage, runner } = await openRunner({
    wire: 'chat',
    script: [
      completion({ calls: [{ id: 'call_a', name: 'look_up', arguments: { city: 'Oslo' } }] }),
      completion({ text: 'Fine.' }),
    ],
  })
  const { lookUp } = weatherTool()
  const agent = new Agent({ name: 'Weather', model: MODEL, tools: [lookUp] })
  expect((await runner.run(agent, 'Oslo?')).finalOutput).toBe('Fine.')
  expect(stage.sent.map(({ path }) => path)).toEqual(Array(2).fill('/v1/chat/completions'))
  expect(outputsIn(stage.upstream.requests[1]?.body.messages ?? [])).toEqual({
    call_a: 'Oslo: fine',
  })
})
