/**
 * A key that is bound to a session spends from that session and from no other, whatever else the
 * request says, and dies with it.
 */
import { createHash } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { startTestBridge, type TestBridge } from '../support/bridge.ts'
import { startHttpUpstream, streaming, textFrames } from '../support/http-upstream.ts'
import { connectSocket } from '../support/socket-client.ts'

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.close()))
})

interface Reply {
  readonly session_id: string
  readonly status: string
  readonly current_usage: { readonly api_calls: number; readonly cost_usd: string }
  readonly error: { readonly code: string; readonly message: string; readonly param?: string }
}

const KEY = 'sk-synth-one'
const OTHER_KEY = 'sk-synth-two'
const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex')

async function start(config: object = {}, env: Record<string, string> = {}) {
  const upstream = await startHttpUpstream(streaming(textFrames('hello')))
  running.push(upstream)
  const bridge = await startTestBridge({
    config: {
      upstreams: { local: { base_url: upstream.baseUrl } },
      models: { m: { upstream: 'local', price: { input: '1', output: '1' } } },
      ...config,
    },
    env,
  })
  running.push(bridge)
  const send = async (
    method: string,
    path: string,
    key: string | undefined,
    body?: unknown,
    headers: Record<string, string> = {},
  ) => {
    const answer = await fetch(bridge.url + path, {
      method,
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: answer.status, json: (await answer.json()) as Reply, headers: answer.headers }
  }
  const owner = env['CI']
  return {
    bridge,
    upstream,
    send,
    open: async (key: string, more: object = {}): Promise<string> => {
      const body = { make_active: false, bound_key_sha256: hashOf(key), ...more }
      const { status, json } = await send('POST', '/api/v1/sessions', owner, body)
      expect(status).toBe(201)
      return json.session_id
    },
    ask: (key: string | undefined, headers: Record<string, string> = {}, path = '/v1/responses') =>
      send('POST', path, key, { model: 'm', input: 'hi', messages: [] }, headers),
    show: async (id: string) => (await send('GET', `/api/v1/sessions/${id}`, owner)).json,
    end: (id: string) => send('POST', `/api/v1/sessions/${id}/end`, owner, {}),
  }
}

const callsOf = async (bridge: TestBridge): Promise<number[]> => {
  const answer = await fetch(`${bridge.url}/api/v1/sessions`)
  return ((await answer.json()) as Reply[]).map(({ current_usage }) => current_usage.api_calls)
}

const ONE_CENT = { limit_type: 'hard', metric_type: 'cost_usd', limit_value: '0.01' }

test('its calls are its session’s; those without it are the owner’s active session’s', async () => {
  const { bridge, open, ask, show } = await start()
  const mine = await open(KEY)
  const theirs = await open(OTHER_KEY)
  const { headers } = await ask(KEY)
  expect(headers.get('x-synth-session-id')).toBe(mine)
  await ask(KEY, { 'x-api-key': 'sk-of-another-kind' })
  await ask(undefined, { 'x-api-key': KEY }, '/api/synth-research/v1/responses')
  await ask(OTHER_KEY, {}, '/v1/chat/completions')
  await ask('sk-anything')
  expect((await show(mine)).current_usage.api_calls).toBe(3)
  expect((await show(theirs)).current_usage.api_calls).toBe(1)
  expect((await callsOf(bridge)).toSorted()).toEqual([1, 1, 3])
})

test('its calls over a WebSocket are its session’s, too', async () => {
  const { bridge, open, show } = await start()
  const mine = await open(KEY)
  const socket = await connectSocket(bridge.url, { headers: { authorization: `Bearer ${KEY}` } })
  running.push(socket)
  const events = await socket.turn({ model: 'm', input: 'hi' })
  expect(events.at(-1)?.type).toBe('response.completed')
  expect((await show(mine)).current_usage.api_calls).toBe(1)
  expect(await callsOf(bridge)).toEqual([1])
})

test('it may name its own session, and no other', async () => {
  const { open, ask, upstream } = await start()
  const mine = await open(KEY)
  const theirs = await open(OTHER_KEY)
  expect((await ask(KEY, { 'x-synth-session-id': mine })).status).toBe(200)
  const sent = upstream.received.length
  const other = await ask(KEY, { 'x-synth-session-id': theirs })
  expect(other).toMatchObject({ status: 403, json: { error: { code: 'forbidden' } } })
  const none = await ask(KEY, { 'x-no-session': 'true' })
  expect(none).toMatchObject({ status: 403, json: { error: { code: 'forbidden' } } })
  expect(upstream.received.length).toBe(sent)
})

test.each([
  ['ended', { 'user-agent': 'test' }, 429],
  ['ended, asked by OpenCode, which repeats a 429 for ever', { 'user-agent': 'opencode/1' }, 403],
])('when its session has %s it says so and opens no other', async (_, headers, status) => {
  const { bridge, open, ask, end, upstream } = await start()
  const mine = await open(KEY)
  await ask(KEY)
  await end(mine)
  const sent = upstream.received.length
  const refused = await ask(KEY, headers)
  expect(refused.status).toBe(status)
  expect(refused.json.error).toMatchObject({
    code: 'session_ended',
    message: `Session ${mine} has ended.`,
  })
  expect(refused.headers.get('x-should-retry')).toBe('false')
  expect(upstream.received.length).toBe(sent)
  expect(await callsOf(bridge)).toHaveLength(1)
})

test.each([
  ['GET', '/v1/responses/RESPONSE'],
  ['DELETE', '/v1/responses/RESPONSE'],
  ['GET', '/v1/responses/RESPONSE/input_items'],
  ['POST', '/v1/conversations'],
  ['POST', '/v1/responses/input_tokens'],
])(
  'when its session has ended, what costs nothing is refused, too: %s %s',
  async (method, path) => {
    const { open, send, end } = await start()
    const mine = await open(KEY)
    const asked = { model: 'm', input: 'hi' }
    const { json } = await send('POST', '/v1/responses', KEY, asked)
    const { id } = json as unknown as { id: string }
    const ask = () =>
      send(method, path.replace('RESPONSE', id), KEY, method === 'POST' ? asked : undefined)
    if (method !== 'DELETE') expect((await ask()).status).toBe(200)
    await end(mine)
    expect(await ask()).toMatchObject({
      status: 429,
      json: { error: { code: 'session_ended', message: `Session ${mine} has ended.` } },
    })
  },
)

test('when its session has expired it says so', async () => {
  const { open, ask, upstream } = await start()
  const mine = await open(KEY, { expires_at: '2020-01-01T00:00:00Z' })
  const refused = await ask(KEY)
  expect(refused).toMatchObject({
    status: 429,
    json: { error: { code: 'session_ended', message: `Session ${mine} has expired.` } },
  })
  expect(upstream.received).toEqual([])
})

test('it registers trials of its session, until that has ended', async () => {
  const { open, send, end } = await start()
  const mine = await open(KEY)
  const register = () => send('POST', '/api/interceptor/v1/trials', KEY, { policy: { model: 'm' } })
  expect((await register()).status).toBe(201)
  await end(mine)
  const { status, json } = await register()
  expect(status).toBe(429)
  expect(json.error.message).toContain(mine)
})

test('when its session is used up it is refused with the limit', async () => {
  const { open, ask } = await start()
  await open(KEY, { limits: [{ ...ONE_CENT, limit_value: '0.000000001' }] })
  expect(await ask(KEY)).toMatchObject({
    status: 429,
    json: { error: { code: 'session_cost_limit' } },
  })
})

test.each([
  ['GET', '/api/v1/me'],
  ['GET', '/api/v1/status'],
  ['GET', '/api/v1/sessions'],
  ['POST', '/api/v1/sessions'],
  ['POST', '/api/v1/sessions/SESSION/end'],
  ['POST', '/api/v1/sessions/SESSION/limits/increase'],
])('it only makes calls: %s %s is forbidden', async (method, path) => {
  const { open, send, show } = await start()
  const mine = await open(KEY, { limits: [ONE_CENT] })
  const body = method === 'POST' ? { metric_type: 'cost_usd', increase_by: 1 } : undefined
  const { status, json } = await send(method, path.replace('SESSION', mine), KEY, body)
  expect(status).toBe(403)
  expect(json.error.message).toContain(`only makes calls, on session ${mine}`)
  expect((await show(mine)).status).toBe('active')
})

test.each([
  ['no hash', 'x'],
  ['a hash that is too short', 'ab'],
])('%s is refused by name', async (_, hash) => {
  const { send } = await start()
  const body = { bound_key_sha256: hash }
  const { status, json } = await send('POST', '/api/v1/sessions', undefined, body)
  expect(status).toBe(400)
  expect(json.error.param).toBe('bound_key_sha256')
})

test('a key is bound once, even when the session it was bound to is over', async () => {
  const { open, send, end } = await start()
  const bind = () =>
    send('POST', '/api/v1/sessions', undefined, { bound_key_sha256: hashOf(KEY).toUpperCase() })
  const mine = await open(KEY)
  expect(await bind()).toMatchObject({
    status: 400,
    json: { error: { param: 'bound_key_sha256' } },
  })
  await end(mine)
  expect((await bind()).status).toBe(400)
})

describe('with [[keys]]', () => {
  const keys = [
    { name: 'ci', key_env: 'CI', max_cost_usd: '0.00001' },
    { name: 'bob', key_env: 'BOB' },
  ]
  const env = { CI: 'ci-secret', BOB: 'bob-secret' }

  test('it is let in, as the owner of the session', async () => {
    const { open, ask, show } = await start({ keys: [{ ...keys[0], max_cost_usd: '1' }] }, env)
    const mine = await open(KEY)
    expect((await ask(KEY)).status).toBe(200)
    expect((await show(mine)).current_usage.api_calls).toBe(1)
    expect((await ask(OTHER_KEY)).status).toBe(401)
  })

  test('the ceiling of the key that opened the session holds for it', async () => {
    const { open, ask } = await start({ keys }, env)
    await open(KEY)
    const statuses: number[] = []
    for (let calls = 0; calls < 3; calls += 1) statuses.push((await ask(KEY)).status)
    expect(statuses).toContain(429)
    const refused = await ask(KEY)
    expect(refused.json.error.code).toBe('key_cost_limit')
    // The same purse, whichever of the two is shown.
    expect((await ask('ci-secret')).json.error.code).toBe('key_cost_limit')
  })

  test('nobody takes another’s key over by binding its hash', async () => {
    const { send, open, ask } = await start({ keys }, env)
    await open('bob-secret')
    const { json } = await send('GET', '/api/v1/me', 'bob-secret')
    expect(json).toMatchObject({ key_name: 'bob' })
    expect((await ask('bob-secret')).status).toBe(200)
  })
})
