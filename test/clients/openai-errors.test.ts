/** What the `openai` package makes of errors: which class, and how often it asks again. */
import {
  APIConnectionTimeoutError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from 'openai'
import { describe, expect, test } from 'vitest'
import { withDeadline } from '../e2e/harness/deadline.ts'
import { fallsSilent, refuse, say, type Turn } from '../e2e/harness/turns.ts'
import { openClient } from './openai.ts'
import { CLIENT_KEY, MODEL, type StageOptions } from './stage.ts'

const PRICE = { input: '1', output: '10' }
const ASK = { model: MODEL, input: 'Hi.' }

const repeat = (times: number, turn: Turn) => Array.from({ length: times }, () => turn)

/** What the promise was rejected with. */
async function rejection(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it was not rejected')
}

describe('a budget that is used up', () => {
  const options: StageOptions = {
    script: [say('Costly.', { prompt: 10_000, completion: 1_000 })],
    model: { price: PRICE },
    config: { session: { limit_cost_usd: '0.02' } },
  }

  test.each([{ stream: false }, { stream: true }])(
    'is a RateLimitError at once, stream: $stream',
    async ({ stream }) => {
      const { stage, client } = await openClient(options)
      expect((await client.responses.create(ASK)).output_text).toBe('Costly.')
      const error = await rejection(client.responses.create({ ...ASK, stream }))
      expect(error).toBeInstanceOf(RateLimitError)
      expect(error).toMatchObject({
        status: 429,
        type: 'usage_limit_reached',
        code: 'session_cost_limit',
        message: '429 Session budget of $0.02 is used up ($0.02 spent).',
      })
      // The client would repeat another 429 twice.
      expect(stage.sent).toHaveLength(2)
      expect(stage.upstream.requests).toHaveLength(1)
    },
  )

  test('is a RateLimitError of stream(), too', async () => {
    const { stage, client } = await openClient(options)
    await client.responses.create(ASK)
    expect(await rejection(client.responses.stream(ASK).finalResponse())).toBeInstanceOf(
      RateLimitError,
    )
    expect(stage.sent).toHaveLength(2)
  })
})

describe('what no retry can mend is asked for once', () => {
  test('a key that is none of the configured', async () => {
    const keys = [{ name: 'ci', key_env: 'CI_KEY' }]
    const { stage, client } = await openClient({
      script: [],
      config: { keys },
      env: { CI_KEY: 'right' },
    })
    const error = await rejection(client.responses.create(ASK))
    expect(error).toBeInstanceOf(AuthenticationError)
    expect(error).toMatchObject({ status: 401, code: 'invalid_api_key' })
    expect(String(error)).not.toContain(CLIENT_KEY)
    expect(stage.sent).toHaveLength(1)
    expect(stage.upstream.requests).toHaveLength(0)
  })

  test('the right key is let in', async () => {
    const keys = [{ name: 'ci', key_env: 'CI_KEY' }]
    const { client } = await openClient(
      { script: [say('Hello.')], config: { keys }, env: { CI_KEY: 'right' } },
      'right',
    )
    expect((await client.responses.create(ASK)).output_text).toBe('Hello.')
  })

  test('a key that the upstream does not take', async () => {
    const { stage, client } = await openClient({
      script: repeat(3, refuse(401, 'Incorrect API key')),
    })
    const error = await rejection(client.responses.create(ASK))
    expect(error).toBeInstanceOf(AuthenticationError)
    expect(String(error)).toContain('Incorrect API key')
    expect(stage.sent).toHaveLength(1)
    expect(stage.upstream.requests).toHaveLength(1)
  })

  test('a field of the wrong type, which is named', async () => {
    const { stage, client } = await openClient({ script: [] })
    // A caller without types can do this.
    const error = await rejection(client.responses.create({ ...ASK, temperature: 'hot' as never }))
    expect(error).toBeInstanceOf(BadRequestError)
    expect(error).toMatchObject({ status: 400, code: 'invalid_request', param: 'temperature' })
    expect(stage.sent).toHaveLength(1)
    expect(stage.upstream.requests).toHaveLength(0)
  })

  test('a conversation that is too long for the model', async () => {
    const overflow: Turn = {
      kind: 'answer',
      status: 400,
      headers: { 'content-type': 'application/json' },
      body: '{"error":{"message":"maximum context length is 8192 tokens","code":"context_length_exceeded"}}',
    }
    const { stage, client } = await openClient({ script: repeat(3, overflow) })
    const error = await rejection(client.responses.create(ASK))
    expect(error).toBeInstanceOf(BadRequestError)
    expect(error).toMatchObject({ code: 'context_length_exceeded' })
    expect(stage.sent).toHaveLength(1)
  })

  test('a quota that is used up at the upstream, which is a 429, too', async () => {
    const quota: Turn = {
      kind: 'answer',
      status: 429,
      headers: { 'content-type': 'application/json' },
      body: '{"error":{"message":"You exceeded your quota","code":"insufficient_quota"}}',
    }
    const { stage, client } = await openClient({ script: repeat(3, quota) })
    const error = await rejection(client.responses.create(ASK))
    expect(error).toBeInstanceOf(RateLimitError)
    expect(error).toMatchObject({ code: 'insufficient_quota' })
    expect(stage.sent).toHaveLength(1)
  })

  test('a model that is not there', async () => {
    const { stage, client } = await openClient({ script: [] })
    const error = await rejection(client.responses.create({ ...ASK, model: 'mm' }))
    expect(error).toBeInstanceOf(NotFoundError)
    expect(error).toMatchObject({ code: 'model_not_found' })
    expect(stage.sent).toHaveLength(1)
  })
})

describe('what may pass is asked for again', () => {
  test('an upstream that asks to slow down, and then answers', async () => {
    const { stage, client } = await openClient({
      script: [refuse(429, 'Slow down', { 'retry-after': '0' }), say('At last.')],
    })
    expect((await client.responses.create(ASK)).output_text).toBe('At last.')
    expect(stage.sent).toHaveLength(2)
    expect(stage.upstream.requests).toHaveLength(2)
  })

  test('an upstream that stays broken, twice', async () => {
    const { stage, client } = await openClient({
      script: repeat(9, refuse(503, 'Out of memory', { 'retry-after': '0' })),
    })
    const error = await rejection(client.responses.create({ ...ASK, stream: true }))
    expect(error).toBeInstanceOf(InternalServerError)
    expect(error).toMatchObject({ status: 503 })
    expect(String(error)).toContain('Out of memory')
    expect(stage.sent).toHaveLength(3)
    expect(stage.upstream.requests).toHaveLength(3)
  })
})

test('a client that waits no longer lets the upstream go', async () => {
  const { stage, client } = await openClient({ script: [fallsSilent('Thinking')] })
  const asking = client.responses.create(ASK, { timeout: 200, maxRetries: 0 })
  expect(await rejection(asking)).toBeInstanceOf(APIConnectionTimeoutError)
  const request = await stage.upstream.arrival(0)
  await withDeadline('the upstream’s connection to close', 2_000, request.closed)
})
