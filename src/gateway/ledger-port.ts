/**
 * What the gateway and the session routes need of a store. Every promise that fulfils has made its
 * change durable. Outcomes one can expect (no room, ended, unknown) are values; a store that cannot
 * answer rejects with `StoreUnavailable`, and then nothing may be sent upstream.
 *
 * Times come in with each call as `nowMs`, wall-clock milliseconds. Hold ids are the caller's and
 * unique; the store draws the others.
 */
import type { CallRecord, Owner } from '../budget/hold.ts'
import type { Limit, LimitTerms } from '../budget/limit.ts'
import type { Metric } from '../budget/metric.ts'
import type {
  Checkpoint,
  HoldResult,
  Reserve,
  ReserveResult,
  Settle,
  SettleResult,
  TopUp,
  TopUpResult,
} from '../budget/operation.ts'
import type { AttachTarget, Session, SessionStatus, SessionTerms } from '../budget/session.ts'

export type ReserveRequest = Omit<Reserve, 'kind' | 'instanceId'>
export type TopUpRequest = Omit<TopUp, 'kind'>
export type CheckpointRequest = Omit<Checkpoint, 'kind'>
export type SettleRequest = Omit<Settle, 'kind' | 'recordId'>

export interface WaitOptions {
  /** How long a call that only other calls' holds keep out may wait for them. Absent: not at all. */
  readonly waitMs?: number
  /** The client has gone: the wait ends at once, with the refusal it stood at. */
  readonly signal?: AbortSignal
}

export interface AttachRequest extends Owner {
  readonly apiKeyId: string | null
  readonly target: AttachTarget
}

export type AttachResult =
  /** `session` is null for a call that opted out. */
  | { readonly ok: true; readonly session: Session | null; readonly opened: boolean }
  | { readonly ok: false; readonly reason: 'not_found' }
  | {
      readonly ok: false
      readonly reason: 'session_ended' | 'session_expired'
      readonly session: Session
    }

export interface CreateSessionRequest extends Owner {
  readonly apiKeyId: string | null
  readonly terms: SessionTerms
}

export interface ListSessionsRequest extends Owner {
  readonly limit: number
  readonly offset: number
  readonly status?: SessionStatus | undefined
  readonly createdAfterMs?: number | undefined
  readonly createdBeforeMs?: number | undefined
  readonly tracingSessionId?: string | undefined
}

/** A session of its owner; another owner's is not found, like one that never was. */
export interface SessionReference extends Owner {
  readonly sessionId: string
}

export interface AddLimitRequest extends SessionReference {
  readonly terms: LimitTerms
}

export interface RaiseLimitRequest extends SessionReference {
  readonly metric: Metric
  readonly by: bigint
  readonly limitId: string | null
}

export type EndSessionResult =
  | { readonly ok: true; readonly session: Session }
  | { readonly ok: false; readonly reason: 'not_found' | 'not_active' }

export type LimitResult =
  | { readonly ok: true; readonly session: Session; readonly limit: Limit }
  | { readonly ok: false; readonly reason: 'not_found' | 'not_active' | 'no_such_limit' }

export interface ListUsageRequest extends Owner {
  /** Null lists the calls that opted out of sessions. */
  readonly sessionId: string | null
  readonly metric?: Metric | undefined
  readonly limit: number
  readonly offset: number
}

/** One metric of one call; `toUsageRecordJson` shows it. */
export interface UsageEntry {
  readonly record: CallRecord
  readonly metric: Metric
}

export interface BoundKey extends Owner {
  readonly sessionId: string
  /** The key that opened the session, as a UUID; null for the local user. */
  readonly apiKeyId: string | null
}

/** What was done for bridges that died. */
export interface Recovered {
  readonly settled: number
  readonly voided: number
}

export type StoreHealth =
  | { readonly status: 'ok'; readonly store: string; readonly openHolds: number }
  | { readonly status: 'unavailable'; readonly store: string; readonly message: string }

export interface LedgerStore {
  /** Holds an upper bound for a call. Durable before it fulfils: only then may anything be sent. */
  reserve(request: ReserveRequest, nowMs: number, wait?: WaitOptions): Promise<ReserveResult>
  topUp(request: TopUpRequest, nowMs: number): Promise<TopUpResult>
  /** Needed before sending only if `reserve` was not told `sent`. */
  markSent(holdId: string, nowMs: number): Promise<HoldResult>
  /** About once a second while a call streams; what is charged if the bridge dies. */
  checkpoint(request: CheckpointRequest, nowMs: number): Promise<HoldResult>
  /**
   * Charges a call, once. If the store cannot now, the promise rejects and the store goes on trying
   * until it is closed; the hold stands meanwhile.
   */
  settle(request: SettleRequest, nowMs: number): Promise<SettleResult>
  /** Gives a hold back: nothing can have been billed. Tried again like `settle`. */
  void(holdId: string, nowMs: number): Promise<HoldResult>

  /** Finds or opens the session of a call. Concurrent calls of one owner open one session. */
  attach(request: AttachRequest, nowMs: number): Promise<AttachResult>
  createSession(request: CreateSessionRequest, nowMs: number): Promise<Session>
  getSession(request: SessionReference, nowMs: number): Promise<Session | null>
  /** Newest first. */
  listSessions(request: ListSessionsRequest, nowMs: number): Promise<readonly Session[]>
  endSession(request: SessionReference, nowMs: number): Promise<EndSessionResult>
  addLimit(request: AddLimitRequest, nowMs: number): Promise<LimitResult>
  raiseLimit(request: RaiseLimitRequest, nowMs: number): Promise<LimitResult>
  /** Oldest first, four entries a call; null when the session is not the owner's. */
  listUsage(request: ListUsageRequest): Promise<readonly UsageEntry[] | null>
  /** The session a key was bound to when that was created. */
  findBoundKey(keySha256: string): Promise<BoundKey | null>

  /** Settles the holds of bridges that died. Runs by itself at open and every second after. */
  recover(nowMs: number): Promise<Recovered>
  health(): Promise<StoreHealth>
  /** Writes what waits, then lets go of the store. Holds that are still open stay for recovery. */
  close(): Promise<void>
}

export type StoreFault =
  /** Disk full, read-only, not reachable: it may work again without the bridge being restarted. */
  | 'unavailable'
  /** The file or database is damaged or is something else. */
  | 'corrupt'
  /** A newer synth-bridge wrote it. */
  | 'newer_schema'
  /** `close` was called. */
  | 'closed'

/** The store cannot answer. The gateway answers 503 and sends nothing; the message names the way out. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
  readonly fault: StoreFault

  constructor(fault: StoreFault, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.fault = fault
  }
}
