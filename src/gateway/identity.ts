/** Who calls, through which client, and how the call is named. */
import type { Ceiling } from '../budget/operation.ts'
import type { CallTrial } from '../trial/trial.ts'

/**
 * `codex` and `opencode` retry what no retry can mend, each in its own way, so their answers to
 * errors differ; every other client gets the plain status.
 */
export type ClientKind = 'codex' | 'opencode' | 'other'

/** Whoever presented a key: one entry of `[[keys]]`, or the local user where there are none. */
export interface Caller {
  readonly keyName: string
  /** A UUID that names the key in records; null for the local user. */
  readonly keyId: string | null
  readonly orgId: string
  readonly userId: string
  /** Whether it may raise limits of its own sessions. */
  readonly mayRaise: boolean
  /** What no session, raise or opt-out of the key passes. */
  readonly ceiling: Ceiling | null
  /** The one session that a key of its own per launch may spend from; null for every other key. */
  readonly boundSessionId: string | null
}

/** Where a call stands in its client's distributed trace. @see https://www.w3.org/TR/trace-context/ */
export interface TraceParent {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 hexadecimal digits. */
  readonly spanId: string
  readonly isSampled: boolean
}

export interface CallIdentity {
  /** Ours, `x-request-id` of the answer. */
  readonly requestId: string
  readonly clientKind: ClientKind
  /** `X-Client-Request-Id`, for the records. */
  readonly clientRequestId: string | undefined
  readonly caller: Caller
  /** A session the client named, if it did. */
  readonly sessionId: string | undefined
  /** `X-No-Session: true`. */
  readonly optOut: boolean
  /** The trial of a call that came through the interceptor. */
  readonly trial: CallTrial | undefined
  /** Name of the route that it came by. */
  readonly route: string
  /** `traceparent`. */
  readonly traceParent: TraceParent | undefined
}
