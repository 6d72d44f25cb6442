/** The `openai` package on the Responses API, streamed: as an iterator, and by its events. */
import type OpenAI from 'openai'
import { APIError, APIUserAbortError } from 'openai'
import { zodTextFormat } from 'openai/helpers/zod'
import type { ResponseStreamEvent } from 'openai/resources/responses/responses'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { withDeadline } from '../e2e/harness/deadline.ts'
import { answer, brokenOff, fallsSilent, say, type Turn } from '../e2e/harness/turns.ts'
import { openClient } from './openai.ts'
import { MODEL } from './stage.ts'

const TWO_CALLS: Turn = answer({
  calls: [
    { id: 'call_a', name: 'look_up', arguments: { city: 'Ålesund' } },
    { id: 'call_b', name: 'look_up', arguments: { city: 'Rome' } },
  ],
  pieceChars: 3,
  interleaved: true,
})

const LOOK_UP: OpenAI.Responses.FunctionTool = {
  type: 'function',
  name: 'look_up',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  strict: false,
}

describe('for await', () => {
  test('text comes in the pieces that the upstream sent, then the whole response', async () => {
    const usage = { prompt: 12, completion: 5, cached: 8 }
    const { client } = await openClient({ script: [say('one two three', usage)] })
    const stream = await client.responses.create({ model: MODEL, input: 'Count.', stream: true })
    const events: ResponseStreamEvent[] = []
    for await (const event of stream) events.push(event)
    expect(events.map(({ type }) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      ...Array(3).fill('response.output_text.delta'),
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ])
    expect(events.flatMap((event) => ('delta' in event ? [event.delta] : []))).toEqual([
      ...['one ', 'two ', 'three'],
    ])
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual([...events.keys()])
    const last = events.at(-1)
    if (last?.type !== 'response.completed') throw new Error(`${last?.type} comes last`)
    expect(last.response).toMatchObject({
      output: [{ type: 'message', content: [{ type: 'output_text', text: 'one two three' }] }],
      usage: {
        input_tokens: 12,
        input_tokens_details: { cached_tokens: 8 },
        output_tokens: 5,
        total_tokens: 17,
      },
    })
  })

  test('a failure in the middle of the text is thrown, with what the upstream said', async () => {
    const broken: Turn = {
      kind: 'stream',
      frames: [
        'data: {"choices":[{"index":0,"delta":{"content":"Well"}}]}\n\n',
        'data: {"error":{"message":"The GPU fell off the bus","code":500}}\n\n',
      ],
      ending: 'end',
    }
    const { stage, client } = await openClient({ script: [broken] })
    const stream = await client.responses.create({ model: MODEL, input: 'Hi.', stream: true })
    let text = ''
    const reading = (async () => {
      for await (const event of stream) {
        if (event.type === 'response.output_text.delta') text += event.delta
      }
    })()
    await expect(reading).rejects.toThrow(APIError)
    await expect(reading).rejects.toThrow('The GPU fell off the bus')
    expect(text).toBe('Well')
    // Once there is a byte, the client does not ask again by itself.
    expect(stage.sent).toHaveLength(1)
  })

  test('leaving the loop lets the upstream go', async () => {
    const { stage, client } = await openClient({ script: [fallsSilent('Thinking')] })
    const stream = await client.responses.create({ model: MODEL, input: 'Hi.', stream: true })
    for await (const event of stream) {
      if (event.type === 'response.output_text.delta') break
    }
    const request = await stage.upstream.arrival(0)
    await withDeadline('the upstream’s connection to close', 2_000, request.closed)
  })

  test('two readers of one stream see the same', async () => {
    const { client } = await openClient({ script: [say('one two')] })
    const stream = await client.responses.create({ model: MODEL, input: 'Count.', stream: true })
    const seen = await Promise.all(
      stream.tee().map(async (branch) => {
        const types: string[] = []
        for await (const { type } of branch) types.push(type)
        return types
      }),
    )
    expect(seen[0]?.at(-1)).toBe('response.completed')
    expect(seen[0]).toEqual(seen[1])
  })
})

describe('stream()', () => {
  test('gives text with its snapshots, and the final response', async () => {
    const { client } = await openClient({
      script: [answer({ reasoning: 'Easy.', text: 'one two' })],
    })
    const snapshots: string[] = []
    const summary: string[] = []
    const response = await client.responses
      .stream({ model: MODEL, input: 'Count.', reasoning: { summary: 'auto' } })
      .on('response.output_text.delta', ({ snapshot }) => snapshots.push(snapshot))
      .on('response.reasoning_summary_text.delta', ({ delta }) => summary.push(delta))
      .on('response.reasoning_summary_text.done', ({ text }) => summary.push(`= ${text}`))
      .finalResponse()
    expect(snapshots).toEqual(['one ', 'one two'])
    expect(summary).toEqual(['Easy.', '= Easy.'])
    expect(response).toMatchObject({
      status: 'completed',
      output_text: 'one two',
      output: [
        { type: 'reasoning', summary: [{ type: 'summary_text', text: 'Easy.' }] },
        { type: 'message' },
      ],
    })
  })

  test('puts interleaved pieces of parallel calls together, each to its own', async () => {
    const { client } = await openClient({ script: [TWO_CALLS] })
    const stream = client.responses.stream({ model: MODEL, input: 'Both?', tools: [LOOK_UP] })
    const snapshots = new Map<number, string>()
    let pieces = 0
    stream.on('response.function_call_arguments.delta', ({ output_index, snapshot }) => {
      snapshots.set(output_index, snapshot)
      pieces += 1
    })
    const response = await stream.finalResponse()
    expect([...snapshots.values()]).toEqual(['{"city":"Ålesund"}', '{"city":"Rome"}'])
    expect(pieces).toBe(Math.ceil(18 / 3) + Math.ceil(15 / 3))
    expect(response.output).toMatchObject([
      { type: 'function_call', call_id: 'call_a', arguments: '{"city":"Ålesund"}' },
      { type: 'function_call', call_id: 'call_b', arguments: '{"city":"Rome"}' },
    ])
    const [first, second] = response.output
    expect(first?.id).not.toBe(second?.id)
  })

  test('parses what the schema describes', async () => {
    const format = zodTextFormat(z.object({ city: z.string(), celsius: z.number() }), 'weather')
    const { client } = await openClient({ script: [say('{"city":"Oslo", "celsius":-3}')] })
    const response = await client.responses
      .stream({ model: MODEL, input: 'Oslo?', text: { format } })
      .finalResponse()
    expect(response.output_parsed).toEqual({ city: 'Oslo', celsius: -3 })
  })

  test('a refusal has events of its own', async () => {
    const { client } = await openClient({ script: [answer({ refusal: 'I will not.' })] })
    const seen: string[] = []
    const response = await client.responses
      .stream({ model: MODEL, input: 'Do it.' })
      .on('response.refusal.delta', ({ delta }) => seen.push(delta))
      .on('response.refusal.done', ({ refusal }) => seen.push(`= ${refusal}`))
      .finalResponse()
    expect(seen).toEqual(['I ', 'will ', 'not.', '= I will not.'])
    expect(response.output).toMatchObject([{ content: [{ type: 'refusal' }] }])
  })

  test.each([
    { finish: 'length', reason: 'max_output_tokens' },
    { finish: 'content_filter', reason: 'content_filter' },
  ])('an answer that ends in $finish is incomplete', async ({ finish, reason }) => {
    const { client } = await openClient({ script: [answer({ text: 'Once upon', finish })] })
    const seen: string[] = []
    const response = await client.responses
      .stream({ model: MODEL, input: 'A story.' })
      .on('response.incomplete', ({ response: { status } }) => seen.push(status ?? 'none'))
      .finalResponse()
    expect(seen).toEqual(['incomplete'])
    expect(response).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason },
      output_text: 'Once upon',
    })
  })

  test('a connection that breaks is an error, not a short answer', async () => {
    const { client } = await openClient({ script: [brokenOff('Half a sen')] })
    const stream = client.responses.stream({ model: MODEL, input: 'Hi.' })
    await expect(stream.finalResponse()).rejects.toThrow(APIError)
  })

  test('abort() ends it for both sides', async () => {
    const { stage, client } = await openClient({ script: [fallsSilent('Thinking')] })
    const stream = client.responses.stream({ model: MODEL, input: 'Hi.' })
    stream.on('response.output_text.delta', () => stream.abort())
    await expect(stream.finalResponse()).rejects.toThrow(APIUserAbortError)
    const request = await stage.upstream.arrival(0)
    await withDeadline('the upstream’s connection to close', 2_000, request.closed)
  })
})

test('a signal aborts a call that does not stream', async () => {
  const { stage, client } = await openClient({ script: [fallsSilent('Thinking')] })
  const abort = new AbortController()
  const asking = client.responses.create({ model: MODEL, input: 'Hi.' }, { signal: abort.signal })
  const outcome = expect(asking).rejects.toThrow(APIUserAbortError)
  const request = await withDeadline('the request', 5_000, stage.upstream.arrival(0))
  abort.abort()
  await outcome
  await withDeadline('the upstream’s connection to close', 2_000, request.closed)
})
