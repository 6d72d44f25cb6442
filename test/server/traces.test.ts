/** Traces over HTTP: whatever route a call took, one record each, and nobody else's. */

import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { sentRequestOf } from '../../src/trace/conversation.ts'
import { type TraceRecord, TraceRecordSchema } from '../../src/trace/record.ts'
import { startTestBridge, type TestBridge, type TestBridgeOptions } from '../support/bridge.ts'
import {
  type Answerer,
  answering,
  type HttpUpstream,
  startHttpUpstream,
  streaming,
  textFrames,
} from '../support/http-upstream.ts'
import { connectSocket } from '../support/socket-client.ts'

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const part of running.splice(0).reverse()) await part.close()
})

async function start(
  answer: Answerer = streaming(textFrames('Hello')),
  config: Record<string, unknown> = {},
  options: Partial<TestBridgeOptions> = {},
): Promise<{ bridge: TestBridge; upstream: HttpUpstream }> {
  const upstream = await startHttpUpstream(answer)
  running.push(upstream)
  const bridge = await startTestBridge({
    config: {
      upstreams: { local: { base_url: upstream.baseUrl, max_retries: 0 } },
      models: {
        m: { upstream: 'local', model: 'upstreams-own', price: { input: '1', output: '2' } },
      },
      ...config,
    },
    ...options,
  })
  running.push(bridge)
  return { bridge, upstream }
}

const post = (bridge: TestBridge, path: string, body: object, headers: object = {}) =>
  fetch(bridge.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })

async function call(bridge: TestBridge, path: string, body: object, headers: object = {}) {
  const answer = await post(bridge, path, { model: 'm', ...body }, headers)
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}

// biome-ignore lint/suspicious/noExplicitAny: each test says what it expects of it
type Answered = { readonly status: number; readonly json: any }

async function get(bridge: TestBridge, path: string, headers: object = {}): Promise<Answered> {
  const answer = await fetch(bridge.url + path, { headers: { ...headers } })
  return { status: answer.status, json: await answer.json() }
}

async function recordsOf(bridge: TestBridge, query = ''): Promise<TraceRecord[]> {
  const { json } = await get(bridge, `/api/v1/traces${query}`)
  return TraceRecordSchema.array().parse(json.data)
}

async function only(bridge: TestBridge): Promise<TraceRecord> {
  const records = await recordsOf(bridge)
  expect(records).toHaveLength(1)
  return records[0] as TraceRecord
}

const turn = { input: [{ role: 'user', content: 'Say hello.' }] }
const chat = { messages: [{ role: 'user', content: 'Say hello.' }] }

describe('a call', () => {
  test.each([
    ['Responses, streamed', '/v1/responses', { ...turn, stream: true }, 'responses'],
    ['Responses, whole', '/v1/responses', turn, 'responses'],
    ['Chat, streamed', '/v1/chat/completions', { ...chat, stream: true }, 'chat'],
    ['a compaction', '/v1/responses/compact', turn, 'compact'],
  ])('%s: is one record', async (_, path, body, api) => {
    const { bridge, upstream } = await start()
    const answer = await call(bridge, path, body)
    expect(answer.status).toBe(200)
    const record = await only(bridge)
    expect(record).toMatchObject({
      api,
      model: 'm',
      upstream: 'local',
      outcome: 'completed',
      status: 200,
      attempts: 1,
      complete: true,
      session_id: answer.headers.get('x-synth-session-id'),
      request_id: answer.headers.get('x-request-id'),
      usage: { input_tokens: 7, cached_input_tokens: 0, output_tokens: 3, reasoning_tokens: 0 },
      cost_usd: '0.000013',
      error: null,
      request: { received: { model: 'm', ...body } },
    })
    expect(sentRequestOf(record)).toEqual(upstream.received[0]?.body)
    expect(record.first_byte_ms).toBeGreaterThan(0)
    expect(record.total_ms).toBeGreaterThanOrEqual(record.first_byte_ms ?? 0)
    const { json } = await get(bridge, `/api/v1/traces/${record.trace_id}`)
    expect(json).toEqual(record)
  })

  test('is answered in the record as its client was', async () => {
    const { bridge } = await start()
    const { text } = await call(bridge, '/v1/responses', turn)
    expect((await only(bridge)).response).toEqual(JSON.parse(text))
  })

  test('over a WebSocket is a record too', async () => {
    const { bridge } = await start()
    const socket = await connectSocket(bridge.url)
    running.push(socket)
    await socket.turn({ model: 'm', ...turn })
    expect(await only(bridge)).toMatchObject({
      api: 'responses',
      complete: true,
      request: { received: { type: 'response.create', ...turn } },
    })
  })

  test('through an upstream that speaks Responses is a record, whichever wire its client speaks', async () => {
    const response = {
      id: 'resp_of_upstream',
      object: 'response',
      status: 'completed',
      output: [
        {
          type: 'message',
          role: 'assistant',
          content: [{ type: 'output_text', text: 'Hi', annotations: [] }],
        },
      ],
      usage: { input_tokens: 7, output_tokens: 3, total_tokens: 10 },
    }
    const frames = [
      { type: 'response.created', response: { ...response, status: 'in_progress', output: [] } },
      { type: 'response.completed', response },
    ].map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    const upstream = await startHttpUpstream(streaming(frames))
    running.push(upstream)
    const bridge = await startTestBridge({
      config: { upstreams: { local: { base_url: upstream.baseUrl, wire: 'responses' } } },
    })
    running.push(bridge)
    await call(bridge, '/v1/responses', { ...turn, stream: true, store: false })
    await call(bridge, '/v1/chat/completions', { ...chat, stream: true })
    const [second, first] = await recordsOf(bridge)
    expect(first).toMatchObject({ api: 'responses', complete: true, response })
    expect(second).toMatchObject({
      api: 'chat',
      complete: true,
      response: {
        object: 'chat.completion',
        choices: [{ message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 7, completion_tokens: 3 },
      },
    })
    for (const [at, record] of [first, second].entries())
      expect(sentRequestOf(record as TraceRecord)).toEqual(upstream.received[at]?.body)
  })

  test('with several choices, calls and fields of one provider alone is folded whole', async () => {
    const chunks = [
      {
        id: 'c1',
        model: 'x',
        choices: [{ index: 0, delta: { role: 'assistant', content: 'He' }, token_ids: [1] }],
      },
      { choices: [{ index: 1, delta: { content: 'Yo' } }] },
      {
        choices: [
          {
            index: 0,
            delta: { content: 'y' },
            token_ids: [2, 3],
            logprobs: { content: [{ token: 'y', logprob: -1 }] },
          },
        ],
      },
      {
        choices: [
          {
            index: 0,
            delta: {
              tool_calls: [
                { index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '{"a"' } },
              ],
            },
          },
        ],
      },
      {
        choices: [
          { index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: ':1}' } }] } },
        ],
      },
      {
        choices: [
          { index: 0, delta: {}, finish_reason: 'tool_calls' },
          { index: 1, delta: {}, finish_reason: 'stop' },
        ],
      },
      { choices: [], usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 } },
    ].map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`)
    const { bridge } = await start(streaming(chunks))
    await call(bridge, '/v1/chat/completions', { ...chat, stream: true, n: 2 })
    expect((await only(bridge)).response).toMatchObject({
      id: 'c1',
      choices: [
        {
          index: 0,
          message: {
            content: 'Hey',
            tool_calls: [
              { id: 'a', type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
            ],
          },
          finish_reason: 'tool_calls',
          token_ids: [1, 2, 3],
          logprobs: { content: [{ token: 'y', logprob: -1 }] },
        },
        { index: 1, message: { content: 'Yo' }, finish_reason: 'stop' },
      ],
    })
  })

  test('that the upstream refused says why', async () => {
    const { bridge } = await start(answering(418, '{"error":{"message":"no tea"}}'))
    expect((await call(bridge, '/v1/responses', turn)).status).toBe(418)
    expect(await only(bridge)).toMatchObject({
      outcome: 'failed',
      status: 418,
      attempts: 1,
      complete: false,
      response: null,
      error: { code: 'upstream_rejected', message: expect.stringContaining('no tea') },
      request: { received: turn },
    })
  })

  test('that the budget refused was never sent', async () => {
    const { bridge, upstream } = await start(undefined, { session: { limit_tokens: 1 } })
    expect((await call(bridge, '/v1/responses', turn)).status).toBe(429)
    expect(upstream.received).toEqual([])
    expect(await only(bridge)).toMatchObject({
      outcome: 'refused',
      status: 429,
      attempts: 0,
      complete: false,
      error: { code: 'session_token_limit' },
      request: { received: turn, changes: [] },
    })
    expect(await recordsOf(bridge, '?status=429')).toHaveLength(1)
  })

  test('whose upstream broke off has what there was', async () => {
    const { bridge } = await start((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(textFrames('Half')[0], () => response.socket?.end())
    })
    await call(bridge, '/v1/chat/completions', { ...chat, stream: true })
    expect(await only(bridge)).toMatchObject({
      outcome: 'failed',
      complete: false,
      error: { code: expect.stringMatching(/^upstream_/) },
      response: { choices: [{ message: { content: 'Half' }, finish_reason: null }] },
    })
  })

  test.each([
    ['/v1/responses', { ...turn, stream: true }],
    ['/v1/chat/completions', { ...chat, stream: true }],
  ])('whose client left has what there was: %s', async (path, body) => {
    const { bridge } = await start((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(textFrames('Half')[0])
    })
    const leaving = new AbortController()
    const answer = await fetch(bridge.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', ...body }),
      signal: leaving.signal,
    })
    const reader = answer.body?.getReader()
    let seen = ''
    while (!seen.includes('Half')) seen += new TextDecoder().decode((await reader?.read())?.value)
    leaving.abort()
    let record = await only(bridge)
    while (record.outcome === null) {
      await setImmediate()
      record = await only(bridge)
    }
    expect(record).toMatchObject({ outcome: 'client_gone', complete: false, attempts: 1 })
    expect(JSON.stringify(record.response)).toContain('Half')
  })
})

describe('what is kept', () => {
  test('content = false keeps the figures and no text', async () => {
    const { bridge } = await start(undefined, { trace: { content: false } })
    await call(bridge, '/v1/responses', turn)
    const record = await only(bridge)
    expect(record).toMatchObject({
      complete: true,
      usage: { input_tokens: 7 },
      request: { received: null, changes: [] },
      response: null,
    })
    expect(JSON.stringify(record)).not.toMatch(/hello/i)
  })

  test('no key is in any record, file or log', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'synth-canary-'))
    const provider = 'canary-provider-key-71c2'
    const client = 'canary-client-key-93aa'
    const upstream = await startHttpUpstream((received, response) => {
      const key = String(received.headers.authorization)
      if (JSON.stringify(received.body).includes('refuse'))
        answering(401, JSON.stringify({ error: { message: `bad key ${key}` } }))(received, response)
      else streaming(textFrames(`your key is ${key}\n${client}`))(received, response)
    })
    running.push(upstream)
    const keyed = await startTestBridge({
      config: {
        upstreams: {
          local: { base_url: upstream.baseUrl, api_key_env: 'PROVIDER', max_retries: 0 },
        },
        models: { m: { upstream: 'local', price: 'free' } },
        keys: [{ name: 'ci', key_env: 'CLIENT' }],
      },
      env: { PROVIDER: provider, CLIENT: client },
      storage: { stateDir, store: { kind: 'sqlite', path: join(stateDir, 'synth.db') } },
    })
    const bearer = { authorization: `Bearer ${client}` }
    const said = `mine is ${provider} or ${client}`
    for (const stream of [true, false]) {
      await call(keyed, '/v1/responses', { input: said, stream, api_key: 'odd-key-1' }, bearer)
      await call(
        keyed,
        '/v1/chat/completions',
        { messages: [{ role: 'user', content: said }], stream: true },
        bearer,
      )
      await call(keyed, '/v1/responses', { input: 'refuse', stream }, bearer)
    }
    const { json } = await get(keyed, '/api/v1/traces', bearer)
    expect(json.data).toHaveLength(6)
    await keyed.close()
    const files = readdirSync(stateDir).filter((name) => name.includes('traces'))
    expect(files).toContain('synth-traces.db')
    const everything = [
      JSON.stringify(json),
      JSON.stringify(keyed.events),
      ...files.map((name) => readFileSync(join(stateDir, name), 'latin1')),
    ].join('\n')
    for (const secret of [provider, client, 'odd-key-1']) expect(everything).not.toContain(secret)
  })

  test('a key reads its own records and nobody else’s', async () => {
    const { bridge } = await start(
      undefined,
      {
        keys: [
          { name: 'a', key_env: 'A' },
          { name: 'b', key_env: 'B' },
        ],
      },
      { env: { A: 'key-of-a', B: 'key-of-b' } },
    )
    const a = { authorization: 'Bearer key-of-a' }
    const b = { authorization: 'Bearer key-of-b' }
    await call(bridge, '/v1/responses', turn, a)
    const { json } = await get(bridge, '/api/v1/traces', a)
    const id = json.data[0].trace_id
    expect((await get(bridge, `/api/v1/traces/${id}`, a)).status).toBe(200)
    expect((await get(bridge, '/api/v1/traces', b)).json).toEqual({ data: [], next_cursor: null })
    const foreign = await get(bridge, `/api/v1/traces/${id}`, b)
    const unknown = await get(bridge, `/api/v1/traces/${id.slice(0, -1)}x`, b)
    expect(foreign.status).toBe(404)
    expect(JSON.stringify(foreign.json).replace(id, '')).toBe(
      JSON.stringify(unknown.json).replace(`${id.slice(0, -1)}x`, ''),
    )
    expect((await get(bridge, '/api/v1/traces')).status).toBe(401)
  })
})

describe('reading', () => {
  test('pages follow one another by their cursor', async () => {
    const { bridge } = await start()
    for (let count = 0; count < 5; count++) await call(bridge, '/v1/responses', turn)
    const seen: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const after: string = cursor === '' ? '' : `&cursor=${cursor}`
      const { json } = await get(bridge, `/api/v1/traces?limit=2&content=false${after}`)
      seen.push(...json.data.map(({ trace_id }: TraceRecord) => trace_id))
      cursor = json.next_cursor
    }
    expect(seen).toHaveLength(5)
    expect(new Set(seen).size).toBe(5)
  })

  test.each([
    ['status', 'abc'],
    ['limit', '0'],
    ['cursor', 'nonsense'],
    ['order', 'up'],
    ['content', 'some'],
  ])('%s=%s is refused by name', async (name, value) => {
    const { bridge } = await start()
    const { status, json } = await get(bridge, `/api/v1/traces?${name}=${value}`)
    expect([status, json.error.param]).toEqual([400, name])
    expect(json.error.message).toContain(value)
  })

  test('Synth’s interceptor routes answer for a correlation id that nobody has', async () => {
    const { bridge } = await start()
    const trace = '/api/interceptor/v1/trace'
    expect((await get(bridge, `${trace}/by-correlation/trace_x`)).json).toEqual({ matches: [] })
    const hydrated = await post(bridge, `${trace}/hydrate-batch`, { correlation_ids: ['trace_x'] })
    expect(await hydrated.json()).toEqual({ hydrated: {}, missing: ['trace_x'], left: [] })
    const leased = await post(bridge, `${trace}/lease-any`, { limit: 3, ttl_seconds: 60 })
    expect(await leased.json()).toEqual({ granted: {} })
    const bad = await post(bridge, `${trace}/hydrate-batch`, { correlation_ids: [] })
    expect(bad.status).toBe(400)
  })
})

describe('a trace that is required', () => {
  test('is there when the client hears of the end', async () => {
    const { bridge } = await start(undefined, { trace: { required: true } })
    for (const body of [turn, { ...turn, stream: true }]) {
      const { status, text } = await call(bridge, '/v1/responses', body)
      expect(status).toBe(200)
      expect(text).toContain('completed')
    }
    await call(bridge, '/v1/chat/completions', { ...chat, stream: true })
    const records = await recordsOf(bridge)
    expect(records.map(({ complete }) => complete)).toEqual([true, true, true])
  })
})

describe('a call in the background', () => {
  test('is a record as any other, with its request', async () => {
    const { bridge } = await start()
    const { text } = await call(bridge, '/v1/responses', { ...turn, background: true })
    const { id } = JSON.parse(text)
    let record = await only(bridge)
    while (record.outcome === null) {
      await setImmediate()
      record = await only(bridge)
    }
    expect(record).toMatchObject({
      response_id: id,
      outcome: 'completed',
      complete: true,
      request: { received: { ...turn, background: true } },
      response: { id, status: 'completed' },
    })
  })
})
