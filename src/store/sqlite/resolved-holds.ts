/**
 * Holds that are resolved stay a while to answer a settlement that is asked for again, which a store
 * does within seconds. Those settled for a bridge that was taken for dead stay a day: it may come back
 * and know better. What was spent is in `call_record`, for good.
 */
import type { DatabaseSync } from 'node:sqlite'
import { prepare } from './ledger-rows.ts'

const KEPT_MS = 120_000
const ORPHANS_KEPT_MS = 86_400_000
/** About 10 ms of work; more than the bridge settles in a second. */
const FORGOTTEN_AT_ONCE = 4_000

export interface ResolvedHolds {
  hasOld(nowMs: number): boolean
  forgetOld(nowMs: number): void
}

export function createResolvedHolds(database: DatabaseSync): ResolvedHolds {
  const isOld = "resolved_at < :kept AND (outcome IS NOT 'orphaned' OR resolved_at < :orphans_kept)"
  const selectOld = prepare(database, `SELECT 1 FROM hold WHERE ${isOld} LIMIT 1`)
  const deleteOld = prepare(
    database,
    `DELETE FROM hold WHERE hold_id IN (SELECT hold_id FROM hold WHERE ${isOld} LIMIT ${FORGOTTEN_AT_ONCE})`,
  )
  const bounds = (nowMs: number) => ({
    kept: nowMs - KEPT_MS,
    orphans_kept: nowMs - ORPHANS_KEPT_MS,
  })
  return {
    hasOld: (nowMs) => selectOld.get(bounds(nowMs)) !== undefined,
    forgetOld: (nowMs) => {
      deleteOld.run(bounds(nowMs))
    },
  }
}
