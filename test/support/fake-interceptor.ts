/**
 * A bridge with sessions, trials and traces, by the written contract, in place of the real one: it does
 * wrong what a test has it do.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Json = Record<string, unknown>

export interface FakeCall {
  readonly trialId: string
  readonly seed: number
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: Json
}

export interface FakeAnswer {
  readonly status?: number
  /** What the model says, or the whole body. */
  readonly says?: string
  readonly body?: Json
  /** What the trace holds besides, or in place of what it would. */
  readonly trace?: Json
}

export interface FakeInterceptorOptions {
  /** The model. By default it repeats the last message. */
  readonly answer?: (call: FakeCall) => FakeAnswer | Promise<FakeAnswer>
  /** Answers a trial by itself when it returns a body. */
  readonly refuseTrial?: (
    trial: Json,
  ) => { readonly status: number; readonly code: string } | undefined
  readonly refuseTraces?: boolean
  /** How many looks at traces show calls that have ended as still running. */
  readonly lateLooks?: number
}

export interface FakeInterceptor {
  readonly url: string
  readonly trials: readonly Json[]
  readonly calls: readonly FakeCall[]
  readonly sessions: readonly Json[]
  /** As `limit_exceeded` is what the next look shows. */
  exceed(): void
  close(): Promise<void>
}

const ZERO = { tokens: 0, cost_usd: '0', gpu_hours: 0, api_calls: 0 }
const RUNNING = { complete: false, outcome: null, status: null, usage: null, cost_usd: null }
const CALL_COST_E4 = 1
const CALL_COST_USD = '0.0001'
const SESSION_ID = 'sess_fa4e'

export async function startFakeInterceptor(
  options: FakeInterceptorOptions = {},
): Promise<FakeInterceptor> {
  const trials: Json[] = []
  const calls: FakeCall[] = []
  const traces: Json[] = []
  const sessions: Json[] = []
  let status = 'active'
  let earlierCalls = 0
  let lateLooks = options.lateLooks ?? 0

  const usage = (): Json => {
    const count = calls.length - earlierCalls
    const cost_usd = ((count * CALL_COST_E4) / 1e4).toFixed(4)
    return { ...ZERO, tokens: 10 * count, cost_usd, api_calls: count }
  }

  const session = (): Json => ({
    session_id: SESSION_ID,
    status,
    limit_exceeded_reason: null,
    current_usage: usage(),
    reserved: ZERO,
    limits: [],
    created_at: '2026-01-01T00:00:00Z',
    expires_at: null,
    ended_at: null,
    session_type: 'rollout',
  })

  async function infer(request: IncomingMessage, body: Json, url: URL): Promise<FakeAnswer> {
    const [trialId = ''] = url.pathname.replace('/api/interceptor/v1/', '').split('/')
    const trial = trials.find(({ trial_id }) => trial_id === trialId)
    if (trial === undefined) return { status: 404, body: { error: { message: 'no such trial' } } }
    const path = url.pathname + url.search
    const seed = Number(trial['seed'])
    const call = { trialId, seed, path, headers: request.headers, body }
    calls.push(call)
    const messages = body['messages'] as { content: string }[]
    const answer = (await options.answer?.(call)) ?? { says: messages.at(-1)?.content ?? '' }
    traces.push({
      trace_id: `tr_${traces.length}`,
      trial_id: trialId,
      status: answer.status ?? 200,
      complete: (answer.status ?? 200) < 400,
      created_at: new Date(Date.UTC(2026, 0, 1) + traces.length).toISOString(),
      usage: { input_tokens: 7, output_tokens: 3 },
      cost_usd: CALL_COST_USD,
      request: { received: body, changes: [] },
      error: null,
      ...answer.trace,
    })
    return answer
  }

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost')
    let text = ''
    for await (const piece of request) text += piece
    const body = text === '' ? {} : JSON.parse(text)
    const asked = `${request.method} ${url.pathname}`
    if (asked === 'GET /health') return send(response, 200, { status: 'ok', version: 'fake' })
    if (asked === 'POST /api/v1/sessions') {
      sessions.push(body)
      status = 'active'
      earlierCalls = calls.length
      return send(response, 201, session())
    }
    if (asked === 'GET /api/v1/sessions') return send(response, 200, [])
    if (asked === `GET /api/v1/sessions/${SESSION_ID}`) return send(response, 200, session())
    if (asked === `POST /api/v1/sessions/${SESSION_ID}/end`) {
      status = 'ended'
      return send(response, 200, session())
    }
    if (asked === 'POST /api/interceptor/v1/trials') {
      const refusal = options.refuseTrial?.(body)
      if (refusal !== undefined) {
        const error = { message: `refused: ${refusal.code}`, code: refusal.code }
        return send(response, refusal.status, { error })
      }
      const trial_id = `trial_${trials.length}`
      trials.push({ ...body, trial_id })
      return send(response, 201, {
        trial_id,
        correlation_id: `trace_${trial_id}`,
        inference_url: `http://${request.headers.host}/api/interceptor/v1/${trial_id}?cid=trace_${trial_id}`,
        expires_at: '2030-01-01T00:00:00Z',
      })
    }
    if (asked === 'GET /api/v1/traces') {
      if (options.refuseTraces === true) return send(response, 404, { error: {} })
      return sendTraces(response, url)
    }
    if (asked.startsWith('POST /api/interceptor/v1/')) {
      const answer = await infer(request, body, url)
      return send(response, answer.status ?? 200, answer.body ?? completion(answer.says ?? ''))
    }
    send(response, 404, { error: { message: `no route ${asked}`, code: 'not_found' } })
  }

  /** Newest first, as lists are, and few at a time. */
  function sendTraces(response: ServerResponse, url: URL): void {
    const trialId = url.searchParams.get('trial_id')
    const from = Number(url.searchParams.get('cursor') ?? 0)
    const size = Math.min(2, Number(url.searchParams.get('limit')))
    const mine = traces
      .filter(({ trial_id }) => trial_id === trialId)
      .map((trace) => (lateLooks > 0 ? { ...trace, ...RUNNING } : trace))
      .toReversed()
    lateLooks -= 1
    const next = from + size < mine.length ? String(from + size) : null
    send(response, 200, { data: mine.slice(from, from + size), next_cursor: next })
  }

  const server = createServer((request, response) => {
    route(request, response).catch((cause) => response.destroy(cause))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    trials,
    calls,
    sessions,
    exceed: () => {
      status = 'limit_exceeded'
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

const completion = (content: string): Json => ({
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
})
