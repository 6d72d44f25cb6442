/**
 * What can be asked of the ledger, and what it answers. Values only: they cross to a store's worker
 * thread as they are.
 */
import type { Account, LimitWarning, Refusal } from './account.ts'
import type { CallFacts, CallRecord, CallUsage, Hold } from './hold.ts'
import type { LimitTerms } from './limit.ts'
import type { Amounts } from './metric.ts'

/** A key's ceiling, as the configuration has it now. */
export interface Ceiling {
  /** From `keyAccountId`. */
  readonly accountId: string
  readonly terms: LimitTerms
}

export interface Reserve {
  readonly kind: 'reserve'
  readonly holdId: string
  readonly instanceId: string
  readonly sessionId: string | null
  readonly ceiling: Ceiling | null
  /** What the call should get … */
  readonly wanted: Amounts
  /** … and the least that makes sense; what is granted lies between, as there is room. */
  readonly atLeast: Amounts
  /** The caller sends at once: if it dies now, the call counts as sent. */
  readonly sent: boolean
  readonly call: CallFacts
}

export interface TopUp {
  readonly kind: 'top_up'
  readonly holdId: string
  readonly wanted: Amounts
  readonly atLeast: Amounts
}

export interface MarkSent {
  readonly kind: 'mark_sent'
  readonly holdId: string
}

export interface Checkpoint {
  readonly kind: 'checkpoint'
  readonly holdId: string
  /** Used so far, as an upper estimate. */
  readonly counted: Amounts
  /** What can follow before the next checkpoint is durable, unseen reasoning included. */
  readonly allowance: Amounts
}

export interface Settle {
  readonly kind: 'settle'
  readonly holdId: string
  /** For `exact` charged in full; for `estimated` at most what is held. */
  readonly actual: Amounts
  readonly outcome: 'exact' | 'estimated'
  readonly usage: CallUsage
  /** A fresh UUID. */
  readonly recordId: string
}

export interface Void {
  readonly kind: 'void'
  readonly holdId: string
}

/** The bridge that owned the hold is gone. */
export interface ResolveOrphan {
  readonly kind: 'resolve_orphan'
  readonly holdId: string
  /**
   * Its process is known to have ended: nothing was used after the last checkpoint's allowance. If
   * only its lease ran out it may still be streaming, so all that is held is charged.
   */
  readonly isDead: boolean
  readonly recordId: string
}

export type LedgerOperation =
  | Reserve
  | TopUp
  | MarkSent
  | Checkpoint
  | Settle
  | Void
  | ResolveOrphan

/** `unknown_hold`: never reserved here, or resolved so long ago that it is forgotten. */
export type NotOpen = { readonly ok: false; readonly reason: 'unknown_hold' | 'resolved' }

export type ReserveResult =
  | {
      readonly ok: true
      readonly granted: Amounts
      readonly session: Account | null
      readonly warnings: readonly LimitWarning[]
    }
  | {
      readonly ok: false
      readonly reason: 'limit'
      readonly refusal: Refusal
      readonly session: Account | null
    }
  | { readonly ok: false; readonly reason: 'session_ended' | 'session_expired' }
  | { readonly ok: false; readonly reason: 'unknown_session' | 'hold_exists' }

export type TopUpResult =
  | { readonly ok: true; readonly granted: Amounts; readonly held: Amounts }
  | { readonly ok: false; readonly reason: 'limit'; readonly refusal: Refusal }
  | NotOpen

export type HoldResult = { readonly ok: true } | NotOpen

export type SettleResult =
  | {
      readonly ok: true
      readonly charged: Amounts
      readonly overrun: boolean
      readonly session: Account | null
      readonly warnings: readonly LimitWarning[]
    }
  | NotOpen

export type ResultOf<O extends LedgerOperation> = O extends Reserve
  ? ReserveResult
  : O extends TopUp
    ? TopUpResult
    : O extends Settle | ResolveOrphan
      ? SettleResult
      : HoldResult

/** The rows an operation may touch: its hold, and the accounts of its session, ceiling and hold. */
export interface LedgerState {
  account(accountId: string): Account | undefined
  hold(holdId: string): Hold | undefined
}

export interface LedgerChanges {
  readonly accounts: readonly Account[]
  readonly holds: readonly Hold[]
  readonly records: readonly CallRecord[]
}

export interface Applied<Result> {
  readonly changes: LedgerChanges
  readonly result: Result
}
