/**
 * Sessions: whose spending an account is, and which calls it takes.
 *
 * ```
 *   active ◀──raise── limit_exceeded ◀──a call refused by what is spent── active
 *   active, limit_exceeded ──end──▶ ended
 *   active, limit_exceeded ──expires_at──▶ expired
 * ```
 *
 * An owner has at most one *current* session, which takes the calls that name none. It stays current
 * while it is active or limit_exceeded. Further sessions take only calls that name them, or whose key
 * is bound to them.
 */
import {
  type Account,
  type AccountStatus,
  clearExceeded,
  expireIfDue,
  openAccount,
} from './account.ts'
import type { JsonObject, Owner } from './hold.ts'
import {
  createLimit,
  isInForce,
  type Limit,
  type LimitTerms,
  recordSpend,
  usedOf,
} from './limit.ts'
import { lesser, MAX_AMOUNT, type Metric } from './metric.ts'

export type SessionStatus = AccountStatus

export interface Session extends Owner {
  /** `sess_` and 32 hex digits. */
  readonly sessionId: string
  /** The key that opened it, as a UUID. */
  readonly apiKeyId: string | null
  /** Takes its owner's calls that name no session. */
  readonly isCurrent: boolean
  /** SHA-256 (hex) of a key whose calls belong to this session and to no other. */
  readonly boundKeySha256: string | null
  readonly createdAtMs: number
  readonly endedAtMs: number | null
  readonly sessionType: string
  readonly tracingSessionId: string | null
  readonly metadata: JsonObject
  readonly account: Account
}

/** What whoever opens a session asks for. */
export interface SessionTerms {
  readonly sessionType: string
  readonly limits: readonly LimitTerms[]
  readonly expiresAtMs: number | null
  readonly tracingSessionId: string | null
  readonly metadata: JsonObject
  /** Ends the owner's current session and takes its place; false opens one beside it. */
  readonly makeActive: boolean
  readonly boundKeySha256: string | null
}

/** Terms with nothing but limits: what a session that opens by itself gets. */
export function plainTerms(limits: readonly LimitTerms[]): SessionTerms {
  return {
    sessionType: 'api_call',
    limits,
    expiresAtMs: null,
    tracingSessionId: null,
    metadata: {},
    makeActive: true,
    boundKeySha256: null,
  }
}

/** Where new ids come from; injected, so that the rules stay pure. */
export interface Ids {
  sessionId(): string
  uuid(): string
}

export function openSession(
  owner: Owner,
  apiKeyId: string | null,
  terms: SessionTerms,
  ids: Ids,
  nowMs: number,
): Session {
  const sessionId = ids.sessionId()
  const limits = terms.limits.map((limit) => createLimit(limit, ids.uuid(), nowMs))
  return {
    sessionId,
    orgId: owner.orgId,
    userId: owner.userId,
    apiKeyId,
    isCurrent: terms.makeActive,
    boundKeySha256: terms.boundKeySha256,
    createdAtMs: nowMs,
    endedAtMs: null,
    sessionType: terms.sessionType,
    tracingSessionId: terms.tracingSessionId,
    metadata: terms.metadata,
    account: openAccount(sessionId, limits, terms.expiresAtMs),
  }
}

/** The session as it stands now: one whose time has come has expired, and is nobody's current one. */
export function refresh(session: Session, nowMs: number): Session {
  const account = expireIfDue(session.account, nowMs)
  if (account.status !== 'expired') return session
  return {
    ...session,
    account,
    isCurrent: false,
    endedAtMs: session.endedAtMs ?? account.expiresAtMs,
  }
}

export function isLive(session: Session, nowMs: number): boolean {
  const { status } = refresh(session, nowMs).account
  return status === 'active' || status === 'limit_exceeded'
}

/** Which session a call asks for. */
export type AttachTarget =
  | { readonly by: 'none' }
  | { readonly by: 'name'; readonly sessionId: string }
  | { readonly by: 'bound_key'; readonly sessionId: string }
  /** The owner's current one; `terms` are for the one that opens where there is none. */
  | { readonly by: 'owner'; readonly terms: SessionTerms }

export type AttachDecision =
  | { readonly kind: 'attach'; readonly session: Session }
  | { readonly kind: 'open'; readonly terms: SessionTerms }
  | { readonly kind: 'unattached' }
  | { readonly kind: 'refuse'; readonly reason: 'not_found' }
  | {
      readonly kind: 'refuse'
      readonly reason: 'session_ended' | 'session_expired'
      readonly session: Session
    }

/**
 * What happens to a call. `found` is the session that the target names, or the owner's current one.
 * One that is used up is attached to all the same: the reservation then says which limit it was.
 */
export function decideAttach(
  owner: Owner,
  target: AttachTarget,
  found: Session | undefined,
  nowMs: number,
): AttachDecision {
  if (target.by === 'none') return { kind: 'unattached' }
  if (target.by === 'owner') {
    return found?.isCurrent === true && isLive(found, nowMs)
      ? { kind: 'attach', session: found }
      : { kind: 'open', terms: target.terms }
  }
  if (found === undefined || !isOwnedBy(found, owner))
    return { kind: 'refuse', reason: 'not_found' }
  const session = refresh(found, nowMs)
  switch (session.account.status) {
    case 'active':
    case 'limit_exceeded':
      return { kind: 'attach', session }
    case 'ended':
      return { kind: 'refuse', reason: 'session_ended', session }
    case 'expired':
      return { kind: 'refuse', reason: 'session_expired', session }
  }
}

export function isOwnedBy(session: Session, owner: Owner): boolean {
  return session.orgId === owner.orgId && session.userId === owner.userId
}

export type SessionChange<Value = Session> =
  | { readonly ok: true; readonly session: Session; readonly value: Value }
  | { readonly ok: false; readonly reason: 'not_active' | 'no_such_limit' }

/** Ends it for good. Calls that are running finish within its limits. */
export function endSession(session: Session, nowMs: number): SessionChange {
  if (!isLive(session, nowMs)) return { ok: false, reason: 'not_active' }
  const ended: Session = {
    ...session,
    isCurrent: false,
    endedAtMs: nowMs,
    account: { ...session.account, status: 'ended' },
  }
  return { ok: true, session: ended, value: ended }
}

/** One settled amount of the past, for a window that is set later. */
export interface PastSpend {
  readonly atMs: number
  readonly amount: bigint
}

/** Adds a limit. It counts what the session has spent already; `past` is what a window needs of that. */
export function addLimit(
  session: Session,
  terms: LimitTerms,
  limitId: string,
  past: readonly PastSpend[],
  nowMs: number,
): SessionChange<Limit> {
  if (!isLive(session, nowMs)) return { ok: false, reason: 'not_active' }
  let limit = createLimit(terms, limitId, nowMs)
  for (const { atMs, amount } of past) limit = recordSpend(limit, amount, atMs)
  const account = { ...session.account, limits: [...session.account.limits, limit] }
  return { ok: true, session: { ...session, account }, value: limit }
}

/**
 * Raises one limit of the metric: the one named, else the one that refused, else the hard one, the
 * window, the soft one; among equals the tightest. A session that was stopped by it is active again.
 */
export function raiseLimit(
  session: Session,
  raise: { readonly metric: Metric; readonly by: bigint; readonly limitId: string | null },
  nowMs: number,
): SessionChange<Limit> {
  if (!isLive(session, nowMs)) return { ok: false, reason: 'not_active' }
  const { account } = session
  const roomLeft = (limit: Limit): bigint =>
    limit.value - usedOf(limit, account.spent[limit.metric], nowMs)
  const [chosen] = account.limits
    .filter((limit) => limit.metric === raise.metric && isInForce(limit, nowMs))
    .filter((limit) => raise.limitId === null || limit.limitId === raise.limitId)
    .toSorted((left, right) => rank(left) - rank(right) || compare(roomLeft(left), roomLeft(right)))
  if (chosen === undefined) return { ok: false, reason: 'no_such_limit' }

  const raised: Limit = {
    ...chosen,
    value: lesser(chosen.value + raise.by, MAX_AMOUNT),
    exceededAtMs: null,
    exceededReason: null,
  }
  const limits = account.limits.map((limit) => (limit === chosen ? raised : limit))
  const cleared = clearExceeded({ ...account, limits }, new Set([raised.limitId]))
  return { ok: true, session: { ...session, account: cleared }, value: raised }
}

function rank(limit: Limit): number {
  const byType = { hard: 1, rolling_window: 2, soft: 3 }[limit.kind.type]
  return limit.exceededAtMs !== null && limit.kind.type !== 'soft' ? 0 : byType
}

const compare = (left: bigint, right: bigint): number => (left < right ? -1 : left > right ? 1 : 0)
