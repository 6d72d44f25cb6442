/**
 * The ledger in memory: for tests, throw-away bridges, and as the yardstick that other stores are
 * measured against. It dies with its process, and so do its holds.
 */
import type { Account } from '../budget/account.ts'
import { type CallRecord, type Hold, isOpen, type Owner } from '../budget/hold.ts'
import { type Ids, isOwnedBy, refresh, type Session } from '../budget/session.ts'
import { StoreUnavailable } from '../gateway/ledger-port.ts'
import type { TrialReference } from '../gateway/trial-port.ts'
import type { Trial } from '../trial/trial.ts'
import { runLedgerBatch } from './ledger-batch.ts'
import { createStore, type Store } from './port.ts'
import { type AnswerTo, runSessionRequest, type Send, type StoreRequest } from './request.ts'
import type { Rows, TrialRows } from './rows.ts'

export interface MemoryStoreOptions {
  readonly instanceId: string
  readonly ids: Ids
}

export function createMemoryStore({ instanceId, ids }: MemoryStoreOptions): Store {
  const { send, close } = createMemorySend(ids)
  return createStore({ name: 'memory', instanceId, send, uuid: ids.uuid, close })
}

/** The store without what every store gets from `createStore`. */
export function createMemorySend(ids: Ids): { send: Send; close: () => Promise<void> } {
  const rows = createMemoryRows()
  let isClosed = false
  /** One request at a time, as a transaction would have it. */
  let last: Promise<unknown> = Promise.resolve()

  const perform = async (request: StoreRequest): Promise<unknown> => {
    if (isClosed) throw new StoreUnavailable('closed', 'The store has been closed.')
    if (request.kind === 'recover') return { settled: 0, voided: 0 }
    if (request.kind !== 'ledger') return runSessionRequest(rows, request, ids)
    const [outcome] = await runLedgerBatch(rows, [request])
    if (outcome?.ok !== true) throw outcome?.error
    return outcome.result
  }
  const send: Send = <Request extends StoreRequest>(request: Request) => {
    // The one cast: `perform` answers each kind of request with what `AnswerTo` says of it.
    const answer = last.then(() => perform(request)) as Promise<AnswerTo<Request>>
    last = answer.catch(() => undefined)
    return answer
  }
  const close = async (): Promise<void> => {
    isClosed = true
  }
  return { send, close }
}

/** What answers a repeated settlement, and what `listUsage` can show; more would grow for ever. */
const RESOLVED_HOLDS_KEPT = 10_000
const RECORDS_KEPT = 20_000

/** Takes the oldest out once there are twice as many as are kept: doing it each time costs 50 µs. */
const trim = <Entry>(entries: Entry[], kept: number): Entry[] =>
  entries.length > 2 * kept ? entries.splice(0, entries.length - kept) : []

function createMemoryRows(): Rows {
  const accounts = new Map<string, Account>()
  const holds = new Map<string, Hold>()
  const sessions = new Map<string, Session>()
  const records: CallRecord[] = []
  const resolved: string[] = []
  const currentOf = new Map<string, string>()
  const keyOf = ({ orgId, userId }: Owner): string => `${orgId} ${userId}`

  const withAccount = (session: Session): Session => ({
    ...session,
    account: accounts.get(session.sessionId) ?? session.account,
  })
  const allSessions = (): Session[] => [...sessions.values()].map(withAccount)
  const save = (session: Session): void => {
    sessions.set(session.sessionId, session)
    accounts.set(session.sessionId, session.account)
    if (session.isCurrent) currentOf.set(keyOf(session), session.sessionId)
    else if (currentOf.get(keyOf(session)) === session.sessionId) currentOf.delete(keyOf(session))
  }
  const readSession = (sessionId: string): Session | undefined => {
    const session = sessions.get(sessionId)
    return session === undefined ? undefined : withAccount(session)
  }

  return {
    ...createTrialRows(),
    readHolds: (holdIds) => holdIds.flatMap((holdId) => holds.get(holdId) ?? []),
    readAccounts: (accountIds) => accountIds.flatMap((accountId) => accounts.get(accountId) ?? []),
    write(changes) {
      for (const account of changes.accounts) accounts.set(account.accountId, account)
      for (const hold of changes.holds) {
        holds.set(hold.holdId, hold)
        if (!isOpen(hold)) resolved.push(hold.holdId)
      }
      records.push(...changes.records)
      trim(records, RECORDS_KEPT)
      for (const holdId of trim(resolved, RESOLVED_HOLDS_KEPT)) holds.delete(holdId)
    },
    readSession,
    readCurrentSession: (owner) => readSession(currentOf.get(keyOf(owner)) ?? ''),
    insertSession: save,
    updateSession: save,
    expireSessions(nowMs) {
      for (const session of allSessions()) save(refresh(session, nowMs))
    },
    listSessions: (request) =>
      allSessions()
        .filter((session) => isOwnedBy(session, request))
        .filter(({ account }) => request.status === undefined || account.status === request.status)
        .filter(
          ({ createdAtMs, tracingSessionId }) =>
            createdAtMs > (request.createdAfterMs ?? Number.NEGATIVE_INFINITY) &&
            createdAtMs < (request.createdBeforeMs ?? Number.POSITIVE_INFINITY) &&
            (request.tracingSessionId ?? tracingSessionId) === tracingSessionId,
        )
        .reverse()
        .toSorted((left, right) => right.createdAtMs - left.createdAtMs)
        .slice(request.offset, request.offset + request.limit),
    findBoundKey(keySha256) {
      const session = allSessions().find((candidate) => candidate.boundKeySha256 === keySha256)
      if (session === undefined) return undefined
      const { sessionId, orgId, userId, apiKeyId } = session
      return { sessionId, orgId, userId, apiKeyId }
    },
    listRecords: ({ orgId, userId, sessionId, limit, offset }) =>
      records
        .filter(({ call }) => call.orgId === orgId && call.userId === userId)
        .filter((record) => record.sessionId === sessionId)
        .slice(offset, offset + limit),
    readPastSpend: (sessionId, metric, sinceMs) =>
      records
        .filter((record) => record.sessionId === sessionId && record.createdAtMs > sinceMs)
        .map((record) => ({ atMs: record.createdAtMs, amount: record.charged[metric] })),
    readOpenHolds: (owner) =>
      [...holds.values()].filter(isOpen).filter((hold) => hold.instanceId === owner),
    countOpenHolds: () => [...holds.values()].filter(isOpen).length,
  }
}

function createTrialRows(): TrialRows {
  const trials = new Map<string, Trial>()
  /** Before then nothing is due. */
  let dueMs = Number.POSITIVE_INFINITY
  const keyOf = ({ trialId, scope }: TrialReference): string => `${scope}/${trialId}`
  return {
    writeTrial(reference, trial) {
      trials.set(keyOf(reference), trial)
      dueMs = Math.min(dueMs, trial.expiresAtMs)
    },
    readTrial: (reference) => trials.get(keyOf(reference)),
    forgetTrials(beforeMs) {
      if (beforeMs <= dueMs) return
      dueMs = Number.POSITIVE_INFINITY
      for (const [key, { expiresAtMs }] of trials) {
        if (expiresAtMs < beforeMs) trials.delete(key)
        else dueMs = Math.min(dueMs, expiresAtMs)
      }
    },
  }
}
