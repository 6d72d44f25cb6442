/**
 * Every port call as a value, and how it is carried out over rows. The values cross to a worker thread
 * as they are.
 */
import type { LedgerOperation, ResultOf } from '../budget/operation.ts'
import type { Ids, Session } from '../budget/session.ts'
import type {
  AddLimitRequest,
  AttachRequest,
  AttachResult,
  BoundKey,
  CreateSessionRequest,
  EndSessionResult,
  LimitResult,
  ListSessionsRequest,
  ListUsageRequest,
  RaiseLimitRequest,
  Recovered,
  SessionReference,
  UsageEntry,
} from '../gateway/ledger-port.ts'
import type { TrialReference } from '../gateway/trial-port.ts'
import type { Trial } from '../trial/trial.ts'
import type { Rows } from './rows.ts'
import * as procedures from './session-procedures.ts'

export interface LedgerRequest<Operation extends LedgerOperation = LedgerOperation> {
  readonly kind: 'ledger'
  readonly operation: Operation
  readonly nowMs: number
}

export type SessionRequest =
  | { readonly kind: 'attach'; readonly request: AttachRequest; readonly nowMs: number }
  | {
      readonly kind: 'create_session'
      readonly request: CreateSessionRequest
      readonly nowMs: number
    }
  | { readonly kind: 'get_session'; readonly request: SessionReference; readonly nowMs: number }
  | {
      readonly kind: 'list_sessions'
      readonly request: ListSessionsRequest
      readonly nowMs: number
    }
  | { readonly kind: 'end_session'; readonly request: SessionReference; readonly nowMs: number }
  | { readonly kind: 'add_limit'; readonly request: AddLimitRequest; readonly nowMs: number }
  | { readonly kind: 'raise_limit'; readonly request: RaiseLimitRequest; readonly nowMs: number }
  | { readonly kind: 'list_usage'; readonly request: ListUsageRequest }
  | { readonly kind: 'find_bound_key'; readonly keySha256: string }
  | { readonly kind: 'count_open_holds' }
  | {
      readonly kind: 'save_trial'
      readonly reference: TrialReference
      readonly trial: Trial
      readonly nowMs: number
    }
  | { readonly kind: 'find_trial'; readonly reference: TrialReference }

export type StoreRequest =
  | LedgerRequest
  | SessionRequest
  | { readonly kind: 'recover'; readonly nowMs: number }

interface SessionAnswers {
  attach: AttachResult
  create_session: Session
  get_session: Session | null
  list_sessions: readonly Session[]
  end_session: EndSessionResult
  add_limit: LimitResult
  raise_limit: LimitResult
  list_usage: readonly UsageEntry[] | null
  find_bound_key: BoundKey | null
  count_open_holds: number
  save_trial: undefined
  find_trial: Trial | null
}

export type AnswerTo<Request extends StoreRequest> =
  Request extends LedgerRequest<infer Operation>
    ? ResultOf<Operation>
    : Request extends SessionRequest
      ? SessionAnswers[Request['kind']]
      : Recovered

/** A store, as the one function that `createStore` makes a port of. */
export type Send = <Request extends StoreRequest>(request: Request) => Promise<AnswerTo<Request>>

export type SessionAnswer = SessionAnswers[keyof SessionAnswers]

/** So long a call still hears that its trial has expired. */
const EXPIRED_TRIAL_KEPT_MS = 86_400_000

export async function runSessionRequest(
  rows: Rows,
  request: SessionRequest,
  ids: Ids,
): Promise<SessionAnswer> {
  switch (request.kind) {
    case 'attach':
      return procedures.attach(rows, request.request, ids, request.nowMs)
    case 'create_session':
      return procedures.createSession(rows, request.request, ids, request.nowMs)
    case 'get_session':
      return procedures.getSession(rows, request.request, request.nowMs)
    case 'list_sessions':
      return procedures.listSessions(rows, request.request, request.nowMs)
    case 'end_session':
      return procedures.endSession(rows, request.request, request.nowMs)
    case 'add_limit':
      return procedures.addLimit(rows, request.request, ids, request.nowMs)
    case 'raise_limit':
      return procedures.raiseLimit(rows, request.request, request.nowMs)
    case 'list_usage':
      return procedures.listUsage(rows, request.request)
    case 'find_bound_key':
      return (await rows.findBoundKey(request.keySha256)) ?? null
    case 'count_open_holds':
      return rows.countOpenHolds()
    case 'save_trial':
      await rows.forgetTrials(request.nowMs - EXPIRED_TRIAL_KEPT_MS)
      await rows.writeTrial(request.reference, request.trial)
      return undefined
    case 'find_trial':
      return (await rows.readTrial(request.reference)) ?? null
  }
}
