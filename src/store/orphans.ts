/** Settles what a bridge that died left open: nothing it may have spent is forgotten. */
import type { Ids } from '../budget/session.ts'
import type { Recovered } from '../gateway/ledger-port.ts'
import { runLedgerBatch } from './ledger-batch.ts'
import type { InstanceRows, LedgerRows } from './rows.ts'

export async function settleOrphans(
  rows: LedgerRows & InstanceRows,
  dead: { readonly instanceId: string; readonly isDead: boolean },
  ids: Ids,
  nowMs: number,
): Promise<Recovered> {
  const holds = await rows.readOpenHolds(dead.instanceId)
  const outcomes = await runLedgerBatch(
    rows,
    holds.map(({ holdId }) => ({
      operation: { kind: 'resolve_orphan', holdId, isDead: dead.isDead, recordId: ids.uuid() },
      nowMs,
    })),
  )
  let settled = 0
  let voided = 0
  outcomes.forEach((outcome, index) => {
    if (!outcome.ok) throw outcome.error
    // Resolved by its own bridge meanwhile.
    if (!outcome.result.ok) return
    if (holds[index]?.state === 'held') voided += 1
    else settled += 1
  })
  return { settled, voided }
}
