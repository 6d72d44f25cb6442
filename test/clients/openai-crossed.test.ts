/** The `openai` package before an upstream that speaks Responses: passed through, and as chat. */
import { RateLimitError } from 'openai'
import { LengthFinishReasonError } from 'openai/core/error'
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod'
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { withDeadline } from '../e2e/harness/deadline.ts'
import { callsIn, messageText, outputsIn } from '../e2e/harness/read-request.ts'
import { answer, fallsSilent, refuse, say } from '../e2e/harness/turns.ts'
import { openClient } from './openai.ts'
import { MODEL } from './stage.ts'
import { TWO_CALLS } from './weather.ts'

const upstreamWire = 'responses'
const PlaceSchema = z.object({ city: z.string() })

describe('Chat Completions', () => {
  const messages: ChatCompletionMessageParam[] = [{ role: 'user', content: 'Hi.' }]
  const ASK = { model: MODEL, messages }

  test('whole and streamed, with usage', async () => {
    const turn = say('one two', { prompt: 12, completion: 5, cached: 8 })
    const { client } = await openClient({ upstreamWire, script: [turn, turn] })
    const usage = {
      prompt_tokens: 12,
      prompt_tokens_details: { cached_tokens: 8 },
      completion_tokens: 5,
      total_tokens: 17,
    }
    expect(await client.chat.completions.create(ASK)).toMatchObject({
      object: 'chat.completion',
      model: MODEL,
      choices: [{ message: { role: 'assistant', content: 'one two' }, finish_reason: 'stop' }],
      usage,
    })
    const pieces: string[] = []
    const final = await client.chat.completions
      .stream({ ...ASK, stream_options: { include_usage: true } })
      .on('content.delta', ({ delta }) => pieces.push(delta))
      .finalChatCompletion()
    expect(pieces).toEqual(['one ', 'two'])
    expect(final).toMatchObject({ choices: [{ message: { content: 'one two' } }], usage })
  })

  test.each([{ stream: false as const }, { stream: true as const }])(
    'runTools runs parallel calls until there is an answer, stream: $stream',
    async ({ stream }) => {
      const { stage, client } = await openClient({
        upstreamWire,
        script: [TWO_CALLS, say('Both fine.')],
      })
      const asked: string[] = []
      const lookUp = {
        type: 'function' as const,
        function: {
          name: 'look_up',
          description: 'Looks a city up.',
          parameters: { type: 'object', properties: { city: { type: 'string' } } },
          parse: (json: string) => PlaceSchema.parse(JSON.parse(json)),
          function: ({ city }: { city: string }) => {
            asked.push(city)
            return `${city}: fine`
          },
        },
      }
      const params = { ...ASK, tools: [lookUp] }
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

  test('parse gives the object, says when it was cut, and knows a refusal', async () => {
    const { stage, client } = await openClient({
      upstreamWire,
      script: [
        say('{"city":"Oslo"}'),
        answer({ text: '{"city":"Os', finish: 'length' }),
        answer({ refusal: 'I will not.' }),
      ],
    })
    const response_format = zodResponseFormat(PlaceSchema, 'place')
    const ask = () => client.chat.completions.parse({ ...ASK, response_format })
    expect((await ask()).choices[0]?.message.parsed).toEqual({ city: 'Oslo' })
    await expect(ask()).rejects.toThrow(LengthFinishReasonError)
    expect((await ask()).choices[0]?.message).toMatchObject({
      parsed: null,
      refusal: 'I will not.',
    })
    expect(stage.upstream.requests[0]?.body['response_format']).toMatchObject({
      type: 'json_schema',
      json_schema: { name: 'place', strict: true },
    })
  })

  test('leaving the loop lets the last upstream go', async () => {
    const { stage, client } = await openClient({ upstreamWire, script: [fallsSilent('Thinking')] })
    const stream = await client.chat.completions.create({ ...ASK, stream: true })
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content === 'Thinking') break
    }
    const request = await stage.upstream.arrival(0)
    await withDeadline('the upstream’s connection to close', 2_000, request.closed)
  })

  test('a used-up budget is a RateLimitError at once', async () => {
    const { stage, client } = await openClient({
      upstreamWire,
      script: [say('Costly.', { prompt: 10_000, completion: 1_000 })],
      model: { price: { input: '1', output: '10' } },
      config: { session: { limit_cost_usd: '0.02' } },
    })
    await client.chat.completions.create(ASK)
    await expect(client.chat.completions.create(ASK)).rejects.toThrow(RateLimitError)
    expect(stage.sent).toHaveLength(2)
    expect(stage.upstream.requests).toHaveLength(1)
  })
})

describe('Responses', () => {
  test('streams, calls and figures come through as they are', async () => {
    const { client } = await openClient({ upstreamWire, script: [TWO_CALLS] })
    const summary: string[] = []
    const response = await client.responses
      .stream({
        model: MODEL,
        input: 'Both?',
        tools: [{ type: 'function', name: 'look_up', parameters: {}, strict: false }],
      })
      .on('response.reasoning_summary_text.done', ({ text }) => summary.push(text))
      .finalResponse()
    expect(summary).toEqual(['Both at once.'])
    expect(response).toMatchObject({
      output: [
        { type: 'reasoning' },
        { type: 'function_call', call_id: 'call_a', arguments: '{"city":"Oslo"}' },
        { type: 'function_call', call_id: 'call_b', arguments: '{"city":"Rome"}' },
      ],
      usage: { input_tokens: 100, input_tokens_details: { cached_tokens: 60 }, output_tokens: 30 },
    })
  })

  test('what is kept is the bridge’s: the upstream is told the whole conversation', async () => {
    const { stage, client } = await openClient({
      upstreamWire,
      script: [say('Hello, Ada.'), say('Ada.')],
    })
    const first = await client.responses.create({ model: MODEL, input: 'I am Ada.' })
    const second = await client.responses.parse({
      model: MODEL,
      previous_response_id: first.id,
      input: 'Who am I?',
    })
    expect(second.output_text).toBe('Ada.')
    expect(stage.upstream.requests[1]?.body.messages.map(messageText)).toEqual([
      ...['I am Ada.', 'Hello, Ada.', 'Who am I?'],
    ])
    expect((await client.responses.retrieve(first.id)).output).toEqual(first.output)
  })

  test('an object by its schema, and an error as it is', async () => {
    const { stage, client } = await openClient({
      upstreamWire,
      script: [say('{"city":"Oslo"}'), refuse(400, 'max_tokens is too large')],
    })
    const ask = () =>
      client.responses.parse({
        model: MODEL,
        input: 'Where?',
        text: { format: zodTextFormat(PlaceSchema, 'place') },
      })
    expect((await ask()).output_parsed).toEqual({ city: 'Oslo' })
    await expect(ask()).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('max_tokens is too large'),
    })
    expect(stage.sent).toHaveLength(2)
  })
})
