/**
 * What is going on, in one answer: the caller's live sessions, its running calls and its latest ones.
 * For `synth status` and the web page; like the sessions, each owner sees its own.
 *
 * @see ../../docs/guide.md, "Sessions and live figures"
 */
import { toJsonQuantity } from '../budget/quantity.ts'
import { toSessionJson } from '../budget/session-json.ts'
import type { LedgerStore } from '../gateway/ledger-port.ts'
import type { ActiveCall, LiveCalls, RecentCall } from '../gateway/live-calls.ts'
import type { SinkState } from '../gateway/trace/sink.ts'
import { readCount, type SessionHandler } from './sessions.ts'

/** Of each kind of live session; an owner with more has them all in the list of sessions. */
const MAX_SESSIONS = 100
const RECENT_CALLS = 20
const MAX_RECENT_CALLS = 200

export interface StatusOptions {
  readonly store: Pick<LedgerStore, 'listSessions'>
  readonly calls: Pick<LiveCalls, 'active' | 'recent'>
  readonly nowMs: () => number
  readonly startedAtMs: number
  readonly version: string
  /** Names of `[upstreams]`. */
  readonly upstreams: readonly string[]
  readonly isDraining: () => boolean
  readonly traceState: () => SinkState
}

export function createStatusHandler(options: StatusOptions): SessionHandler {
  const { store, calls, nowMs, startedAtMs } = options
  return async (call) => {
    const { orgId, userId } = call.caller
    const limit = readCount(call, 'calls', RECENT_CALLS, MAX_RECENT_CALLS)
    const now = nowMs()
    const live = await Promise.all(
      (['active', 'limit_exceeded'] as const).map((status) =>
        store.listSessions({ orgId, userId, status, limit: MAX_SESSIONS, offset: 0 }, now),
      ),
    )
    const sessions = live.flat().toSorted((left, right) => right.createdAtMs - left.createdAtMs)
    return {
      status: 200,
      body: {
        bridge: {
          status: options.isDraining() ? 'draining' : 'ok',
          version: options.version,
          started_at: iso(startedAtMs),
          uptime_seconds: Math.max(0, Math.floor((now - startedAtMs) / 1000)),
          upstreams: options.upstreams,
          traces: options.traceState(),
        },
        sessions: sessions.map((session) => toSessionJson(session, now)),
        active_calls: calls.active(call.caller).map(toActiveCallJson),
        recent_calls: calls.recent(call.caller, limit).map(toRecentCallJson),
      },
    }
  }
}

const iso = (ms: number): string => new Date(ms).toISOString()

function nameOf(call: ActiveCall | RecentCall) {
  return {
    request_id: call.requestId,
    response_id: call.responseId,
    client_request_id: call.clientRequestId ?? null,
    session_id: call.sessionId,
    model: call.model,
    upstream: call.upstream,
    attempts: call.attempts,
    started_at: iso(call.startedAtMs),
  }
}

function toActiveCallJson(call: ActiveCall) {
  const { phase, tokensPerSecond } = call
  return {
    ...nameOf(call),
    waits_for: phase,
    age_ms: Math.round(call.ageMs),
    output_chars: call.outputChars,
    output_tokens_estimate: call.outputTokensEstimate,
    tokens_per_second: tokensPerSecond === undefined ? null : Math.round(tokensPerSecond * 10) / 10,
  }
}

function toRecentCallJson(call: RecentCall) {
  const { charge, charged } = call
  return {
    ...nameOf(call),
    ended_at: iso(call.endedAtMs),
    duration_ms: Math.round(call.durationMs),
    outcome: call.outcome,
    status: call.status,
    error_code: call.errorCode,
    // Of the attempt that cost something last; the sums below are of all of them.
    input_tokens: charge?.usage.inputTokens ?? null,
    cached_input_tokens: charge?.usage.cachedInputTokens ?? null,
    output_tokens: charge?.usage.outputTokens ?? null,
    usage_outcome: charge?.outcome ?? null,
    tokens: toJsonQuantity('tokens', charged.tokens),
    cost_usd: toJsonQuantity('cost_usd', charged.cost_usd),
    gpu_hours: toJsonQuantity('gpu_hours', charged.gpu_hours),
  }
}
