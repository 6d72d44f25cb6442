/** Sessions over rows: reads what a decision needs, decides with `budget/session.ts`, writes the outcome. */
import { METRICS } from '../budget/metric.ts'
import {
  addLimit as decideAddLimit,
  decideAttach,
  endSession as decideEnd,
  raiseLimit as decideRaise,
  type Ids,
  isOwnedBy,
  openSession,
  refresh,
  type Session,
} from '../budget/session.ts'
import type {
  AddLimitRequest,
  AttachRequest,
  AttachResult,
  CreateSessionRequest,
  EndSessionResult,
  LimitResult,
  ListSessionsRequest,
  ListUsageRequest,
  RaiseLimitRequest,
  SessionReference,
  UsageEntry,
} from '../gateway/ledger-port.ts'
import type { SessionRows } from './rows.ts'

export async function attach(
  rows: SessionRows,
  request: AttachRequest,
  ids: Ids,
  nowMs: number,
): Promise<AttachResult> {
  const { target } = request
  const found =
    target.by === 'none'
      ? undefined
      : target.by === 'owner'
        ? await rows.readCurrentSession(request, 'read')
        : await rows.readSession(target.sessionId)
  const decision = decideAttach(request, target, found, nowMs)
  switch (decision.kind) {
    case 'unattached':
      return { ok: true, session: null, opened: false }
    case 'attach':
      return { ok: true, session: decision.session, opened: false }
    case 'open': {
      const current = await rows.readCurrentSession(request, 'change')
      // Another has opened one meanwhile: it is joined, not replaced.
      if (current?.sessionId !== found?.sessionId) return attach(rows, request, ids, nowMs)
      const { terms } = decision
      const replaced = terms.makeActive ? current : undefined
      const session = await openInPlaceOf(replaced, rows, { ...request, terms }, ids, nowMs)
      return { ok: true, session, opened: true }
    }
    case 'refuse':
      return decision.reason === 'not_found'
        ? { ok: false, reason: decision.reason }
        : { ok: false, reason: decision.reason, session: decision.session }
  }
}

export async function createSession(
  rows: SessionRows,
  request: CreateSessionRequest,
  ids: Ids,
  nowMs: number,
): Promise<Session> {
  const current = request.terms.makeActive
    ? await rows.readCurrentSession(request, 'change')
    : undefined
  return openInPlaceOf(current, rows, request, ids, nowMs)
}

async function openInPlaceOf(
  current: Session | undefined,
  rows: SessionRows,
  request: CreateSessionRequest,
  ids: Ids,
  nowMs: number,
): Promise<Session> {
  if (current !== undefined) {
    const ended = decideEnd(current, nowMs)
    await rows.updateSession(
      ended.ok ? ended.session : { ...refresh(current, nowMs), isCurrent: false },
    )
  }
  const session = openSession(request, request.apiKeyId, request.terms, ids, nowMs)
  await rows.insertSession(session)
  return session
}

async function readOwned(
  rows: SessionRows,
  request: SessionReference,
): Promise<Session | undefined> {
  const session = await rows.readSession(request.sessionId)
  return session !== undefined && isOwnedBy(session, request) ? session : undefined
}

export async function getSession(
  rows: SessionRows,
  request: SessionReference,
  nowMs: number,
): Promise<Session | null> {
  const session = await readOwned(rows, request)
  return session === undefined ? null : refresh(session, nowMs)
}

export async function listSessions(
  rows: SessionRows,
  request: ListSessionsRequest,
  nowMs: number,
): Promise<readonly Session[]> {
  await rows.expireSessions(nowMs)
  const sessions = await rows.listSessions(request)
  return sessions.map((session) => refresh(session, nowMs))
}

export async function endSession(
  rows: SessionRows,
  request: SessionReference,
  nowMs: number,
): Promise<EndSessionResult> {
  const session = await readOwned(rows, request)
  if (session === undefined) return { ok: false, reason: 'not_found' }
  const change = decideEnd(session, nowMs)
  if (!change.ok) return { ok: false, reason: 'not_active' }
  await rows.updateSession(change.session)
  return { ok: true, session: change.session }
}

export async function addLimit(
  rows: SessionRows,
  request: AddLimitRequest,
  ids: Ids,
  nowMs: number,
): Promise<LimitResult> {
  const session = await readOwned(rows, request)
  if (session === undefined) return { ok: false, reason: 'not_found' }
  const { terms } = request
  const past =
    terms.kind.type === 'rolling_window'
      ? await rows.readPastSpend(session.sessionId, terms.metric, nowMs - terms.kind.windowMs)
      : []
  const change = decideAddLimit(session, terms, ids.uuid(), past, nowMs)
  if (!change.ok) return change
  await rows.updateSession(change.session)
  return { ok: true, session: change.session, limit: change.value }
}

export async function raiseLimit(
  rows: SessionRows,
  request: RaiseLimitRequest,
  nowMs: number,
): Promise<LimitResult> {
  const session = await readOwned(rows, request)
  if (session === undefined) return { ok: false, reason: 'not_found' }
  const change = decideRaise(session, request, nowMs)
  if (!change.ok) return change
  await rows.updateSession(change.session)
  return { ok: true, session: change.session, limit: change.value }
}

/** Pages over entries, of which every call has one per metric, without the calls before them being read. */
export async function listUsage(
  rows: SessionRows,
  request: ListUsageRequest,
): Promise<readonly UsageEntry[] | null> {
  const { orgId, userId, sessionId, metric, limit, offset } = request
  if (sessionId !== null && (await readOwned(rows, { orgId, userId, sessionId })) === undefined)
    return null
  const metrics = metric === undefined ? METRICS : [metric]
  const perCall = metrics.length
  const firstCall = Math.floor(offset / perCall)
  const endCall = Math.ceil((offset + limit) / perCall)
  const records = await rows.listRecords({
    orgId,
    userId,
    sessionId,
    offset: firstCall,
    limit: endCall - firstCall,
  })
  const skip = offset - firstCall * perCall
  return records
    .flatMap((record) => metrics.map((metric) => ({ record, metric })))
    .slice(skip, skip + limit)
}
