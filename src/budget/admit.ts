/** Reserving and topping up: the only two operations that can be refused for want of budget. */
import {
  type Account,
  clearExceeded,
  expireIfDue,
  markExceeded,
  openAccount,
  type Refusal,
  refuse,
  refuseExceeded,
  roomFor,
  warningsOf,
} from './account.ts'
import { accountsOf, notOpen, only, sessionOf, UNCHANGED } from './applied.ts'
import { type Hold, isOpen, type OpenHold } from './hold.ts'
import { createLimit, withTerms } from './limit.ts'
import {
  type Amounts,
  add,
  assertAmounts,
  covers,
  greater,
  lesser,
  MAX_HOLD,
  mapAmounts,
  NOTHING,
  subtract,
} from './metric.ts'
import type {
  Applied,
  Ceiling,
  LedgerState,
  Reserve,
  ReserveResult,
  TopUp,
  TopUpResult,
} from './operation.ts'

export function reserve(
  state: LedgerState,
  operation: Reserve,
  nowMs: number,
): Applied<ReserveResult> {
  assertAmounts('wanted', operation.wanted)
  assertAmounts('atLeast', operation.atLeast)
  if (!covers(operation.wanted, operation.atLeast))
    throw new RangeError('atLeast must not be more than wanted, in any metric.')

  const { sessionId } = operation
  const existing = state.hold(operation.holdId)
  if (existing !== undefined) return repeatReserve(state, operation, existing)

  const accounts: Account[] = []
  if (sessionId !== null) {
    const known = state.account(sessionId)
    if (known === undefined) return only({ ok: false, reason: 'unknown_session' })
    const session = expireIfDue(known, nowMs)
    if (session.status === 'ended') return only({ ok: false, reason: 'session_ended' })
    if (session.status === 'expired') {
      const accounts = session === known ? [] : [session]
      return {
        changes: { ...UNCHANGED, accounts },
        result: { ok: false, reason: 'session_expired' },
      }
    }
    accounts.push(session)
  }
  if (operation.ceiling !== null) accounts.push(keyAccount(state, operation.ceiling, nowMs))

  const refusal = firstRefusal(accounts, operation.atLeast, NOTHING, nowMs)
  if (refusal !== null) return refuseReserve(accounts, sessionId, refusal, nowMs)

  const granted = grant(accounts, operation.wanted, operation.atLeast, nowMs)
  const after = accounts.map((account) => ({
    // Every limit let it through, so none is exceeded any longer: a window has moved on, or the
    // limit has run out.
    ...clearExceeded(account, refusingLimits(account)),
    reserved: add(account.reserved, granted),
  }))
  const hold: OpenHold = {
    holdId: operation.holdId,
    instanceId: operation.instanceId,
    sessionId,
    accountIds: after.map((account) => account.accountId),
    held: granted,
    call: operation.call,
    createdAtMs: nowMs,
    ...(operation.sent ? { state: 'sent', ifOrphaned: null } : { state: 'held' }),
  }
  return {
    changes: { accounts: after, holds: [hold], records: [] },
    result: {
      ok: true,
      granted,
      session: sessionOf(after, sessionId),
      warnings: after.flatMap((account) => warningsOf(account, account, nowMs)),
    },
  }
}

/** A store whose connection broke at the commit asks again; the answer must be the same. */
function repeatReserve(
  state: LedgerState,
  operation: Reserve,
  existing: Hold,
): Applied<ReserveResult> {
  if (!isOpen(existing) || existing.instanceId !== operation.instanceId)
    return only({ ok: false, reason: 'hold_exists' })
  const session = existing.sessionId === null ? null : (state.account(existing.sessionId) ?? null)
  return only({ ok: true, granted: existing.held, session, warnings: [] })
}

function refuseReserve(
  accounts: readonly Account[],
  sessionId: string | null,
  refusal: Refusal,
  nowMs: number,
): Applied<ReserveResult> {
  const session = sessionOf(accounts, sessionId)
  const isUsedUp = refusal.cause === 'used_up' && refusal.accountId === sessionId
  if (session === null || !isUsedUp) return only({ ok: false, reason: 'limit', refusal, session })
  const exceeded = markExceeded(session, refusal, nowMs)
  return {
    changes: { ...UNCHANGED, accounts: [exceeded] },
    result: { ok: false, reason: 'limit', refusal, session: exceeded },
  }
}

export function topUp(state: LedgerState, operation: TopUp, nowMs: number): Applied<TopUpResult> {
  assertAmounts('wanted', operation.wanted)
  assertAmounts('atLeast', operation.atLeast)
  if (!covers(operation.wanted, operation.atLeast))
    throw new RangeError('atLeast must not be more than wanted, in any metric.')
  const hold = state.hold(operation.holdId)
  if (hold === undefined || !isOpen(hold)) return notOpen(hold)

  // A session that has ended meanwhile keeps its limits: what was admitted may finish within them.
  const accounts = accountsOf(state, hold)
  const refusal = firstRefusal(accounts, operation.atLeast, hold.held, nowMs, 'top_up')
  if (refusal !== null) return only({ ok: false, reason: 'limit', refusal })
  const room = grant(accounts, operation.wanted, operation.atLeast, nowMs)
  // No hold grows beyond what any store can add up.
  const held = mapAmounts((metric) => lesser(hold.held[metric] + room[metric], MAX_HOLD))
  const granted = subtract(held, hold.held)
  return {
    changes: {
      accounts: accounts.map((account) => ({
        ...account,
        reserved: add(account.reserved, granted),
      })),
      holds: [{ ...hold, held }],
      records: [],
    },
    result: { ok: true, granted, held },
  }
}

/** The key's account under the configuration's present terms, with what it has counted so far. */
function keyAccount(state: LedgerState, ceiling: Ceiling, nowMs: number): Account {
  const limitId = `${ceiling.accountId}:${ceiling.terms.metric}`
  const known = state.account(ceiling.accountId)
  if (known === undefined)
    return openAccount(ceiling.accountId, [createLimit(ceiling.terms, limitId, nowMs)])
  const counted = known.limits.find((limit) => limit.limitId === limitId)
  const limit =
    counted === undefined
      ? createLimit(ceiling.terms, limitId, nowMs)
      : withTerms(counted, ceiling.terms)
  return { ...known, limits: [limit] }
}

/** One that is used up goes before one that is only held, whichever account it is in. */
function firstRefusal(
  accounts: readonly Account[],
  atLeast: Amounts,
  ownHold: Amounts,
  nowMs: number,
  on: 'reserve' | 'top_up' = 'reserve',
): Refusal | null {
  let heldByOthers: Refusal | null = null
  for (const account of accounts) {
    const refusal =
      (on === 'reserve' ? refuseExceeded(account, atLeast, nowMs) : null) ??
      refuse(account, { atLeast, ownHold }, nowMs)
    if (refusal?.cause === 'used_up') return refusal
    heldByOthers ??= refusal
  }
  return heldByOthers
}

function grant(
  accounts: readonly Account[],
  wanted: Amounts,
  atLeast: Amounts,
  nowMs: number,
): Amounts {
  return mapAmounts((metric) => {
    let granted = wanted[metric]
    for (const account of accounts) {
      const room = roomFor(account, metric, nowMs)
      if (room !== undefined && room < granted) granted = room
    }
    return greater(granted, atLeast[metric])
  })
}

const refusingLimits = (account: Account): ReadonlySet<string> =>
  new Set(
    account.limits.filter((limit) => limit.kind.type !== 'soft').map((limit) => limit.limitId),
  )
