/** The `ai` package when something goes wrong, and when it is stopped. */
import { APICallError, generateText, streamText } from 'ai'
import { describe, expect, test } from 'vitest'
import { withDeadline } from '../e2e/harness/deadline.ts'
import { fallsSilent, refuse, say, type Turn } from '../e2e/harness/turns.ts'
import { openProvider, STATELESS } from './ai-sdk.ts'

describe('an error', () => {
  const caught = async (promise: PromiseLike<unknown>): Promise<unknown> => {
    try {
      await promise
    } catch (error) {
      return error
    }
    throw new Error('it was not rejected')
  }

  test('of a used-up budget says so; nothing more is sent upstream', async () => {
    const { stage, model } = await openProvider({
      script: [say('Costly.', { prompt: 10_000, completion: 1_000 })],
      model: { price: { input: '1', output: '10' } },
      config: { session: { limit_cost_usd: '0.02' } },
    })
    const ask = { model, prompt: 'Hi.', providerOptions: STATELESS }
    await generateText(ask)
    // Unlike OpenAI's own client it does not look at x-should-retry: by default it asks twice again.
    const error = await caught(generateText({ ...ask, maxRetries: 0 }))
    expect(APICallError.isInstance(error)).toBe(true)
    expect(error).toMatchObject({
      statusCode: 429,
      message: 'Session budget of $0.02 is used up ($0.02 spent).',
      responseHeaders: { 'x-should-retry': 'false' },
    })
    expect(stage.upstream.requests).toHaveLength(1)
  })

  test('of a wrong key or request is not repeated', async () => {
    const { stage, model } = await openProvider({
      script: [refuse(401, 'Incorrect API key'), refuse(400, 'max_tokens is too large')],
    })
    const ask = { model, prompt: 'Hi.', providerOptions: STATELESS }
    expect(await caught(generateText(ask))).toMatchObject({
      statusCode: 401,
      message: expect.stringContaining('Incorrect API key'),
    })
    expect(await caught(generateText(ask))).toMatchObject({
      statusCode: 400,
      message: expect.stringContaining('max_tokens is too large'),
    })
    expect(stage.sent).toHaveLength(2)
  })

  test('that may pass is repeated, as soon as the upstream says', async () => {
    const { stage, model } = await openProvider({
      script: [refuse(429, 'Slow down', { 'retry-after': '0' }), say('At last.')],
    })
    const { text } = await generateText({ model, prompt: 'Hi.', providerOptions: STATELESS })
    expect(text).toBe('At last.')
    expect(stage.sent).toHaveLength(2)
  })
})

test('an error in the middle is a part of the stream, behind what was said', async () => {
  const broken: Turn = {
    kind: 'stream',
    frames: [
      'data: {"choices":[{"index":0,"delta":{"content":"Well"}}]}\n\n',
      'data: {"error":{"message":"The GPU fell off the bus","code":500}}\n\n',
    ],
    ending: 'end',
  }
  const { stage, model } = await openProvider({ script: [broken] })
  const result = streamText({
    model,
    prompt: 'Hi.',
    providerOptions: STATELESS,
    onError: () => {},
  })
  let text = ''
  const errors: string[] = []
  for await (const part of result.stream) {
    if (part.type === 'text-delta') text += part.text
    if (part.type === 'error') errors.push(String(part.error))
  }
  expect(text).toBe('Well')
  expect(errors.join()).toContain('The GPU fell off the bus')
  expect(stage.sent).toHaveLength(1)
})

test('abort lets the upstream go', async () => {
  const { stage, model } = await openProvider({ script: [fallsSilent('Thinking')] })
  const abort = new AbortController()
  const result = streamText({
    model,
    prompt: 'Hi.',
    abortSignal: abort.signal,
    providerOptions: STATELESS,
  })
  const parts: string[] = []
  for await (const part of result.stream) {
    parts.push(part.type)
    if (part.type === 'text-delta') abort.abort()
  }
  expect(parts.at(-1)).toBe('abort')
  const request = await stage.upstream.arrival(0)
  await withDeadline('the upstream’s connection to close', 2_000, request.closed)
})
