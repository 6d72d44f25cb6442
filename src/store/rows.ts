/**
 * The storage primitives that each store implements; `session-procedures.ts` is written once on top of them.
 * An implementation reads and writes rows and decides nothing. All calls between two commits see one
 * consistent state.
 */
import type { Account } from '../budget/account.ts'
import type { CallRecord, Hold, OpenHold, Owner } from '../budget/hold.ts'
import type { Metric } from '../budget/metric.ts'
import type { LedgerChanges } from '../budget/operation.ts'
import type { PastSpend, Session } from '../budget/session.ts'
import type { BoundKey, ListSessionsRequest, ListUsageRequest } from '../gateway/ledger-port.ts'
import type { TrialReference } from '../gateway/trial-port.ts'
import type { Trial } from '../trial/trial.ts'

export type Awaitable<Value> = Value | Promise<Value>

export interface LedgerRows {
  readHolds(holdIds: readonly string[]): Awaitable<readonly Hold[]>
  readAccounts(accountIds: readonly string[]): Awaitable<readonly Account[]>
  /** Accounts, holds and records as they are now; whole values, inserted or replaced. */
  write(changes: LedgerChanges): Awaitable<void>
}

export interface SessionRows {
  readSession(sessionId: string): Awaitable<Session | undefined>
  /** @param purpose one that is read for a change is locked until the change is written */
  readCurrentSession(owner: Owner, purpose: 'read' | 'change'): Awaitable<Session | undefined>
  insertSession(session: Session): Awaitable<void>
  /** The session's own columns and its account. */
  updateSession(session: Session): Awaitable<void>
  /** Gives the account of every session whose time has come the status `expired`. */
  expireSessions(nowMs: number): Awaitable<void>
  listSessions(request: ListSessionsRequest): Awaitable<readonly Session[]>
  findBoundKey(keySha256: string): Awaitable<BoundKey | undefined>
  /** Whole calls, oldest first. */
  listRecords(
    request: Pick<ListUsageRequest, 'orgId' | 'userId' | 'sessionId' | 'limit' | 'offset'>,
  ): Awaitable<readonly CallRecord[]>
  readPastSpend(sessionId: string, metric: Metric, sinceMs: number): Awaitable<readonly PastSpend[]>
}

export interface InstanceRows {
  readOpenHolds(instanceId: string): Awaitable<readonly OpenHold[]>
  countOpenHolds(): Awaitable<number>
}

export interface TrialRows {
  /** Inserted or replaced. */
  writeTrial(reference: TrialReference, trial: Trial): Awaitable<void>
  readTrial(reference: TrialReference): Awaitable<Trial | undefined>
  /** Takes out trials that expired before then: at least as many as are written, until none is left. */
  forgetTrials(beforeMs: number): Awaitable<void>
}

export type Rows = LedgerRows & SessionRows & InstanceRows & TrialRows
