/** What is going on, over HTTP: each owner sees its own, and nothing that is secret. */
import { afterEach, describe, expect, test } from 'vitest'
import { StatusSchema } from '../../src/cli/bridge/api-schemas.ts'
import { startTestBridge } from '../support/bridge.ts'
import {
  type Answerer,
  startHttpUpstream,
  streaming,
  textFrames,
} from '../support/http-upstream.ts'

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.close()))
})

const KEYS = [
  { name: 'ann', key_env: 'ANN' },
  { name: 'bob', key_env: 'BOB' },
]
const ENV = { ANN: 'sk-ann', BOB: 'sk-bob', UPSTREAM_KEY: 'sk-upstream' }

async function start(answer: Answerer, config: Record<string, unknown> = {}) {
  const upstream = await startHttpUpstream(answer)
  const bridge = await startTestBridge({
    config: {
      upstreams: { local: { base_url: upstream.baseUrl, api_key_env: 'UPSTREAM_KEY' } },
      models: { m: { upstream: 'local', price: { input: '1', output: '1' } } },
      ...config,
    },
    env: ENV,
  })
  running.push(bridge, upstream)
  const ask = (path: string, key?: string, body?: unknown) =>
    fetch(bridge.url + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  const status = async (key?: string, query = '') =>
    StatusSchema.parse(await (await ask(`/api/v1/status${query}`, key)).json())
  const call = (key?: string) =>
    ask('/v1/responses', key, { model: 'm', input: 'hi', stream: true })
  return { ask, status, call }
}

describe('GET /api/v1/status', () => {
  test('of a bridge that has done nothing', async () => {
    const { status } = await start(streaming([]))
    expect(await status()).toEqual({
      bridge: {
        status: 'ok',
        traces: { lost: 0, waiting: 0 },
        version: expect.any(String),
        started_at: expect.stringMatching(/Z$/),
        uptime_seconds: 0,
        upstreams: ['local'],
      },
      sessions: [],
      active_calls: [],
      recent_calls: [],
    })
  })

  test('shows a stream while it runs, then the call and what it cost', async () => {
    let finish = () => {}
    const [first = '', ...rest] = textFrames('a'.repeat(30))
    const { status, call } = await start((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(first)
      finish = () => response.end(`${rest.join('')}data: [DONE]\n\n`)
    })
    const answer = await call()
    const reader = answer.body?.getReader()
    await reader?.read()
    await expect.poll(async () => (await status()).active_calls[0]?.output_chars).toBe(30)
    const during = await status()
    const sessionId = answer.headers.get('x-synth-session-id')
    expect(during.active_calls).toEqual([
      {
        request_id: answer.headers.get('x-request-id'),
        response_id: expect.stringMatching(/^resp_/),
        client_request_id: null,
        session_id: sessionId,
        model: 'm',
        upstream: 'local',
        attempts: 1,
        started_at: expect.stringMatching(/Z$/),
        waits_for: 'answer',
        age_ms: expect.any(Number),
        output_chars: 30,
        output_tokens_estimate: 10,
        tokens_per_second: null,
      },
    ])
    expect(during.sessions).toMatchObject([{ session_id: sessionId, status: 'active' }])
    expect(Number(during.sessions[0]?.reserved.cost_usd)).toBeGreaterThan(0)

    finish()
    while (reader !== undefined && !(await reader.read()).done);
    await expect.poll(async () => (await status()).active_calls).toEqual([])
    expect((await status()).recent_calls).toMatchObject([
      {
        request_id: answer.headers.get('x-request-id'),
        session_id: sessionId,
        model: 'm',
        outcome: 'completed',
        status: 200,
        error_code: null,
        input_tokens: 7,
        output_tokens: 3,
        usage_outcome: 'exact',
        tokens: 10,
        cost_usd: '0.00001',
      },
    ])
  })

  test('belongs to its owner, needs a key where there are keys, and holds none', async () => {
    const { ask, status, call } = await start(streaming(textFrames('hello')), { keys: KEYS })
    await (await call('sk-ann')).text()
    expect((await status('sk-ann')).recent_calls).toHaveLength(1)
    expect((await status('sk-ann')).sessions).toHaveLength(1)
    expect(await status('sk-bob')).toMatchObject({ sessions: [], recent_calls: [] })
    expect((await ask('/api/v1/status')).status).toBe(401)
    const text = await (await ask('/api/v1/status', 'sk-ann')).text()
    for (const secret of Object.values(ENV)) expect(text).not.toContain(secret)
  })

  test('leaves out sessions that are over, and calls beyond what was asked for', async () => {
    const { ask, status, call } = await start(streaming(textFrames('hello')))
    for (let n = 0; n < 3; n++) await (await call()).text()
    const [session] = (await status()).sessions
    await ask(`/api/v1/sessions/${session?.session_id}/end`, undefined, {})
    const after = await status(undefined, '?calls=2')
    expect(after.sessions).toEqual([])
    expect(after.recent_calls).toHaveLength(2)
    expect((await ask('/api/v1/status?calls=all')).status).toBe(400)
  })

  test('a session at its limit is still there, with the call that it refused', async () => {
    const { status, call } = await start(streaming(textFrames('hello')), {
      session: { limit_cost_usd: '0.000000001' },
    })
    expect((await call()).status).toBe(429)
    const { sessions, recent_calls } = await status()
    expect(sessions).toHaveLength(1)
    expect(recent_calls).toMatchObject([
      {
        session_id: sessions[0]?.session_id,
        outcome: 'refused',
        status: 429,
        error_code: 'session_cost_limit',
        cost_usd: '0',
      },
    ])
  })
})
