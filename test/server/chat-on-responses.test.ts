/** A chat client on an upstream that speaks Responses, over real sockets, alone and bridge behind bridge. */
import { afterEach, describe, expect, test } from 'vitest'
import { startTestBridge, type TestBridge } from '../support/bridge.ts'
import {
  type Answerer,
  answering,
  type HttpUpstream,
  startHttpUpstream,
  streaming,
  textFrames,
} from '../support/http-upstream.ts'
import { chunksOf, saidIn } from '../translate/to-chat-answer/harness.ts'

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.close()))
})

const RESPONSE = { id: 'resp_u', object: 'response', created_at: 1, model: 'real-name' }
const USAGE = { input_tokens: 70, output_tokens: 30, total_tokens: 100 }
const MESSAGE = {
  type: 'message',
  id: 'msg_1',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text: 'hello', annotations: [], logprobs: [] }],
}
const place = { item_id: 'msg_1', output_index: 0, content_index: 0 }
const textEvents = (...deltas: string[]) => [
  { type: 'response.created', response: { ...RESPONSE, status: 'in_progress', output: [] } },
  { type: 'response.output_item.added', output_index: 0, item: { ...MESSAGE, content: [] } },
  ...deltas.map((delta) => ({ type: 'response.output_text.delta', ...place, delta })),
]
const completed = {
  type: 'response.completed',
  response: { ...RESPONSE, status: 'completed', output: [MESSAGE], usage: USAGE },
}

const framed = (events: readonly { type: string }[]) =>
  events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)

const asStream = (events: readonly { type: string }[]): Answerer =>
  answering(200, framed(events).join(''), { 'content-type': 'text/event-stream' })

async function start(
  answer: Answerer,
  config: Record<string, unknown> = {},
): Promise<{ bridge: TestBridge; upstream: HttpUpstream }> {
  const upstream = await startHttpUpstream(answer)
  running.push(upstream)
  const bridge = await startTestBridge({
    config: {
      upstreams: { local: { base_url: upstream.baseUrl, wire: 'responses', max_retries: 0 } },
      models: {
        m: { upstream: 'local', model: 'real-name', price: { input: '1', output: '10' } },
      },
      ...config,
    },
  })
  running.push(bridge)
  return { bridge, upstream }
}

function ask(url: string, body: object, path = '/v1/chat/completions'): Promise<Response> {
  return fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...body }),
  })
}

describe('a chat client on a Responses upstream', () => {
  test('streams', async () => {
    const { bridge, upstream } = await start(asStream([...textEvents('hel', 'lo'), completed]))
    const answer = await ask(bridge.url, {
      stream: true,
      stream_options: { include_usage: true },
      stop: ['END'],
    })
    expect(answer.headers.get('content-type')).toBe('text/event-stream')
    expect(answer.headers.get('x-synth-dropped')).toBe('stop')
    const text = await answer.text()
    expect(saidIn(text)).toMatchObject({ text: 'hello', finish: ['stop'] })
    const [first, usage] = [chunksOf(text)[0], chunksOf(text).at(-1)]
    expect(first).toMatchObject({ object: 'chat.completion.chunk', model: 'm' })
    expect(first?.id).toMatch(/^chatcmpl-[0-9a-f]{32}$/)
    expect(usage).toMatchObject({ choices: [], usage: { prompt_tokens: 70, total_tokens: 100 } })
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
    expect(upstream.received[0]).toMatchObject({
      path: '/v1/responses',
      body: {
        model: 'real-name',
        input: [{ type: 'message', role: 'user', content: 'hi' }],
        stream: true,
        store: false,
      },
    })
  })

  test('gets one body where it does not stream, and its spend is the upstream’s count', async () => {
    const { bridge } = await start(asStream([...textEvents('hello'), completed]))
    const answer = await ask(bridge.url, {})
    expect(await answer.json()).toMatchObject({
      object: 'chat.completion',
      model: 'm',
      choices: [{ message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 70, completion_tokens: 30 },
    })
    const sessions = await (await fetch(`${bridge.url}/api/v1/sessions`)).json()
    expect(sessions).toMatchObject([
      { current_usage: { cost_usd: '0.00037', tokens: 100 }, reserved: { tokens: 0 } },
    ])
  })

  test('is refused at the limit, with nothing sent', async () => {
    const { bridge, upstream } = await start(asStream([completed]), {
      session: { limit_cost_usd: '0.000000001' },
    })
    const answer = await ask(bridge.url, {})
    expect(answer.status).toBe(429)
    expect(await answer.json()).toMatchObject({ error: { code: 'session_cost_limit' } })
    expect(upstream.received).toEqual([])
  })

  test('is cut at the limit, with length and the limit’s name, and the upstream let go', async () => {
    const piece = 'word '.repeat(200)
    const { bridge, upstream } = await start(
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        for (const frame of framed(textEvents(...Array(400).fill(piece)))) response.write(frame)
      },
      { session: { limit_tokens: 3000 } },
    )
    const text = await (await ask(bridge.url, { stream: true })).text()
    expect(saidIn(text).finish).toEqual(['length'])
    const last = chunksOf(text).at(-1)
    expect(JSON.stringify(last?.metadata)).toContain('token')
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
    await upstream.closedByPeer()
  })

  test('is told of a failure: by a status before the stream, by a frame in it', async () => {
    const failed = {
      type: 'response.failed',
      response: { ...RESPONSE, status: 'failed', error: { code: 'server_error', message: 'no' } },
    }
    const { bridge } = await start(asStream([...textEvents('hel'), failed]))
    const whole = await ask(bridge.url, {})
    expect(whole.status).toBe(502)
    expect(await whole.json()).toMatchObject({ error: { message: 'no', code: 'server_error' } })
    const text = await (await ask(bridge.url, { stream: true })).text()
    expect(chunksOf(text).at(-1)).toMatchObject({ error: { message: 'no' } })
    expect(text).not.toContain('[DONE]')
  })

  test('asks for one answer at a time', async () => {
    const { bridge, upstream } = await start(asStream([completed]))
    const answer = await ask(bridge.url, { n: 3 })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ error: { code: 'cannot_carry', param: 'n' } })
    expect(upstream.received).toEqual([])
  })
})

describe('either client on either upstream, bridge behind bridge', () => {
  test('chat → Responses → chat says what the model said', async () => {
    const model = await startHttpUpstream(streaming(textFrames('hello')))
    running.push(model)
    const inner = await startTestBridge({
      config: { upstreams: { model: { base_url: model.baseUrl } } },
    })
    running.push(inner)
    const outer = await startTestBridge({
      config: { upstreams: { inner: { base_url: `${inner.url}/v1`, wire: 'responses' } } },
    })
    running.push(outer)
    const call = { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{}' } }
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: 'I look.', reasoning_content: 'Hm.', tool_calls: [call] },
      { role: 'tool', tool_call_id: 'call_1', content: 'A' },
    ]
    const tools = [
      {
        type: 'function',
        function: { name: 'look', parameters: { type: 'object', properties: {} }, strict: false },
      },
    ]
    const answer = await ask(outer.url, { model: 'real', messages, tools, max_tokens: 50 })
    expect(await answer.json()).toMatchObject({
      choices: [{ message: { content: 'hello' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
    })
    expect(model.received.at(-1)?.body).toMatchObject({
      model: 'real',
      messages,
      tools,
      max_tokens: 50,
      stream: true,
    })
  })
})
