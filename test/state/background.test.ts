/** Responses that run without their client, over real HTTP. */
import type { ServerResponse } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import {
  chatFrames,
  createCleanup,
  eventsOf,
  type Json,
  sendStream,
  sqliteStorage,
  startWorld,
  talking,
  type World,
} from './support.ts'

const cleanup = createCleanup()
afterEach(() => cleanup.run())

const RESPONSES = '/v1/responses'
const begin = (world: World, body: Json = {}) =>
  world.json('POST', RESPONSES, { model: 'm', input: 'x', background: true, ...body })
const poll = (world: World, id: string, status: string) =>
  expect
    .poll(async () => (await world.json('GET', `${RESPONSES}/${id}`))['status'], { timeout: 5_000 })
    .toBe(status)

/** An upstream that says a first word and then waits to be let go on. */
function holding() {
  const waiting: ServerResponse[] = []
  const frames = chatFrames({ text: 'one two three' })
  return {
    answer: (_request: unknown, response: ServerResponse) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(frames[0] ?? '')
      waiting.push(response)
    },
    async goOn() {
      await expect.poll(() => waiting.length).toBeGreaterThan(0)
      const response = waiting.shift()
      for (const text of frames.slice(1)) response?.write(text)
      response?.end('data: [DONE]\n\n')
    },
    count: () => waiting.length,
  }
}

/** Frames as they come, until `stop` says that it is enough. */
async function readSome(answer: Response, stop: (text: string) => boolean): Promise<string> {
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (;;) {
    const piece = await reader?.read()
    if (piece === undefined || piece.done) return text
    text += piece.value
    if (stop(text)) {
      await reader?.cancel()
      return text
    }
  }
}

describe('a background response', () => {
  test('is answered at once, runs on, and is found as it ended', async () => {
    const upstream = holding()
    const world = await startWorld(cleanup, { answer: upstream.answer })
    const begun = await begin(world)
    expect(begun).toMatchObject({ status: 'in_progress', background: true, output: [] })
    expect(await world.json('GET', `${RESPONSES}/${begun['id']}`)).toEqual(begun)
    await upstream.goOn()
    await poll(world, begun['id'], 'completed')
    const ended = await world.json('GET', `${RESPONSES}/${begun['id']}`)
    expect(ended['output'][0].content[0].text).toBe('one two three')
    const more = { model: 'm', input: 'y', previous_response_id: begun['id'] }
    const next = world.json('POST', RESPONSES, more)
    await upstream.goOn()
    expect(await next).toMatchObject({ previous_response_id: begun['id'], background: false })
  })

  test('streams to its client, and to others from any event on, the same frames', async () => {
    const upstream = holding()
    const world = await startWorld(cleanup, { answer: upstream.answer })
    const body = { model: 'm', input: 'x', background: true, stream: true }
    const first = await world.call('POST', RESPONSES, body)
    const begun = await readSome(first, (text) => text.includes('output_text.delta'))
    const { id } = eventsOf(begun)[0]?.['response'] ?? {}
    // Its client has left. It runs on.
    const path = `${RESPONSES}/${id}?stream=true`
    const tail = world.stream('GET', path)
    const later = world.stream('GET', `${path}&starting_after=3`)
    await upstream.goOn()
    const whole = await tail
    expect(whole.startsWith(begun)).toBe(true)
    expect(eventsOf(whole).map((event) => event['sequence_number'])).toEqual(
      eventsOf(whole).map((_, index) => index),
    )
    const rest = whole.slice(whole.indexOf('event: ', whole.indexOf('"sequence_number":3')))
    expect(await later).toBe(rest)
    // And the same once it has ended.
    expect(await world.stream('GET', path)).toBe(whole)
    expect(await world.stream('GET', `${path}&starting_after=3`)).toBe(rest)
    expect(eventsOf(whole).at(-1)?.['response']).toEqual(
      await world.json('GET', `${RESPONSES}/${id}`),
    )
  })

  test('is cancelled: the upstream is left, what it spent is settled, and twice is once', async () => {
    const upstream = holding()
    const world = await startWorld(cleanup, { answer: upstream.answer })
    const { id } = await begin(world)
    await expect.poll(upstream.count).toBe(1)
    const tail = world.stream('GET', `${RESPONSES}/${id}?stream=true`)
    const cancelled = await world.json('POST', `${RESPONSES}/${id}/cancel`)
    expect(cancelled).toMatchObject({ id, status: 'cancelled', error: null })
    await world.upstream.closedByPeer()
    expect(await world.json('POST', `${RESPONSES}/${id}/cancel`)).toEqual(cancelled)
    expect(await world.json('GET', `${RESPONSES}/${id}`)).toEqual(cancelled)
    expect(eventsOf(await tail).slice(-2)).toMatchObject([
      { type: 'error', code: 'response_cancelled' },
      { type: 'response.failed' },
    ])
    const answer = await world.call('GET', '/api/v1/sessions')
    const [session] = Object(await answer.json())
    expect(session.reserved.tokens).toBe(0)
    expect(session.current_usage.api_calls).toBe(1)
  })

  test('is refused by the gate before anything is kept or sent', async () => {
    const world = await startWorld(cleanup, {
      config: {
        models: { m: { upstream: 'local', price: { input: '1', output: '1' } } },
        session: { limit_cost_usd: '0.000000001' },
      },
    })
    const body = { model: 'm', input: 'x', background: true }
    for (const stream of [false, true]) {
      expect(await world.error('POST', RESPONSES, { ...body, stream })).toMatchObject({
        status: 429,
        code: 'session_cost_limit',
      })
    }
    expect(world.upstream.received).toHaveLength(0)
  })

  test.each([{ stream: true }, { stream: false }])(
    'that needs no upstream is answered all the same, stream: $stream',
    async ({ stream }) => {
      const world = await startWorld(cleanup, {
        config: { models: { m: { upstream: 'local', max_repeated_calls: 2 } } },
      })
      const calls = Array.from({ length: 4 }, (_, index) => [
        { type: 'function_call', call_id: `call_${index}`, name: 'look', arguments: '{}' },
        { type: 'function_call_output', call_id: `call_${index}`, output: 'nothing' },
      ])
      const asked = { model: 'm', background: true, stream, input: calls.flat() }
      const answer = await world.call('POST', RESPONSES, asked)
      const text = await answer.text()
      const said = stream ? eventsOf(text).at(-1)?.['response'] : JSON.parse(text)
      expect(said).toMatchObject({ status: 'completed', background: true })
      expect(await world.json('GET', `${RESPONSES}/${said.id}`)).toEqual(said)
      expect(world.upstream.received).toEqual([])
    },
  )

  test('that the upstream refuses is one that failed', async () => {
    const world = await startWorld(cleanup, {
      answer: (_request, response) => {
        response.writeHead(401, { 'content-type': 'application/json' })
        response.end('{"error":{"message":"no"}}')
      },
    })
    const { id } = await begin(world)
    await poll(world, id, 'failed')
    expect(await world.json('GET', `${RESPONSES}/${id}`)).toMatchObject({
      error: { message: expect.any(String) },
    })
    const events = eventsOf(await world.stream('GET', `${RESPONSES}/${id}?stream=true`))
    expect(events.at(-1)).toMatchObject({ type: 'response.failed' })
  })

  test('needs to be stored, and cannot be deleted while it runs', async () => {
    const upstream = holding()
    const world = await startWorld(cleanup, { answer: upstream.answer })
    const unkept = { model: 'm', input: 'x', background: true, store: false }
    expect(await world.error('POST', RESPONSES, unkept)).toMatchObject({
      code: 'invalid_request',
      param: 'background',
    })
    const { id } = await begin(world)
    expect(await world.error('DELETE', `${RESPONSES}/${id}`)).toMatchObject({ status: 400 })
    await upstream.goOn()
    await poll(world, id, 'completed')
    expect(await world.json('DELETE', `${RESPONSES}/${id}`)).toEqual({
      id,
      object: 'response',
      deleted: true,
    })
    expect(await world.error('GET', `${RESPONSES}/${id}`)).toMatchObject({ status: 404 })
  })

  test('a bridge that stops lets it end, within its time', async () => {
    const upstream = holding()
    const storage = sqliteStorage()
    const world = await startWorld(cleanup, { answer: upstream.answer, storage })
    const { id } = await begin(world)
    const restarting = world.restart()
    await upstream.goOn()
    await restarting
    expect(await world.json('GET', `${RESPONSES}/${id}`)).toMatchObject({ status: 'completed' })
  })

  test('one that outlasts the drain is found as failed', async () => {
    const upstream = holding()
    const storage = sqliteStorage()
    const world = await startWorld(cleanup, { answer: upstream.answer, storage, drainMs: 50 })
    const { id } = await begin(world)
    await expect.poll(upstream.count).toBe(1)
    await world.restart()
    expect(await world.json('GET', `${RESPONSES}/${id}`)).toMatchObject({
      status: 'failed',
      error: { code: 'server_error' },
    })
  })

  test('holds its conversation until it has ended, and adds to it', async () => {
    const upstream = holding()
    const world = await startWorld(cleanup, { answer: upstream.answer })
    const { id: conversation } = await world.json('POST', '/v1/conversations', {})
    const { id } = await begin(world, { conversation })
    const second = { model: 'm', input: 'y', conversation }
    expect(await world.error('POST', RESPONSES, second)).toMatchObject({
      status: 400,
      code: 'conversation_locked',
      param: 'conversation',
    })
    await upstream.goOn()
    await poll(world, id, 'completed')
    const items = await world.json('GET', `/v1/conversations/${conversation}/items?order=asc`)
    expect(items['data']).toMatchObject([{ role: 'user' }, { role: 'assistant' }])
  })
})

describe('over an upstream that speaks Responses', () => {
  const event = (type: string, more: Json) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`
  const part = { type: 'output_text', text: 'hello', annotations: [], logprobs: [] }
  const message = { id: 'msg_u', type: 'message', role: 'assistant' }
  const place = { item_id: 'msg_u', output_index: 0, content_index: 0 }
  const echo = {
    id: 'resp_upstream',
    object: 'response',
    created_at: 1,
    model: 'm',
    store: false,
    background: false,
    previous_response_id: null,
  }
  const frames = [
    event('response.created', { response: { ...echo, status: 'in_progress', output: [] } }),
    event('response.in_progress', { response: { ...echo, status: 'in_progress', output: [] } }),
    event('response.output_item.added', {
      output_index: 0,
      item: { ...message, status: 'in_progress', content: [] },
    }),
    event('response.content_part.added', { ...place, part: { ...part, text: '' } }),
    event('response.output_text.delta', { ...place, delta: 'hel', logprobs: [], obfuscation: 'x' }),
    event('response.output_text.delta', { ...place, delta: 'lo', logprobs: [] }),
    event('response.output_text.done', { ...place, text: 'hello', logprobs: [] }),
    event('response.content_part.done', { ...place, part }),
    event('response.output_item.done', {
      output_index: 0,
      item: { ...message, status: 'completed', content: [part] },
    }),
    event('response.completed', {
      response: {
        ...echo,
        status: 'completed',
        output: [{ ...message, status: 'completed', content: [part] }],
        usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 },
      },
    }),
  ]
  const answer = (_request: unknown, response: ServerResponse) => sendStream(response, frames)

  test('the bridge keeps it, under its own name, and the upstream is asked to keep nothing', async () => {
    const world = await startWorld(cleanup, { wire: 'responses', answer })
    const asked = { model: 'm', input: 'x', stream: true }
    const text = await (await world.call('POST', RESPONSES, asked)).text()
    const { response } = eventsOf(text).at(-1) ?? {}
    expect(response).toMatchObject({
      id: expect.stringMatching(/^resp_[0-9a-f]{32}$/),
      store: true,
    })
    expect(world.upstream.received[0]?.body['store']).toBe(false)
    expect(await world.json('GET', `${RESPONSES}/${response.id}`)).toEqual(response)
    const replayed = await (
      await world.call('GET', `${RESPONSES}/${response.id}?stream=true`)
    ).text()
    expect(eventsOf(replayed)).toEqual(eventsOf(text))
    const next = { ...asked, previous_response_id: response.id }
    const second = eventsOf(await (await world.call('POST', RESPONSES, next)).text())
    expect(second[0]?.['response'].previous_response_id).toBe(response.id)
    expect(second.at(-1)?.['response'].previous_response_id).toBe(response.id)
    expect(world.upstream.received[1]?.body).toMatchObject({
      input: [{ role: 'user', content: 'x' }, { id: 'msg_u' }, { role: 'user', content: 'x' }],
    })
    expect(world.upstream.received[1]?.body).not.toHaveProperty('previous_response_id')
  })

  test('it runs in the background of the bridge', async () => {
    const world = await startWorld(cleanup, { wire: 'responses', answer })
    const begun = await begin(world)
    expect(world.upstream.received.at(-1)?.body ?? { stream: true }).toMatchObject({ stream: true })
    await poll(world, begun['id'], 'completed')
    expect(world.upstream.received[0]?.body).not.toHaveProperty('background')
    const ended = await world.json('GET', `${RESPONSES}/${begun['id']}`)
    expect(ended).toMatchObject({ id: begun['id'], background: true, store: true })
    expect(ended['output'][0].content[0].text).toBe('hello')
  })

  test('a stored response that was not streamed has no events to stream', async () => {
    const world = await startWorld(cleanup, {
      wire: 'responses',
      answer: (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ ...echo, status: 'completed', output: [] }))
      },
    })
    const { id, store } = await world.json('POST', RESPONSES, { model: 'm', input: 'x' })
    expect(store).toBe(true)
    expect(await world.error('GET', `${RESPONSES}/${id}?stream=true`)).toMatchObject({
      code: 'invalid_request',
      param: 'stream',
    })
  })
})

test('a stored answer that was not streamed is streamed when asked for later', async () => {
  const world = await startWorld(cleanup, { answer: talking })
  const { id, ...rest } = await world.json('POST', RESPONSES, { model: 'm', input: 'x' })
  const events = eventsOf(await world.stream('GET', `${RESPONSES}/${id}?stream=true`))
  expect(events.at(-1)).toMatchObject({ type: 'response.completed', response: { id, ...rest } })
})
