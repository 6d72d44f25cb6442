/** The ways a hold ends: settled by its call, voided, or settled by others when its bridge has died. */
import { spend } from './account.ts'
import { accountsOf, notOpen, only, sessionOf, warningsBetween } from './applied.ts'
import {
  baseOf,
  type CallRecord,
  type CallUsage,
  isOpen,
  type OpenHold,
  type Outcome,
  type SettledHold,
  UNKNOWN_USAGE,
} from './hold.ts'
import {
  type Amounts,
  add,
  assertAmounts,
  covers,
  MAX_AMOUNT,
  NOTHING,
  smallerOf,
  subtract,
} from './metric.ts'
import type {
  Applied,
  HoldResult,
  LedgerChanges,
  LedgerState,
  ResolveOrphan,
  Settle,
  SettleResult,
  Void,
} from './operation.ts'

export function settle(
  state: LedgerState,
  operation: Settle,
  nowMs: number,
): Applied<SettleResult> {
  assertAmounts('actual', operation.actual, MAX_AMOUNT)
  const hold = state.hold(operation.holdId)
  if (hold === undefined) return notOpen(hold)
  if (hold.state === 'settled') return settleAgain(state, operation, hold, nowMs)
  if (!isOpen(hold)) return notOpen(hold)
  const isExact = operation.outcome === 'exact'
  const charged = isExact ? operation.actual : smallerOf(operation.actual, hold.held)
  return resolve(state, hold, { ...operation, charged }, nowMs)
}

/**
 * The hold was settled before. By this same call, if a connection broke after the commit: the answer
 * is the same. Or by others who took this bridge for dead: what was charged too little is added, with
 * a record of its own; what was charged too much stays, because spend never falls.
 */
function settleAgain(
  state: LedgerState,
  operation: Settle,
  hold: SettledHold,
  nowMs: number,
): Applied<SettleResult> {
  const missing =
    hold.outcome === 'orphaned' && operation.outcome === 'exact'
      ? subtract(operation.actual, hold.charged)
      : NOTHING
  const before = accountsOf(state, hold)
  if (covers(NOTHING, missing)) {
    const session = sessionOf(before, hold.sessionId)
    const overrun = !covers(hold.held, hold.charged)
    return only({ ok: true, charged: hold.charged, overrun, session, warnings: [] })
  }
  const charged = add(hold.charged, missing)
  const after = before.map((account) => spend(account, missing, nowMs))
  const overrun = !covers(hold.held, charged)
  return {
    changes: {
      accounts: after,
      holds: [{ ...hold, charged, outcome: 'exact' }],
      records: [
        {
          recordId: operation.recordId,
          holdId: hold.holdId,
          sessionId: hold.sessionId,
          call: hold.call,
          usage: operation.usage,
          charged: missing,
          outcome: 'exact',
          overrun,
          correction: true,
          createdAtMs: nowMs,
        },
      ],
    },
    result: {
      ok: true,
      charged,
      overrun,
      session: sessionOf(after, hold.sessionId),
      warnings: warningsBetween(before, after, nowMs),
    },
  }
}

export function voidHold(state: LedgerState, operation: Void, nowMs: number): Applied<HoldResult> {
  const hold = state.hold(operation.holdId)
  if (hold?.state === 'voided') return only({ ok: true })
  if (hold === undefined || !isOpen(hold)) return notOpen(hold)
  return { changes: release(state, hold, nowMs), result: { ok: true } }
}

export function resolveOrphan(
  state: LedgerState,
  operation: ResolveOrphan,
  nowMs: number,
): Applied<SettleResult> {
  const hold = state.hold(operation.holdId)
  if (hold === undefined || !isOpen(hold)) return notOpen(hold)
  if (hold.state === 'held') {
    const changes = release(state, hold, nowMs)
    const session = sessionOf(changes.accounts, hold.sessionId)
    return {
      changes,
      result: { ok: true, charged: NOTHING, overrun: false, session, warnings: [] },
    }
  }
  const lastKnown = operation.isDead ? hold.ifOrphaned : null
  // Whatever it had come to, it was a call.
  const { api_calls } = hold.held
  const charged = lastKnown === null ? hold.held : { ...smallerOf(lastKnown, hold.held), api_calls }
  const { recordId } = operation
  return resolve(
    state,
    hold,
    { charged, outcome: 'orphaned', usage: UNKNOWN_USAGE, recordId },
    nowMs,
  )
}

interface Resolution {
  readonly charged: Amounts
  readonly outcome: Outcome
  readonly usage: CallUsage
  readonly recordId: string
}

function resolve(
  state: LedgerState,
  hold: OpenHold,
  { charged, outcome, usage, recordId }: Resolution,
  nowMs: number,
): Applied<SettleResult> {
  const { holdId, sessionId, held, call } = hold
  const before = accountsOf(state, hold)
  const after = before.map((account) =>
    spend({ ...account, reserved: subtract(account.reserved, held) }, charged, nowMs),
  )
  const overrun = !covers(held, charged)
  const settled: SettledHold = {
    ...baseOf(hold),
    state: 'settled',
    outcome,
    charged,
    resolvedAtMs: nowMs,
  }
  const record: CallRecord = {
    recordId,
    holdId,
    sessionId,
    call,
    usage,
    charged,
    outcome,
    overrun,
    correction: false,
    createdAtMs: nowMs,
  }
  return {
    changes: { accounts: after, holds: [settled], records: [record] },
    result: {
      ok: true,
      charged,
      overrun,
      session: sessionOf(after, sessionId),
      warnings: warningsBetween(before, after, nowMs),
    },
  }
}

function release(state: LedgerState, hold: OpenHold, nowMs: number): LedgerChanges {
  return {
    accounts: accountsOf(state, hold).map((account) => ({
      ...account,
      reserved: subtract(account.reserved, hold.held),
    })),
    holds: [{ ...baseOf(hold), state: 'voided', resolvedAtMs: nowMs }],
    records: [],
  }
}
