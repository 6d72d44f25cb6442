/** `GET /metrics` of a whole bridge, after real calls: what Prometheus would read. */
import { createHash } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { startTestBridge } from '../support/bridge.ts'
import {
  type Answerer,
  answering,
  startHttpUpstream,
  streaming,
  textFrames,
} from '../support/http-upstream.ts'
import { connectSocket } from '../support/socket-client.ts'
import { readPrometheusText, valueIn } from '../telemetry/prometheus-text.ts'

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.close()))
})

const KEYS = [
  { name: 'ann', key_env: 'ANN' },
  { name: 'bob', key_env: 'BOB' },
]
const ENV = { ANN: 'sk-ann-secret', BOB: 'sk-bob-secret', UPSTREAM_KEY: 'sk-upstream-secret' }

async function start(answer: Answerer, config: Record<string, unknown> = {}) {
  const upstream = await startHttpUpstream(answer)
  const bridge = await startTestBridge({
    config: {
      upstreams: { local: { base_url: upstream.baseUrl, api_key_env: 'UPSTREAM_KEY' } },
      models: {
        m: { upstream: 'local', price: { input: '1', output: '1' } },
        '*': { upstream: 'local', price: { input: '1', output: '1' } },
      },
      ...config,
    },
    env: ENV,
  })
  running.push(bridge, upstream)
  const headersOf = (key?: string) => ({
    'content-type': 'application/json',
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
  })
  const get = (key?: string) => fetch(`${bridge.url}/metrics`, { headers: headersOf(key) })
  const metrics = async (key?: string) => {
    const families = readPrometheusText(await (await get(key)).text())
    return (name: string, labels?: Record<string, string>) => valueIn(families, name, labels)
  }
  const call = async (body: object = {}, path = '/v1/responses', key?: string) => {
    const answered = await fetch(bridge.url + path, {
      method: 'POST',
      headers: headersOf(key),
      body: JSON.stringify({ model: 'm', input: 'hi', ...body }),
    })
    await answered.text()
    return answered.status
  }
  return { bridge, get, metrics, call }
}

const OF_M = { model: 'm', upstream: 'local' }

describe('GET /metrics', () => {
  test('counts calls of every route, their tokens and dollars', async () => {
    const { bridge, get, metrics, call } = await start(streaming(textFrames('hello')))
    await call({ stream: true })
    await call()
    const chat = { stream: true, messages: [{ role: 'user', content: 'hi' }] }
    await call(chat, '/v1/chat/completions')
    const socket = await connectSocket(bridge.url)
    await socket.turn({ model: 'm', input: 'hi' })
    await socket.close()

    expect((await get()).headers.get('content-type')).toBe(
      'text/plain; version=0.0.4; charset=utf-8',
    )
    const value = await metrics()
    const completed = { ...OF_M, outcome: 'completed' }
    expect(value('synth_calls_total', { ...completed, route: 'responses' })).toBe(2)
    expect(value('synth_calls_total', { ...completed, route: 'chat' })).toBe(1)
    expect(value('synth_calls_total', { ...completed, route: 'responses-socket' })).toBe(1)
    expect(value('synth_tokens_total', { ...OF_M, kind: 'input' })).toBe(28)
    expect(value('synth_tokens_total', { ...OF_M, kind: 'output' })).toBe(12)
    expect(value('synth_cost_usd_total', OF_M)).toBeCloseTo(0.00004, 12)
    expect(value('synth_first_token_seconds_count', OF_M)).toBe(4)
    expect(value('synth_call_duration_seconds_count', OF_M)).toBe(4)
    // The one that came whole has no time between tokens.
    expect(value('synth_inter_token_seconds_count', OF_M)).toBe(3)
    expect(value('synth_reservations_held')).toBe(0)
    expect(value('synth_traces_lost_total')).toBe(0)
  })

  test('shows a stream and what it holds, while it runs', async () => {
    const [first = '', ...rest] = textFrames('hello')
    let finish = () => {}
    const { metrics, call } = await start((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(first)
      finish = () => response.end(`${rest.join('')}data: [DONE]\n\n`)
    })
    const called = call({ stream: true })
    await expect.poll(async () => (await metrics())('synth_streams_active')).toBe(1)
    const during = await metrics()
    expect(during('synth_calls_active', { phase: 'answer' })).toBe(1)
    expect(during('synth_reservations_held')).toBe(1)
    expect(during('synth_reserved_usd')).toBeGreaterThan(0)
    expect(during('synth_reserved_tokens')).toBeGreaterThan(10)
    finish()
    await called
    const atTheEnd = await metrics()
    expect(atTheEnd('synth_streams_active')).toBe(0)
    expect(atTheEnd('synth_reserved_usd')).toBe(0)
  })

  test('counts what an upstream refused, and the attempt after it', async () => {
    let asked = 0
    const { metrics, call } = await start((request, response) => {
      asked++
      const busy = answering(429, '{"error":{"message":"busy"}}', { 'retry-after': '0' })
      if (asked === 1) busy(request, response)
      else streaming(textFrames('hello'))(request, response)
    })
    expect(await call()).toBe(200)
    const value = await metrics()
    const { upstream } = OF_M
    expect(value('synth_upstream_errors_total', { upstream, code: 'upstream_rate_limit' })).toBe(1)
    expect(value('synth_retries_total', { upstream })).toBe(1)
    expect(value('synth_calls_total', { outcome: 'completed' })).toBe(1)
  })

  test('counts what a limit kept out, and what never was a call', async () => {
    const { metrics, call } = await start(streaming(textFrames('hello')), {
      session: { limit_cost_usd: '0.000000001' },
    })
    expect(await call()).toBe(429)
    expect(await call({ input: 7 })).toBe(400)
    expect(await call({}, '/v1/nowhere')).toBe(404)
    const value = await metrics()
    expect(value('synth_budget_refusals_total', { limit: 'session_cost_limit' })).toBe(1)
    expect(value('synth_calls_total', { outcome: 'refused' })).toBe(1)
    expect(value('synth_requests_refused_total', { route: 'responses' })).toBe(1)
    expect(value('synth_requests_refused_total', { route: 'none', code: 'not_found' })).toBe(1)
  })

  test('has one series for whatever names clients make up', async () => {
    const { metrics, call } = await start(answering(404, '{"error":{"message":"no such model"}}'))
    for (let n = 0; n < 5; n++) await call({ model: `made-up-${n}` })
    expect((await metrics())('synth_calls_total', { model: 'other' })).toBe(5)
  })

  test('holds no secret, not even one that a client took for a model’s name', async () => {
    const { get, call } = await start(streaming(textFrames('hello')))
    await call({ model: ENV.UPSTREAM_KEY })
    const text = await (await get()).text()
    for (const secret of Object.values(ENV)) expect(text).not.toContain(secret)
  })
})

describe('who may read it', () => {
  test('with keys, whoever has one: its figures are of all owners together', async () => {
    const { get, metrics, call } = await start(streaming(textFrames('hello')), { keys: KEYS })
    await call({}, '/v1/responses', ENV.ANN)
    expect((await get()).status).toBe(401)
    expect((await get('sk-wrong')).status).toBe(401)
    expect((await metrics(ENV.BOB))('synth_calls_total', { outcome: 'completed' })).toBe(1)
  })

  test('a key that is bound to a session only makes calls', async () => {
    const { bridge, get } = await start(streaming(textFrames('hello')), { keys: KEYS })
    const key = 'sk-synth-bound'
    const opened = await fetch(`${bridge.url}/api/v1/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${ENV.ANN}` },
      body: JSON.stringify({
        bound_key_sha256: createHash('sha256').update(key).digest('hex'),
        make_active: false,
      }),
    })
    expect(opened.status).toBe(201)
    expect((await get(key)).status).toBe(403)
  })

  test('without keys, no page of another site', async () => {
    const { bridge } = await start(streaming([]))
    const headers = { origin: 'https://elsewhere.test' }
    expect((await fetch(`${bridge.url}/metrics`, { headers })).status).toBe(403)
  })
})
