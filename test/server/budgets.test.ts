/** Budgets over real sockets: what the upstream counted is what the session says, and no more. */
import { afterEach, describe, expect, test } from 'vitest'
import { startTestBridge, type TestBridge } from '../support/bridge.ts'
import { type Answerer, type HttpUpstream, startHttpUpstream } from '../support/http-upstream.ts'

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.close()))
})

/** $1 per million tokens in, $10 out: 1,000 and 10,000 nano-dollars a token. */
const PRICE = { input: '1', output: '10' }
const nanoUsd = (usd: string): bigint => {
  const [whole = '0', fraction = ''] = usd.split('.')
  return BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'))
}

interface SessionReply {
  readonly session_id: string
  readonly status: string
  readonly current_usage: {
    readonly cost_usd: string
    readonly tokens: number
    readonly api_calls: number
  }
  readonly reserved: { readonly cost_usd: string; readonly tokens: number }
  readonly limits: readonly { readonly limit_value: string }[]
}

/** Answers with `text` and that usage. */
function answerWith(usage: { input: number; output: number }, text = 'ok'): Answerer {
  return (request, response) => {
    const counts = {
      prompt_tokens: usage.input,
      completion_tokens: usage.output,
      total_tokens: usage.input + usage.output,
    }
    const chunks = [
      { choices: [{ index: 0, delta: { content: text } }] },
      { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
      { choices: [], usage: counts },
    ]
    void request
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(
      `${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')}data: [DONE]\n\n`,
    )
  }
}

async function start(answer: Answerer, session: object, model: object = {}) {
  const upstream = await startHttpUpstream(answer)
  running.push(upstream)
  const bridge = await startTestBridge({
    config: {
      upstreams: { local: { base_url: upstream.baseUrl, max_retries: 0 } },
      models: { m: { upstream: 'local', price: PRICE, ...model } },
      session,
    },
  })
  running.push(bridge)
  return { bridge, upstream }
}

function ask(bridge: TestBridge, body: object = {}, headers: Record<string, string> = {}) {
  return fetch(`${bridge.url}/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'm', input: 'hi', ...body }),
  })
}

async function sessions(bridge: TestBridge): Promise<SessionReply[]> {
  return (await (await fetch(`${bridge.url}/api/v1/sessions`)).json()) as SessionReply[]
}

async function onlySession(bridge: TestBridge): Promise<SessionReply> {
  const [session] = await sessions(bridge)
  if (session === undefined) throw new Error('no session')
  return session
}

describe('spend', () => {
  test('is the upstream’s own count, to the nano-dollar', async () => {
    const { bridge } = await start(answerWith({ input: 137, output: 41 }), {
      limit_cost_usd: '0.05',
    })
    for (let calls = 0; calls < 3; calls++) expect((await ask(bridge)).status).toBe(200)
    const session = await onlySession(bridge)
    expect(nanoUsd(session.current_usage.cost_usd)).toBe(3n * (137n * 1000n + 41n * 10_000n))
    expect(session.current_usage).toMatchObject({ tokens: 3 * 178, api_calls: 3 })
    expect(session.reserved).toMatchObject({ cost_usd: '0', tokens: 0 })
  })

  test('is shown on every answer, and recorded with its figures', async () => {
    const { bridge } = await start(answerWith({ input: 10, output: 2 }), { limit_cost_usd: 1 })
    await ask(bridge)
    const answer = await ask(bridge, {}, { 'x-client-request-id': 'mine' })
    const { session_id } = await onlySession(bridge)
    expect(answer.headers.get('x-synth-session-id')).toBe(session_id)
    expect(answer.headers.get('x-synth-budget-limit-usd')).toBe('1')
    expect(answer.headers.get('x-synth-budget-spent-usd')).toBe('0.00003')
    expect(Number(answer.headers.get('x-synth-budget-remaining-usd'))).toBeLessThan(1)
    const records = (await (
      await fetch(`${bridge.url}/api/v1/sessions/${session_id}/usage?metric_type=cost_usd`)
    ).json()) as { metric_value: string; metadata: Record<string, unknown> }[]
    expect(records).toHaveLength(2)
    expect(records[1]).toMatchObject({
      metric_value: '0.00003',
      metadata: {
        model: 'm',
        input_tokens: 10,
        cached_input_tokens: 0,
        output_tokens: 2,
        outcome: 'exact',
        overrun: false,
      },
    })
  })

  test('without usage is estimated, never above the hold, and marked', async () => {
    const { bridge } = await start(
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.end(
          'data: {"choices":[{"delta":{"content":"abcdef"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
        )
      },
      { limit_cost_usd: 1 },
    )
    expect(await (await ask(bridge)).json()).toMatchObject({ usage: null })
    const session = await onlySession(bridge)
    expect(nanoUsd(session.current_usage.cost_usd)).toBeGreaterThan(2n * 10_000n)
    expect(session.reserved.cost_usd).toBe('0')
  })

  test('without usage is shown as an estimate only where the model says so', async () => {
    const { bridge } = await start(
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.end(
          'data: {"choices":[{"delta":{"content":"abcdef"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
        )
      },
      {},
      { usage: 'estimate' },
    )
    expect(await (await ask(bridge)).json()).toMatchObject({
      usage: { input_tokens: expect.any(Number), output_tokens: 2 },
    })
  })

  test('of an upstream that refuses is nothing', async () => {
    const { bridge } = await start(
      (_request, response) => {
        response.writeHead(500)
        response.end('{"error":{"message":"no"}}')
      },
      { limit_cost_usd: 1 },
    )
    expect((await ask(bridge)).status).toBe(500)
    expect(await onlySession(bridge)).toMatchObject({
      current_usage: { cost_usd: '0', tokens: 0 },
      reserved: { cost_usd: '0', tokens: 0 },
    })
  })

  test('beyond the hold is charged in full', async () => {
    const { bridge } = await start(answerWith({ input: 1_000_000, output: 1 }), {
      limit_cost_usd: 2,
    })
    expect((await ask(bridge)).status).toBe(200)
    const session = await onlySession(bridge)
    expect(nanoUsd(session.current_usage.cost_usd)).toBe(1_000_010_000n)
  })
})

describe('a limit', () => {
  test('refuses with the documented answer, and sends nothing upstream', async () => {
    const { bridge, upstream } = await start(answerWith({ input: 10_000, output: 1000 }), {
      limit_cost_usd: '0.02',
    })
    expect((await ask(bridge)).status).toBe(200)
    const refused = await ask(bridge)
    expect(refused.status).toBe(429)
    const text = await refused.text()
    expect(Buffer.byteLength(text)).toBeLessThan(200)
    expect(JSON.parse(text)).toEqual({
      error: {
        type: 'usage_limit_reached',
        code: 'session_cost_limit',
        message: 'Session budget of $0.02 is used up ($0.02 spent).',
      },
    })
    expect(refused.headers.get('x-should-retry')).toBe('false')
    expect(refused.headers.get('retry-after')).toBeNull()
    expect(refused.headers.get('x-codex-promo-message')).toBe(
      'Session budget of $0.02 is used up ($0.02 spent). Start a new session with a new budget',
    )
    expect(refused.headers.get('x-synth-budget-limit-usd')).toBe('0.02')
    expect(refused.headers.get('x-synth-session-id')).toMatch(/^sess_/)
    expect(upstream.received).toHaveLength(1)
    expect((await onlySession(bridge)).status).toBe('limit_exceeded')
  })

  test('does not refill itself; a raise makes the session active again', async () => {
    const { bridge } = await start(answerWith({ input: 10_000, output: 1000 }), {
      limit_cost_usd: '0.02',
    })
    await ask(bridge)
    expect((await ask(bridge)).status).toBe(429)
    expect((await ask(bridge)).status).toBe(429)
    expect(await sessions(bridge)).toHaveLength(1)
    const { session_id } = await onlySession(bridge)
    await fetch(`${bridge.url}/api/v1/sessions/${session_id}/limits/increase`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ metric_type: 'cost_usd', increase_by: '1' }),
    })
    expect((await onlySession(bridge)).status).toBe('active')
    expect((await ask(bridge)).status).toBe(200)
  })

  test('is a 403 for OpenCode, which repeats a 429 for ever', async () => {
    const { bridge } = await start(answerWith({ input: 10_000, output: 1000 }), {
      limit_cost_usd: '0.02',
    })
    await ask(bridge)
    expect((await ask(bridge, {}, { 'user-agent': 'opencode/1.18' })).status).toBe(403)
  })

  test('of tokens has a code of its own', async () => {
    const { bridge } = await start(answerWith({ input: 400, output: 100 }), { limit_tokens: 500 })
    await ask(bridge)
    expect(await (await ask(bridge)).json()).toMatchObject({
      error: {
        code: 'session_token_limit',
        message: 'Session budget of 500 tokens is used up (500 tokens spent).',
      },
    })
  })

  test('that is near clamps what the upstream may generate', async () => {
    const { bridge, upstream } = await start(answerWith({ input: 5, output: 5 }), {
      limit_cost_usd: '0.01',
    })
    await ask(bridge, { max_output_tokens: 50_000 })
    const asked = upstream.received[0]?.body['max_tokens']
    expect(asked).toBeGreaterThan(256)
    expect(asked).toBeLessThan(1000)
  })

  test('that is reached while the answer runs cuts it as incomplete, and names the budget', async () => {
    const piece = 'x'.repeat(3000)
    const { bridge, upstream } = await start(
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        const timer = setInterval(() => {
          response.write(`data: {"choices":[{"index":0,"delta":{"content":"${piece}"}}]}\n\n`)
        }, 2)
        response.once('close', () => clearInterval(timer))
      },
      { limit_cost_usd: '0.1' },
    )
    const text = await (await ask(bridge, { stream: true })).text()
    await upstream.closedByPeer()
    const last = text.match(/^data: (\{"type":"response\.incomplete".*)$/m)?.[1] ?? '{}'
    expect(JSON.parse(last)).toMatchObject({
      response: {
        status: 'incomplete',
        incomplete_details: { reason: 'max_output_tokens' },
        metadata: { budget: 'session_cost_limit' },
      },
    })
    const session = await onlySession(bridge)
    expect(nanoUsd(session.current_usage.cost_usd)).toBeLessThanOrEqual(100_000_000n)
  })
})

describe('a soft limit', () => {
  test('refuses nothing; it warns in a header and in the log, once when it is crossed', async () => {
    const { bridge } = await start(answerWith({ input: 60, output: 0 }), {})
    await fetch(`${bridge.url}/api/v1/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        limits: [
          { limit_type: 'soft', metric_type: 'tokens', limit_value: 100, warning_threshold: 0.8 },
        ],
      }),
    })
    const warnings = []
    for (let calls = 0; calls < 4; calls++) {
      warnings.push((await ask(bridge)).headers.get('x-synth-budget-warning'))
    }
    expect(warnings).toEqual([null, null, 'tokens 120% of 100', 'tokens 180% of 100'])
    const logged = bridge.events.filter(({ message }) => message.startsWith('budget: '))
    expect(logged.map(({ message }) => message)).toEqual(['budget: tokens 120% of 100'])
  })
})

describe('500 calls at once at a limit that admits 9', () => {
  test('admit exactly what fits', async () => {
    const usage = { input: 30, output: 100 }
    const cost = 30n * 1000n + 100n * 10_000n
    const limit = (cost * 99n) / 10n
    const { bridge, upstream } = await start(answerWith(usage), {
      limit_cost_usd: `0.${limit.toString().padStart(9, '0')}`,
    })
    const answers = await Promise.all(
      Array.from({ length: 500 }, () => ask(bridge, { max_output_tokens: 100 })),
    )
    const statuses = answers.map((answer) => answer.status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(9)
    expect(statuses.filter((status) => status === 429)).toHaveLength(491)
    expect(upstream.received).toHaveLength(9)
    const session = await onlySession(bridge)
    expect(nanoUsd(session.current_usage.cost_usd)).toBe(9n * cost)
    expect(session.reserved.cost_usd).toBe('0')
  })
})

describe('which session a call goes to', () => {
  const json = { 'content-type': 'application/json' }
  const create = async (bridge: TestBridge, body: object) =>
    (
      (await (
        await fetch(`${bridge.url}/api/v1/sessions`, {
          method: 'POST',
          headers: json,
          body: JSON.stringify(body),
        })
      ).json()) as SessionReply
    ).session_id
  const callsOf = async (bridge: TestBridge, id: string) =>
    ((await (await fetch(`${bridge.url}/api/v1/sessions/${id}`)).json()) as SessionReply)
      .current_usage.api_calls

  test('the one it names, else the active one, else one that opens by itself', async () => {
    const { bridge } = await start(answerWith({ input: 1, output: 1 }), {})
    await ask(bridge)
    const own = await create(bridge, {})
    const beside = await create(bridge, { make_active: false })
    await ask(bridge)
    await ask(bridge, {}, { 'x-synth-session-id': beside })
    await ask(bridge, {}, { 'x-session-id': beside })
    await ask(bridge, {}, { 'x-session-id': 'opencodes-own' })
    expect(await callsOf(bridge, own)).toBe(2)
    expect(await callsOf(bridge, beside)).toBe(2)
    expect(await sessions(bridge)).toHaveLength(3)
  })

  test('none where it opts out', async () => {
    const { bridge } = await start(answerWith({ input: 1, output: 1 }), {})
    expect((await ask(bridge, {}, { 'x-no-session': 'true' })).status).toBe(200)
    expect(await sessions(bridge)).toEqual([])
  })

  test('an ended one refuses, an unknown one is a 404', async () => {
    const { bridge, upstream } = await start(answerWith({ input: 1, output: 1 }), {})
    const ended = await create(bridge, { make_active: false })
    await fetch(`${bridge.url}/api/v1/sessions/${ended}/end`, {
      method: 'POST',
      headers: json,
      body: '{}',
    })
    const refused = await ask(bridge, {}, { 'x-synth-session-id': ended })
    expect(refused.status).toBe(429)
    expect(await refused.json()).toMatchObject({ error: { code: 'session_ended' } })
    expect((await ask(bridge, {}, { 'x-synth-session-id': 'sess_0' })).status).toBe(404)
    expect(upstream.received).toHaveLength(0)
  })
})

async function withoutPrice(upstream: HttpUpstream, session: object): Promise<TestBridge> {
  // Another name for this machine is no loopback address to a configuration, and needs no network.
  const url = new URL(upstream.baseUrl)
  const bridge = await startTestBridge({
    config: {
      upstreams: { far: { base_url: `http://0.0.0.0:${url.port}/v1`, max_retries: 0 } },
      models: { m: { upstream: 'far' } },
      session,
    },
  })
  running.push(bridge)
  return bridge
}

describe('a model whose price nobody knows', () => {
  test('is refused while dollars are limited, with the line to add', async () => {
    const upstream = await startHttpUpstream(answerWith({ input: 1, output: 1 }))
    running.push(upstream)
    const bridge = await withoutPrice(upstream, {})
    const refused = await ask(bridge)
    expect(refused.status).toBe(400)
    expect(await refused.json()).toMatchObject({
      error: { code: 'price_unknown', message: expect.stringContaining('[models.m]\nprice = {') },
    })
    expect(upstream.received).toHaveLength(0)
    const free = await withoutPrice(upstream, { limit_cost_usd: 0, limit_tokens: 10_000 })
    expect((await ask(free)).status).toBe(200)
  })
})
