/**
 * The bridge's own API over HTTP, for every command that asks a running bridge: what the web page and
 * scripts use, and nothing besides. Answers are read by schema; failures say what to do.
 */
import { type TraceRecord, TraceRecordSchema } from '../../trace/record.ts'
import {
  type Health,
  HealthSchema,
  type LimitAnswer,
  LimitSchema,
  type Me,
  MeSchema,
  type SessionAnswer,
  SessionSchema,
  type StatusAnswer,
  StatusSchema,
  type TracesAnswer,
  TracesSchema,
  type UsageRecord,
  UsageRecordSchema,
} from './api-schemas.ts'
import { type BridgeApiOptions, createAsk, toQueryText } from './ask.ts'

/** As the API takes it; amounts are decimal strings, so that none goes through a float. */
export interface LimitRequest {
  readonly metric_type: 'tokens' | 'cost_usd' | 'gpu_hours' | 'api_calls'
  readonly limit_value: string
  readonly limit_type?: 'hard' | 'soft' | 'rolling_window'
  readonly window_seconds?: number
  readonly warning_threshold?: number
}

export interface CreateSessionRequest {
  readonly limits?: readonly LimitRequest[]
  /** True (the bridge's default) ends the caller's active session and takes its place. */
  readonly make_active?: boolean
  readonly session_type?: string
  /** ISO 8601. */
  readonly expires_at?: string
  readonly metadata?: Readonly<Record<string, unknown>>
  /** SHA-256, hex, of a key that makes calls on this session alone. */
  readonly bound_key_sha256?: string
}

export interface RaiseRequest {
  readonly metric_type: LimitRequest['metric_type']
  readonly increase_by: string
  readonly limit_id?: string
}

export interface ListSessionsQuery {
  readonly status?: string
  readonly limit?: number
  readonly offset?: number
}

export interface ListUsageQuery {
  readonly metric_type?: LimitRequest['metric_type']
  readonly limit?: number
  readonly offset?: number
}

export interface ListTracesQuery {
  readonly session_id?: string
  readonly trial_id?: string
  readonly job_id?: string
  readonly correlation_id?: string
  readonly model?: string
  /** An HTTP status, or how the call ended. */
  readonly status?: string
  readonly order?: 'asc' | 'desc'
  readonly content?: 'true' | 'false'
  readonly limit?: number
  readonly cursor?: string
}

/** Every promise rejects with a `BridgeApiError`. */
export interface BridgeApi {
  /** Of the bridge, without `/v1` or a slash at its end. */
  readonly url: string
  /** Needs no key. */
  health(): Promise<Health>
  me(): Promise<Me>
  createSession(request: CreateSessionRequest): Promise<SessionAnswer>
  /** Newest first. */
  listSessions(query?: ListSessionsQuery): Promise<SessionAnswer[]>
  showSession(sessionId: string): Promise<SessionAnswer>
  endSession(sessionId: string): Promise<SessionAnswer>
  listLimits(sessionId: string): Promise<LimitAnswer[]>
  addLimit(sessionId: string, request: LimitRequest): Promise<LimitAnswer>
  raiseLimit(sessionId: string, request: RaiseRequest): Promise<LimitAnswer>
  /** Oldest first, one record per metric and call. */
  listUsage(sessionId: string, query?: ListUsageQuery): Promise<UsageRecord[]>
  /** @param calls how many recent calls at most */
  status(calls?: number): Promise<StatusAnswer>
  listTraces(query?: ListTracesQuery): Promise<TracesAnswer>
  showTrace(traceId: string): Promise<TraceRecord>
}

/** @throws {UsageError} when `url` is none */
export function createBridgeApi(options: BridgeApiOptions): BridgeApi {
  const { url, ask } = createAsk(options)
  const sessionPath = (sessionId: string): string =>
    `/api/v1/sessions/${encodeURIComponent(sessionId)}`

  return {
    url,
    health: () => ask(HealthSchema, 'GET', '/health'),
    me: () => ask(MeSchema, 'GET', '/api/v1/me'),
    createSession: (request) => ask(SessionSchema, 'POST', '/api/v1/sessions', request),
    listSessions: ({ status, limit, offset } = {}) =>
      ask(
        SessionSchema.array(),
        'GET',
        `/api/v1/sessions${toQueryText({ status, limit, offset })}`,
      ),
    showSession: (sessionId) => ask(SessionSchema, 'GET', sessionPath(sessionId)),
    endSession: (sessionId) => ask(SessionSchema, 'POST', `${sessionPath(sessionId)}/end`),
    listLimits: (sessionId) => ask(LimitSchema.array(), 'GET', `${sessionPath(sessionId)}/limits`),
    addLimit: (sessionId, request) =>
      ask(LimitSchema, 'POST', `${sessionPath(sessionId)}/limits`, request),
    raiseLimit: (sessionId, request) =>
      ask(LimitSchema, 'POST', `${sessionPath(sessionId)}/limits/increase`, request),
    listUsage: (sessionId, { metric_type, limit, offset } = {}) =>
      ask(
        UsageRecordSchema.array(),
        'GET',
        `${sessionPath(sessionId)}/usage${toQueryText({ metric_type, limit, offset })}`,
      ),
    listTraces: (query = {}) =>
      ask(TracesSchema, 'GET', `/api/v1/traces${toQueryText({ ...query })}`),
    showTrace: (traceId) =>
      ask(TraceRecordSchema, 'GET', `/api/v1/traces/${encodeURIComponent(traceId)}`),
    status: (calls) => ask(StatusSchema, 'GET', `/api/v1/status${toQueryText({ calls })}`),
  }
}
