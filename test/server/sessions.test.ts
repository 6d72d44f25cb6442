/** The sessions API as Synth's own client uses it: literal paths, shapes and statuses. */
import { afterEach, describe, expect, test } from 'vitest'
import { INFERENCE_PREFIXES } from '../../src/server/routes.ts'
import { startTestBridge, type TestBridge, type TestBridgeOptions } from '../support/bridge.ts'

const running: TestBridge[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((bridge) => bridge.close()))
})

/** The members that these tests read off one answer or another. */
interface Reply {
  readonly session_id: string
  readonly org_id: string
  readonly status: string
  readonly limit_value: string
  readonly limits: readonly { readonly limit_id: string }[]
  readonly error: { readonly code: string; readonly param: string }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

async function start(options: Partial<TestBridgeOptions> = {}) {
  const bridge = await startTestBridge({
    ...options,
    config: { upstreams: { local: { base_url: 'http://127.0.0.1:9/v1' } }, ...options.config },
  })
  running.push(bridge)
  const call = async (method: string, path: string, body?: unknown, key?: string) => {
    const answer = await fetch(bridge.url + path, {
      method,
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { 'x-api-key': key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return {
      status: answer.status,
      type: answer.headers.get('content-type'),
      json: (await answer.json()) as Reply,
    }
  }
  return { bridge, call }
}

const TWENTY = { limit_type: 'hard', metric_type: 'cost_usd', limit_value: 20 }

describe('the nine calls', () => {
  test.each(['', ...INFERENCE_PREFIXES])('work below "%s/api/v1"', async (prefix) => {
    const { call } = await start()
    const base = `${prefix}/api/v1`
    const me = await call('GET', `${base}/me`)
    expect(me.json.org_id).toMatch(UUID)
    expect(me.type).toContain('application/json')

    const created = await call('POST', `${base}/sessions`, {
      limits: [TWENTY],
      session_type: 'codex_agent',
      metadata: { a: 1 },
      session_id: 'sess_mine',
      make_active: true,
    })
    expect(created.status).toBe(201)
    expect(created.json).toMatchObject({
      session_id: expect.stringMatching(/^sess_[0-9a-f]{32}$/),
      org_id: me.json.org_id,
      status: 'active',
      session_type: 'codex_agent',
      metadata: { a: 1 },
      current_usage: { tokens: 0, cost_usd: '0', gpu_hours: 0, api_calls: 0 },
      reserved: { tokens: 0, cost_usd: '0', gpu_hours: 0, api_calls: 0 },
      limits: [
        { limit_type: 'hard', metric_type: 'cost_usd', limit_value: '20', current_usage: '0' },
      ],
    })
    expect(created.json.session_id).not.toBe('sess_mine')
    expect(created.json.limits[0]?.limit_id).toMatch(UUID)

    const one = `${base}/sessions/${created.json.session_id}`
    expect((await call('GET', one)).json).toEqual(created.json)
    expect((await call('GET', `${base}/sessions?status=active`)).json).toEqual([created.json])
    expect(
      (await call('POST', `${one}/limits`, { ...TWENTY, metric_type: 'tokens' })).json,
    ).toMatchObject({
      metric_type: 'tokens',
      limit_value: 20,
    })
    expect((await call('GET', `${one}/limits`)).json).toHaveLength(2)
    expect(
      (await call('POST', `${one}/limits/increase`, { metric_type: 'cost_usd', increase_by: 2.5 }))
        .json,
    ).toMatchObject({ limit_value: '22.5' })
    expect((await call('GET', `${one}/usage`)).json).toEqual([])
    expect((await call('POST', `${one}/usage`, {})).status).toBe(405)
    expect((await call('POST', `${one}/end`, {})).json).toMatchObject({ status: 'ended' })
    expect((await call('POST', `${one}/end`, {})).status).toBe(400)
  })
})

describe('one active session', () => {
  test('a new one ends the one before it, unless it stands beside it', async () => {
    const { call } = await start()
    const first = (await call('POST', '/api/v1/sessions', {})).json.session_id
    const beside = (await call('POST', '/api/v1/sessions', { make_active: false })).json.session_id
    const second = (await call('POST', '/api/v1/sessions', {})).json.session_id
    const statusOf = async (id: string) => (await call('GET', `/api/v1/sessions/${id}`)).json.status
    expect(await statusOf(first)).toBe('ended')
    expect(await statusOf(beside)).toBe('active')
    expect(await statusOf(second)).toBe('active')
  })
})

describe('bad input', () => {
  test.each([
    {
      name: 'a limit of nothing',
      body: { limits: [{ ...TWENTY, limit_value: 0 }] },
      param: 'limits.0.limit_value',
    },
    {
      name: 'an unknown metric',
      body: { limits: [{ ...TWENTY, metric_type: 'x' }] },
      param: 'limits.0.metric_type',
    },
    {
      name: 'a window without seconds',
      body: { limits: [{ ...TWENTY, limit_type: 'rolling_window' }] },
      param: 'limits.0.window_seconds',
    },
    { name: 'a time that is none', body: { expires_at: 'soon' }, param: 'expires_at' },
  ])('$name is a 400 that names it', async ({ body, param }) => {
    const { call } = await start()
    const answer = await call('POST', '/api/v1/sessions', body)
    expect(answer.status).toBe(400)
    expect(answer.json.error.param).toBe(param)
  })

  test.each(['?limit=x', '?offset=-1', '?status=gone', '?created_after=soon'])(
    'a list with %s is a 400',
    async (query) => {
      const { call } = await start()
      expect((await call('GET', `/api/v1/sessions${query}`)).status).toBe(400)
    },
  )
})

describe('keys', () => {
  const config = {
    keys: [
      { name: 'ann', key_env: 'ANN' },
      { name: 'bob', key_env: 'BOB', may_raise: true },
    ],
  }
  const env = { ANN: 'ann-secret', BOB: 'bob-secret' }

  test('see nothing of each other: another owner’s session is one that never was', async () => {
    const { call } = await start({ config, env })
    const session = (await call('POST', '/api/v1/sessions', { limits: [TWENTY] }, env.ANN)).json
    const path = `/api/v1/sessions/${session.session_id}`
    const unknown = `/api/v1/sessions/sess_${'0'.repeat(32)}`
    for (const [method, below, body] of [
      ['GET', '', undefined],
      ['POST', '/end', {}],
      ['GET', '/limits', undefined],
      ['POST', '/limits', TWENTY],
      ['POST', '/limits/increase', { metric_type: 'cost_usd', increase_by: 1 }],
      ['GET', '/usage', undefined],
    ] as const) {
      const foreign = await call(method, path + below, body, env.BOB)
      const none = await call(method, unknown + below, body, env.BOB)
      expect(foreign.status).toBe(404)
      expect(foreign.json.error.code).toBe(none.json.error.code)
    }
    expect((await call('GET', '/api/v1/sessions', undefined, env.BOB)).json).toEqual([])
  })

  test('raise their own limits only where they may', async () => {
    const { call } = await start({ config, env })
    const raise = { metric_type: 'cost_usd', increase_by: 5 }
    const open = async (key: string) =>
      `/api/v1/sessions/${(await call('POST', '/api/v1/sessions', { limits: [TWENTY] }, key)).json.session_id}/limits/increase`
    expect((await call('POST', await open(env.ANN), raise, env.ANN)).status).toBe(403)
    expect((await call('POST', await open(env.BOB), raise, env.BOB)).json.limit_value).toBe('25')
  })

  test('are needed', async () => {
    const { call } = await start({ config, env })
    expect((await call('GET', '/api/v1/me')).status).toBe(401)
  })
})
