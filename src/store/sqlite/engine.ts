/**
 * Requests against one open file: whatever waits is one transaction, so that sixty calls at once cost
 * one write to the disk.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { Ids } from '../../budget/session.ts'
import type { Recovered } from '../../gateway/ledger-port.ts'
import { runLedgerBatch } from '../ledger-batch.ts'
import { settleOrphans } from '../orphans.ts'
import { type LedgerRequest, runSessionRequest, type StoreRequest } from '../request.ts'
import { createInstances } from './instances.ts'
import { createSqliteRows } from './rows.ts'

export type EngineOutcome =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: unknown }

export interface Engine {
  /** Outcomes in order. Rejects when the transaction as a whole failed: then nothing is changed. */
  run(requests: readonly StoreRequest[]): Promise<EngineOutcome[]>
  /** A sign of life. */
  beat(nowMs: number): void
}

/** Neighbouring ledger operations go as one batch; everything else by itself. */
function inRuns(requests: readonly StoreRequest[]): StoreRequest[][] {
  const runs: StoreRequest[][] = []
  for (const request of requests) {
    const last = runs.at(-1)
    if (request.kind === 'ledger' && last?.[0]?.kind === 'ledger') last.push(request)
    else runs.push([request])
  }
  return runs
}

const isLedger = (request: StoreRequest): request is LedgerRequest => request.kind === 'ledger'

export function createEngine(db: DatabaseSync, instanceId: string, ids: Ids): Engine {
  const rows = createSqliteRows(db)
  const instances = createInstances(db, instanceId)

  async function recover(nowMs: number): Promise<Recovered> {
    const total = { settled: 0, voided: 0 }
    for (const lost of instances.lost(nowMs)) {
      const { settled, voided } = await settleOrphans(rows, lost, ids, nowMs)
      total.settled += settled
      total.voided += voided
      instances.forget(lost.instanceId)
    }
    return total
  }

  /** One that fails is undone alone; those beside it stand. */
  async function alone(work: () => Promise<unknown>): Promise<EngineOutcome> {
    db.exec('SAVEPOINT request')
    try {
      const result = await work()
      db.exec('RELEASE request')
      return { ok: true, result }
    } catch (error) {
      db.exec('ROLLBACK TO request; RELEASE request')
      return { ok: false, error }
    }
  }

  async function perform(requests: readonly StoreRequest[]): Promise<readonly EngineOutcome[]> {
    const [first] = requests
    if (first === undefined) return []
    if (first.kind === 'ledger') return runLedgerBatch(rows, requests.filter(isLedger))
    if (first.kind === 'recover') return [await alone(() => recover(first.nowMs))]
    return [await alone(() => runSessionRequest(rows, first, ids))]
  }

  return {
    async run(requests) {
      db.exec('BEGIN IMMEDIATE')
      try {
        const outcomes: EngineOutcome[] = []
        for (const run of inRuns(requests)) outcomes.push(...(await perform(run)))
        db.exec('COMMIT')
        return outcomes
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK')
        throw error
      }
    },
    beat: instances.beat,
  }
}
