/** The interceptor over real sockets: who may call through a trial, and what the upstream then gets. */
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { startTestBridge, type TestBridge, type TestBridgeOptions } from '../support/bridge.ts'
import {
  type Answerer,
  answering,
  type HttpUpstream,
  saying,
  startHttpUpstream,
} from '../support/http-upstream.ts'
import { ADDRESS_FORMS } from '../trial/forms.ts'

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.close()))
})

const UPSTREAM_KEY = 'upstream-secret-1'
const OWNER_KEY = 'owner-key-0123456789'
const OTHER_KEY = 'other-key-0123456789'
const KEYS = [
  { name: 'owner', key_env: 'OWNER' },
  { name: 'other', key_env: 'OTHER' },
]
const asOwner = { authorization: `Bearer ${OWNER_KEY}` }
const asOther = { authorization: `Bearer ${OTHER_KEY}` }

async function start(
  answer: Answerer = saying('hello'),
  options: Partial<TestBridgeOptions> = {},
): Promise<{ bridge: TestBridge; upstream: HttpUpstream }> {
  const upstream = await startHttpUpstream(answer)
  running.push(upstream)
  const bridge = await startTestBridge({
    ...options,
    config: {
      upstreams: {
        local: { base_url: upstream.baseUrl, api_key_env: 'LOCAL_KEY', max_retries: 0 },
      },
      models: { m: { upstream: 'local', model: 'real-name', price: { input: '1', output: '1' } } },
      ...options.config,
    },
    env: { LOCAL_KEY: UPSTREAM_KEY, OWNER: OWNER_KEY, OTHER: OTHER_KEY, ...options.env },
  })
  running.push(bridge)
  return { bridge, upstream }
}

const withKeys = { config: { keys: KEYS } }
const closed = { config: { interceptor: { allow_unregistered: false } } }

function post(bridge: TestBridge, path: string, body: unknown, headers = {}): Promise<Response> {
  return fetch(bridge.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

interface Registered {
  readonly trial_id: string
  readonly correlation_id: string
  readonly inference_url: string
  readonly expires_at: string
}

async function register(bridge: TestBridge, body: unknown, headers = {}): Promise<Registered> {
  const answer = await post(bridge, '/api/interceptor/v1/trials', body, headers)
  expect(answer.status, await answer.clone().text()).toBe(201)
  return (await answer.json()) as Registered
}

const CHAT = { model: 'm', messages: [{ role: 'user', content: 'hi' }] }
const callPath = (trial: { trial_id: string }, tail = 'chat/completions'): string =>
  `/api/interceptor/v1/${trial.trial_id}/${tail}`

async function errorOf(answer: Response) {
  const body = (await answer.json()) as { error: { code: string; message: string; param: string } }
  return { status: answer.status, ...body.error }
}

describe('a trial', () => {
  test('is registered, and its URL called like OpenAI', async () => {
    const { bridge, upstream } = await start()
    const trial = await register(bridge, { job_id: 'job-1', seed: 7, policy: { model: 'm' } })
    expect(trial).toEqual({
      trial_id: expect.stringMatching(/^trial_[\w-]{28}$/),
      correlation_id: `trace_${trial.trial_id}`,
      inference_url: `${bridge.url}/api/interceptor/v1/${trial.trial_id}?cid=trace_${trial.trial_id}`,
      expires_at: expect.stringMatching(/^\d{4}-.*Z$/),
    })
    expect(Date.parse(trial.expires_at) - Date.now()).toBeGreaterThan(86_000_000)
    const url = trial.inference_url.replace('?', '/chat/completions?').replace(bridge.url, '')
    const answer = await post(bridge, url, { ...CHAT, model: null })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('x-synth-session-id')).toMatch(/^sess_/)
    expect(answer.headers.get('x-synth-budget-spent-usd')).not.toBeNull()
    expect(await answer.json()).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { content: 'hello' } }],
      usage: { total_tokens: 10 },
    })
    expect(upstream.received[0]).toMatchObject({
      path: '/v1/chat/completions',
      headers: { authorization: `Bearer ${UPSTREAM_KEY}` },
      body: { model: 'real-name', messages: CHAT.messages },
    })
  })

  test.each(ADDRESS_FORMS)('answers at $name', async ({ url, api }) => {
    const { bridge, upstream } = await start()
    const trial = await register(bridge, { policy: { model: 'm' } })
    const path = `/api/interceptor/v1${url(trial.trial_id, trial.correlation_id)}`
    const answer = await post(bridge, path, api === 'chat' ? CHAT : { model: 'm', input: 'hi' })
    expect(await answer.json()).toMatchObject({
      object: api === 'chat' ? 'chat.completion' : 'response',
    })
    expect(upstream.received).toHaveLength(1)
  })

  test.each([
    ['chat/completions', CHAT, 'data: [DONE]'],
    ['responses', { model: 'm', input: 'hi' }, 'event: response.completed'],
  ])('streams %s', async (tail, body, end) => {
    const { bridge } = await start()
    const trial = await register(bridge, { policy: { model: 'm' } })
    const answer = await post(bridge, callPath(trial, tail), { ...body, stream: true })
    expect(answer.headers.get('content-type')).toBe('text/event-stream')
    const text = await answer.text()
    expect(text).toContain('hello')
    expect(text).toContain(end)
  })

  test.each([
    ["the request's own model", { model: 'm' }, '', 'real-name'],
    ['?model= where it names none', { model: null }, '?model=n', 'n-name'],
    ["the trial's where neither does", {}, '', 'p-name'],
    ['no empty name', { model: '' }, '', 'p-name'],
  ])('takes %s', async (_name, named, query, expected) => {
    const { bridge, upstream } = await start(undefined, {
      config: {
        models: {
          m: { upstream: 'local', model: 'real-name' },
          n: { upstream: 'local', model: 'n-name' },
          p: { upstream: 'local', model: 'p-name' },
        },
      },
    })
    const trial = await register(bridge, { policy: { model: 'p', temperature: 0 } })
    const { messages } = CHAT
    await post(bridge, callPath(trial) + query, { messages, ...named })
    expect(upstream.received[0]?.body['model']).toBe(expected)
  })

  test('without a model anywhere the call says so', async () => {
    const { bridge } = await start()
    const trial = await register(bridge, {})
    const answer = await post(bridge, callPath(trial), { ...CHAT, model: null })
    expect(await errorOf(answer)).toMatchObject({ status: 400, param: 'model' })
  })

  test("Synth's older registration gives it the id of the path", async () => {
    const { bridge, upstream } = await start(undefined, closed)
    const answer = await post(
      bridge,
      '/api/interceptor/v1/debug/register_trial/pl-1-i0001-t0002-s69',
      {
        job_id: 'pl-1',
        seed: 69,
        stage_key: { pipeline_id: 'p', stage_id: 's' },
        baseline_messages: [],
        deltas: {},
        ttl_seconds: 600,
      },
    )
    expect(answer.status).toBe(200)
    const trial = (await answer.json()) as Registered
    expect(trial).toMatchObject({ correlation_id: 'trace_pl-1-i0001-t0002-s69' })
    expect((await post(bridge, callPath(trial), CHAT)).status).toBe(200)
    expect(upstream.received[0]?.body['messages']).toEqual(CHAT.messages)
  })

  test('registered again under an id of its owner, it is the new one', async () => {
    const { bridge, upstream } = await start()
    const body = (text: string) => ({
      trial_id: 'again',
      candidate: { replacements: [{ apply_to_role: 'user', new_text: text }] },
    })
    await register(bridge, body('first'))
    const trial = await register(bridge, body('second'))
    await post(bridge, callPath(trial), CHAT)
    expect(upstream.received[0]?.body['messages']).toEqual([{ role: 'user', content: 'second' }])
  })

  test.each([
    ['trials', { trial_id: 'a/b' }, 'trial_id'],
    ['trials', { trial_id: `trial_${'x'.repeat(28)}` }, 'trial_id'],
    ['trials', { trial_id: 'responses' }, 'trial_id'],
    ['trials', { seed: 'seven' }, 'seed'],
    ['trials', { ttl_seconds: -1 }, 'ttl_seconds'],
    ['trials', { ttl_seconds: 1e9 }, 'ttl_seconds'],
    ['trials', { policy: { model: 7 } }, 'policy.model'],
    ['trials', { session_id: 'a\u0000' }, 'session_id'],
    ['debug/register_trial/v1', {}, 'trial_id'],
  ])('POST %s of %j is refused, naming the field', async (tail, body, param) => {
    const { bridge } = await start()
    const answer = await post(bridge, `/api/interceptor/v1/${tail}`, body)
    expect(await errorOf(answer)).toMatchObject({ status: 400, code: 'invalid_request', param })
  })

  test('survives a restart, and the session it spends from does too', async () => {
    const stateDir = await mkdtemp(join(tmpdir(), 'synth-trials-'))
    const storage = {
      stateDir,
      store: { kind: 'sqlite', path: join(stateDir, 'synth.db') },
    } as const
    const first = await start(undefined, { storage })
    const trial = await register(first.bridge, {
      policy: { model: 'm' },
      candidate: { replacements: [{ apply_to_role: 'user', new_text: 'replaced' }] },
    })
    const before = await post(first.bridge, callPath(trial), { ...CHAT, model: null })
    await first.bridge.close()
    const second = await start(undefined, { storage })
    const after = await post(second.bridge, callPath(trial), { ...CHAT, model: null })
    expect(after.status).toBe(200)
    const session = 'x-synth-session-id'
    expect(after.headers.get(session)).toBe(before.headers.get(session))
    expect(second.upstream.received[0]?.body['messages']).toEqual([
      { role: 'user', content: 'replaced' },
    ])
    await second.bridge.close()
    await rm(stateDir, { recursive: true })
  })

  test('expired it is gone', async () => {
    const { bridge, upstream } = await start()
    for (const chosen of [{}, { trial_id: 'mine' }]) {
      const trial = await register(bridge, { ...chosen, ttl_seconds: 0.001 })
      await expect.poll(() => Date.now()).toBeGreaterThan(Date.parse(trial.expires_at))
      const error = await errorOf(await post(bridge, callPath(trial), CHAT))
      expect(error).toMatchObject({ status: 410, code: 'trial_expired' })
    }
    expect(upstream.received).toEqual([])
  })

  test('is asked for with POST; Codex that tries a WebSocket is told to fall back', async () => {
    const { bridge } = await start()
    const trial = await register(bridge, {})
    const get = (tail: string) => fetch(bridge.url + callPath(trial, tail))
    expect((await get('responses')).status).toBe(426)
    expect((await get('chat/completions')).status).toBe(405)
    expect((await get('models')).status).toBe(404)
    const deleted = await fetch(bridge.url + callPath(trial), { method: 'DELETE' })
    expect(deleted.headers.get('allow')).toBe('POST')
    const said = await deleted.text()
    expect(said + JSON.stringify(bridge.events)).not.toContain(trial.trial_id)
  })
})

describe('who may call', () => {
  const foreign = [
    ['no key', {}],
    ['the key of an environment', { 'x-api-key': 'sk_env_0123456789abcdef' }],
    ["a provider's key", { authorization: 'Bearer gsk_0123456789abcdefghij' }],
    ['both', { authorization: 'Bearer sk-proj-0123456789abc', 'x-api-key': 'sk_env_012345678' }],
    ["another's key of the bridge", asOther],
  ] as const

  test.each(foreign)('a minted id is enough with %s; its owner pays', async (_name, headers) => {
    const { bridge, upstream } = await start(undefined, withKeys)
    const trial = await register(bridge, { policy: { model: 'm' } }, asOwner)
    const answer = await post(bridge, callPath(trial), CHAT, headers)
    expect(answer.status).toBe(200)
    const sessionId = answer.headers.get('x-synth-session-id')
    const show = (as: Record<string, string>) =>
      fetch(`${bridge.url}/api/v1/sessions/${sessionId}`, { headers: as })
    expect((await show(asOwner)).status).toBe(200)
    expect((await show(asOther)).status).toBe(404)
    const sent = JSON.stringify(upstream.received)
    for (const secret of Object.values(headers)) {
      expect(sent).not.toContain(secret.replace('Bearer ', ''))
    }
  })

  test('an id that was chosen needs the key of its owner', async () => {
    const { bridge, upstream } = await start(undefined, withKeys)
    const trial = await register(bridge, { trial_id: 'mine', policy: { model: 'm' } }, asOwner)
    const call = async (headers: Record<string, string>) =>
      (await post(bridge, callPath(trial), { ...CHAT, model: null }, headers)).status
    expect(await call({})).toBe(401)
    expect(await call({ 'x-api-key': 'sk_env_0123456789abcdef' })).toBe(401)
    expect(upstream.received).toEqual([])
    expect(await call(asOwner)).toBe(200)
    // Among the other's trials there is none of that name, so no model either.
    expect(await call(asOther)).toBe(400)
  })

  test('registering needs a key where there are keys', async () => {
    const { bridge } = await start(undefined, withKeys)
    const answer = await post(bridge, '/api/interceptor/v1/trials', {})
    expect(answer.status).toBe(401)
  })

  test.each([
    ['without keys', closed, {}],
    ['with keys, with one', { config: { ...withKeys.config, ...closed.config } }, asOwner],
    ['with keys, without one', { config: { ...withKeys.config, ...closed.config } }, {}],
  ])('an unknown trial is not found where it is closed, %s', async (_name, options, headers) => {
    const { bridge, upstream } = await start(undefined, options)
    const answer = await post(
      bridge,
      '/api/interceptor/v1/trace_new/chat/completions',
      CHAT,
      headers,
    )
    expect(await errorOf(answer)).toMatchObject({ status: 404, code: 'not_found' })
    expect(upstream.received).toEqual([])
  })

  test('an unknown trial passes through where it is open, for whoever may call', async () => {
    const { bridge } = await start()
    const path = '/api/interceptor/v1/trace_new/v1/chat/completions'
    expect((await post(bridge, path, CHAT)).status).toBe(200)
    const keyed = await start(undefined, withKeys)
    expect((await post(keyed.bridge, path, CHAT)).status).toBe(401)
    expect((await post(keyed.bridge, path, CHAT, asOwner)).status).toBe(200)
  })

  test('an id of the minted shape never passes through unregistered', async () => {
    const { bridge } = await start()
    const path = `/api/interceptor/v1/trial_${'x'.repeat(28)}/chat/completions`
    const error = await errorOf(await post(bridge, path, CHAT))
    expect(error).toMatchObject({ status: 404 })
    expect(error.message + JSON.stringify(bridge.events)).not.toContain('x'.repeat(28))
  })
})

describe('whose session pays', () => {
  const open = async (bridge: TestBridge, limit: number, headers = {}) => {
    const body = {
      limits: [{ limit_type: 'hard', metric_type: 'cost_usd', limit_value: limit }],
      make_active: false,
    }
    const answer = await post(bridge, '/api/v1/sessions', body, headers)
    return ((await answer.json()) as { session_id: string }).session_id
  }

  test('the one that the trial names, whatever the task app says', async () => {
    const { bridge } = await start()
    const [ours, other] = [await open(bridge, 1), await open(bridge, 1)]
    const trial = await register(bridge, { session_id: ours })
    const answer = await post(bridge, callPath(trial), CHAT, {
      'x-synth-session-id': other,
      'x-no-session': 'true',
    })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('x-synth-session-id')).toBe(ours)
    expect(answer.headers.get('x-synth-budget-limit-usd')).toBe('1')
  })

  test("else the owner's active one", async () => {
    const { bridge } = await start()
    const first = await post(bridge, '/v1/chat/completions', CHAT)
    const trial = await register(bridge, {})
    const answer = await post(bridge, callPath(trial), CHAT, { 'x-no-session': 'true' })
    expect(answer.headers.get('x-synth-session-id')).toBe(first.headers.get('x-synth-session-id'))
  })

  test('used up, it is refused like every call, and nothing is sent', async () => {
    const { bridge, upstream } = await start()
    const trial = await register(bridge, { session_id: await open(bridge, 1e-9) })
    for (const tail of ['chat/completions', 'responses']) {
      const body = { ...CHAT, input: 'hi' }
      const error = await errorOf(await post(bridge, callPath(trial, tail), body))
      expect(error).toMatchObject({ status: 429, code: 'session_cost_limit' })
    }
    expect(upstream.received).toEqual([])
  })

  test("another's session is not found, nor is one that never was", async () => {
    const { bridge } = await start(undefined, withKeys)
    for (const session_id of [await open(bridge, 1, asOther), 'sess_none']) {
      const answer = await post(bridge, '/api/interceptor/v1/trials', { session_id }, asOwner)
      expect(await errorOf(answer)).toMatchObject({ status: 404, param: 'session_id' })
    }
  })

  test('a session that is over takes no trial', async () => {
    const { bridge } = await start()
    const session_id = await open(bridge, 1)
    await post(bridge, `/api/v1/sessions/${session_id}/end`, {})
    const answer = await post(bridge, '/api/interceptor/v1/trials', { session_id })
    expect(await errorOf(answer)).toMatchObject({ status: 400, code: 'session_not_active' })
  })

  test('a key of one session makes trials of that session only', async () => {
    const { bridge } = await start(undefined, withKeys)
    const bound = 'bound-key-0123456789'
    const bound_key_sha256 = createHash('sha256').update(bound).digest('hex')
    const answer = await post(
      bridge,
      '/api/v1/sessions',
      { bound_key_sha256, make_active: false },
      asOwner,
    )
    const { session_id } = (await answer.json()) as { session_id: string }
    const asBound = { authorization: `Bearer ${bound}` }
    const trial = await register(bridge, {}, asBound)
    const call = await post(bridge, callPath(trial), CHAT)
    expect(call.headers.get('x-synth-session-id')).toBe(session_id)
    const other = { session_id: await open(bridge, 1, asOwner) }
    expect((await post(bridge, '/api/interceptor/v1/trials', other, asBound)).status).toBe(404)
  })
})

describe('a candidate', () => {
  const candidate = {
    replacements: [
      { apply_to_role: 'system', old_text: 'Be terse.', new_text: 'Think of {query}.' },
    ],
  }
  const messages = [
    { role: 'system', content: 'You sort mail. Be terse.' },
    { role: 'user', content: 'Be terse.' },
  ]

  test('is in what the upstream gets, on either API', async () => {
    const { bridge, upstream } = await start()
    const trial = await register(bridge, { candidate })
    await post(bridge, callPath(trial), { model: 'm', messages })
    await post(bridge, callPath(trial, 'responses'), {
      model: 'm',
      instructions: messages[0]?.content,
      input: messages[1]?.content,
    })
    for (const { body } of upstream.received) {
      expect(body['messages']).toEqual([
        { role: 'system', content: 'You sort mail. Think of {query}.' },
        { role: 'user', content: 'Be terse.' },
      ])
    }
    expect(upstream.received).toHaveLength(2)
  })

  test('that is strict and matches nothing stops the call before it is sent', async () => {
    const { bridge, upstream } = await start()
    const trial = await register(bridge, { candidate: { ...candidate, strict: true } })
    const error = await errorOf(await post(bridge, callPath(trial), CHAT))
    expect(error).toMatchObject({
      status: 422,
      code: 'candidate_unmatched',
      param: 'replacements[0]',
    })
    expect(upstream.received).toEqual([])
  })

  test.each([
    [{}, 'candidate'],
    [{ replacements: 'x' }, 'candidate.replacements'],
    [{ replacements: [{ new_text: 'x' }] }, 'candidate.replacements[0].apply_to_role'],
    [
      { replacements: [{ apply_to_role: 'system', new_text: 'x', old_txt: 'y' }] },
      'candidate.replacements[0].old_txt',
    ],
    [
      { prompt_template: { sections: [{ role: 'system' }] } },
      'candidate.prompt_template.sections[0].content',
    ],
  ])('%j is refused with 422, naming the field', async (malformed, param) => {
    const { bridge } = await start()
    const answer = await post(bridge, '/api/interceptor/v1/trials', { candidate: malformed })
    expect(await errorOf(answer)).toMatchObject({ status: 422, code: 'invalid_candidate', param })
  })

  test('of the older registration may stand in deltas, and what cannot be read there is refused', async () => {
    const { bridge, upstream } = await start()
    const path = '/api/interceptor/v1/debug/register_trial/mine'
    const deltas = candidate.replacements
    expect((await post(bridge, path, { deltas })).status).toBe(200)
    await post(bridge, '/api/interceptor/v1/mine/chat/completions', { model: 'm', messages })
    expect(JSON.stringify(upstream.received)).toContain('Think of {query}.')
    const error = await errorOf(await post(bridge, path, { deltas: { transform: 'PYTHON' } }))
    expect(error).toMatchObject({ status: 422, param: 'deltas.transform' })
  })
})

describe('what a task app sends', () => {
  test('a provider that it names in the body is ignored', async () => {
    const { bridge, upstream } = await start()
    const trial = await register(bridge, {})
    const named = {
      api_base: 'http://evil.example/v1',
      base_url: 'http://evil.example/v1',
      api_key: 'sk-app-0123456789abcdef',
    }
    await post(bridge, callPath(trial), { ...CHAT, ...named })
    await post(bridge, callPath(trial, 'responses'), { model: 'm', input: 'hi', ...named })
    expect(upstream.received).toHaveLength(2)
    const sent = JSON.stringify(upstream.received)
    for (const value of Object.values(named)) expect(sent).not.toContain(value)
  })

  test("an upstream's error keeps its status and message, without the key", async () => {
    const { bridge } = await start(
      answering(418, `{"error":{"message":"no tea for ${UPSTREAM_KEY}"}}`),
    )
    const trial = await register(bridge, {})
    const error = await errorOf(await post(bridge, callPath(trial), CHAT))
    expect(error).toMatchObject({
      status: 418,
      message: expect.stringContaining('no tea for [redacted]'),
    })
  })
})
