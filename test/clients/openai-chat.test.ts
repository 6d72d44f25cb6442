/** The `openai` package on Chat Completions, which the bridge passes through. */
import { RateLimitError } from 'openai'
import { LengthFinishReasonError } from 'openai/core/error'
import { zodResponseFormat } from 'openai/helpers/zod'
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { withDeadline } from '../e2e/harness/deadline.ts'
import { callsIn, outputsIn } from '../e2e/harness/read-request.ts'
import { answer, completion, fallsSilent, refuse, say } from '../e2e/harness/turns.ts'
import { openClient } from './openai.ts'
import { MODEL } from './stage.ts'

const messages: ChatCompletionMessageParam[] = [{ role: 'user', content: 'Hi.' }]
const ASK = { model: MODEL, messages }

const TWO_CALLS = answer({
  calls: [
    { id: 'call_a', name: 'look_up', arguments: { city: 'Oslo' } },
    { id: 'call_b', name: 'look_up', arguments: { city: 'Rome' } },
  ],
  pieceChars: 3,
})

const lookUp = (asked: string[]) => ({
  type: 'function' as const,
  function: {
    name: 'look_up',
    description: 'Looks a city up.',
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
    parse: (json: string) => z.object({ city: z.string() }).parse(JSON.parse(json)),
    function: ({ city }: { city: string }) => {
      asked.push(city)
      return `${city}: fine`
    },
  },
})

test('a whole answer arrives as the upstream gave it', async () => {
  const usage = { prompt: 12, completion: 5, cached: 8 }
  const { stage, client } = await openClient({ script: [completion({ text: 'Hello.', usage })] })
  const answered = await client.chat.completions.create({ ...ASK, seed: 7 })
  expect(answered).toMatchObject({
    id: 'chatcmpl-1',
    choices: [{ message: { content: 'Hello.' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 12, completion_tokens: 5, total_tokens: 17 },
  })
  expect(stage.upstream.requests[0]?.body).toEqual({
    model: 'upstream-model',
    messages,
    seed: 7,
  })
})

test('a stream has its usage only for who asks', async () => {
  const { stage, client } = await openClient({ script: [say('one two'), say('one two')] })
  const read = async (options: object) => {
    let text = ''
    let tokens = 0
    const stream = await client.chat.completions.create({ ...ASK, stream: true, ...options })
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? ''
      tokens += chunk.usage?.total_tokens ?? 0
    }
    return { text, tokens }
  }
  expect(await read({})).toEqual({ text: 'one two', tokens: 0 })
  expect(await read({ stream_options: { include_usage: true } })).toEqual({
    text: 'one two',
    tokens: 1_020,
  })
  for (const { body } of stage.upstream.requests) {
    expect(body['stream_options']).toEqual({ include_usage: true })
  }
})

test('stream() puts pieces of parallel calls together', async () => {
  const { client } = await openClient({ script: [TWO_CALLS] })
  const done: string[] = []
  const stream = client.chat.completions.stream({ ...ASK, tools: [lookUp([])] })
  stream.on('tool_calls.function.arguments.done', ({ name, arguments: args }) => {
    done.push(`${name} ${args}`)
  })
  const final = await stream.finalChatCompletion()
  expect(done).toEqual(['look_up {"city":"Oslo"}', 'look_up {"city":"Rome"}'])
  expect(final.choices[0]).toMatchObject({
    finish_reason: 'tool_calls',
    message: { tool_calls: [{ id: 'call_a' }, { id: 'call_b' }] },
  })
})

test.each([{ stream: false as const }, { stream: true as const }])(
  'runTools runs the calls until there is an answer, stream: $stream',
  async ({ stream }) => {
    const calls = [
      { id: 'call_a', name: 'look_up', arguments: { city: 'Oslo' } },
      { id: 'call_b', name: 'look_up', arguments: { city: 'Rome' } },
    ]
    const script = stream
      ? [TWO_CALLS, say('Both fine.')]
      : [completion({ calls }), completion({ text: 'Both fine.' })]
    const { stage, client } = await openClient({ script })
    const asked: string[] = []
    const params = { ...ASK, tools: [lookUp(asked)] }
    const runner = stream
      ? client.chat.completions.runTools({ ...params, stream: true })
      : client.chat.completions.runTools(params)
    expect(await runner.finalContent()).toBe('Both fine.')
    expect(asked).toEqual(['Oslo', 'Rome'])
    const second = stage.upstream.requests[1]?.body.messages ?? []
    expect(callsIn(second).map(({ id }) => id)).toEqual(['call_a', 'call_b'])
    expect(outputsIn(second)).toEqual({ call_a: 'Oslo: fine', call_b: 'Rome: fine' })
  },
)

test('parse gives the object, and says when it was cut', async () => {
  const format = zodResponseFormat(z.object({ city: z.string() }), 'place')
  const { client } = await openClient({
    script: [
      completion({ text: '{"city":"Oslo"}' }),
      completion({ text: '{"city":"Os', finish: 'length' }),
      completion({ refusal: 'I will not.' }),
    ],
  })
  const ask = () => client.chat.completions.parse({ ...ASK, response_format: format })
  expect((await ask()).choices[0]?.message.parsed).toEqual({ city: 'Oslo' })
  await expect(ask()).rejects.toThrow(LengthFinishReasonError)
  expect((await ask()).choices[0]?.message).toMatchObject({
    parsed: null,
    refusal: 'I will not.',
  })
})

test('a used-up budget is a RateLimitError at once', async () => {
  const { stage, client } = await openClient({
    script: [completion({ text: 'Costly.', usage: { prompt: 10_000, completion: 1_000 } })],
    model: { price: { input: '1', output: '10' } },
    config: { session: { limit_cost_usd: '0.02' } },
  })
  await client.chat.completions.create(ASK)
  await expect(client.chat.completions.create(ASK)).rejects.toThrow(RateLimitError)
  expect(stage.sent).toHaveLength(2)
  expect(stage.upstream.requests).toHaveLength(1)
})

test('an upstream that asks to slow down is asked again', async () => {
  const { stage, client } = await openClient({
    script: [refuse(429, 'Slow down', { 'retry-after': '0' }), completion({ text: 'At last.' })],
  })
  const answered = await client.chat.completions.create(ASK)
  expect(answered.choices[0]?.message.content).toBe('At last.')
  expect(stage.sent).toHaveLength(2)
})

test('leaving the loop lets the upstream go', async () => {
  const { stage, client } = await openClient({ script: [fallsSilent('Thinking')] })
  const stream = await client.chat.completions.create({ ...ASK, stream: true })
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta.content === 'Thinking') break
  }
  const request = await stage.upstream.arrival(0)
  await withDeadline('the upstream’s connection to close', 2_000, request.closed)
})
