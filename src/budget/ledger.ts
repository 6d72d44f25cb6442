/**
 * The ledger's rules: what each operation does to accounts and holds. Pure; a store loads the rows an
 * operation touches, applies it, and writes back what changed in one transaction, so that all stores
 * behave alike.
 *
 * Promise: `spent + reserved <= limit` after every operation, for each hard limit and each rolling
 * window. Two things alone can pass it: an upstream that bills more than was held (charged in full,
 * `overrun`), and someone who sets a limit below what is already spent or held.
 */
import { reserve, topUp } from './admit.ts'
import { notOpen, only, UNCHANGED } from './applied.ts'
import { isOpen } from './hold.ts'
import { add, assertAmounts, largerOf, MAX_AMOUNT } from './metric.ts'
import type {
  Applied,
  Checkpoint,
  HoldResult,
  LedgerOperation,
  LedgerState,
  MarkSent,
  ReserveResult,
  ResultOf,
  SettleResult,
  TopUpResult,
} from './operation.ts'
import { resolveOrphan, settle, voidHold } from './resolve.ts'

/** @throws {RangeError} for amounts that are negative or beyond what a store can keep. */
export function applyOperation<O extends LedgerOperation>(
  state: LedgerState,
  operation: O,
  nowMs: number,
): Applied<ResultOf<O>>
export function applyOperation(
  state: LedgerState,
  operation: LedgerOperation,
  nowMs: number,
): Applied<ReserveResult | TopUpResult | HoldResult | SettleResult> {
  switch (operation.kind) {
    case 'reserve':
      return reserve(state, operation, nowMs)
    case 'top_up':
      return topUp(state, operation, nowMs)
    case 'mark_sent':
      return markSent(state, operation)
    case 'checkpoint':
      return checkpoint(state, operation)
    case 'settle':
      return settle(state, operation, nowMs)
    case 'void':
      return voidHold(state, operation, nowMs)
    case 'resolve_orphan':
      return resolveOrphan(state, operation, nowMs)
  }
}

function markSent(state: LedgerState, operation: MarkSent): Applied<HoldResult> {
  const hold = state.hold(operation.holdId)
  if (hold === undefined || !isOpen(hold)) return notOpen(hold)
  if (hold.state === 'sent') return only({ ok: true })
  return {
    changes: { ...UNCHANGED, holds: [{ ...hold, state: 'sent', ifOrphaned: null }] },
    result: { ok: true },
  }
}

function checkpoint(state: LedgerState, operation: Checkpoint): Applied<HoldResult> {
  assertAmounts('counted', operation.counted, MAX_AMOUNT)
  assertAmounts('allowance', operation.allowance, MAX_AMOUNT)
  const hold = state.hold(operation.holdId)
  if (hold === undefined || !isOpen(hold)) return notOpen(hold)
  const expected = add(operation.counted, operation.allowance)
  // Counts only grow; one that arrives late must not lower what an orphan is charged.
  const earlier = hold.state === 'sent' ? hold.ifOrphaned : null
  const ifOrphaned = earlier === null ? expected : largerOf(earlier, expected)
  return {
    changes: { ...UNCHANGED, holds: [{ ...hold, state: 'sent', ifOrphaned }] },
    result: { ok: true },
  }
}
