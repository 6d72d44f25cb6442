/**
 * The database as its worker thread runs it: batches of requests, each batch one durable transaction
 * (one fsync for all that waited), each request failing alone.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { Ids } from '../../budget/session.ts'
import type { Recovered } from '../../gateway/ledger-port.ts'
import { runLedgerBatch } from '../ledger-batch.ts'
import { type LedgerRequest, runSessionRequest, type StoreRequest } from '../request.ts'
import type { Rows } from '../rows.ts'
import { type Answer, answerBatch, openDatabase, transact } from './database.ts'
import { createInstances } from './instances.ts'
import { createAccountRows, createLedgerRows } from './ledger-rows.ts'
import { LEDGER_MIGRATIONS } from './migrations.ts'
import { type ProcessIdentity, thisProcess } from './process-identity.ts'
import { createResolvedHolds } from './resolved-holds.ts'
import { createSessionRows } from './session-rows.ts'
import { createTrialRows } from './trial-rows.ts'

export interface EngineOptions {
  readonly path: string
  readonly instanceId: string
  readonly ids: Ids
  /** How long to wait for another process that writes. */
  readonly busyTimeoutMs: number
  /** Which process the database is told that this is. */
  readonly self?: ProcessIdentity
  readonly monotonicMs?: () => number
}

/** What a worker thread runs. */
export interface Engine<Request> {
  run(requests: readonly Request[]): Promise<readonly Answer[]>
  /** Once a second: settles the holds of bridges that died, says that this one lives, tidies up. */
  attend(nowMs: number): Promise<void>
  close(): void
}

/** @throws {StoreUnavailable} */
export function openLedgerEngine(options: EngineOptions): Promise<Engine<StoreRequest>> {
  return openDatabase({ ...options, migrations: LEDGER_MIGRATIONS }, (database) =>
    startEngine(database, options),
  )
}

async function startEngine(
  database: DatabaseSync,
  options: EngineOptions,
): Promise<Engine<StoreRequest>> {
  const { path, instanceId, ids, self = thisProcess() } = options
  const monotonicMs = options.monotonicMs ?? (() => performance.now())
  const accounts = createAccountRows(database)
  const rows: Rows = {
    ...createLedgerRows(database, accounts),
    ...createSessionRows(database, accounts),
    ...createTrialRows(database),
  }
  const instances = createInstances(database, rows, { instanceId, ids, self })
  const resolved = createResolvedHolds(database)

  const commit = async <Value>(work: () => Promise<Value>): Promise<Value> => {
    try {
      return await transact(database, work)
    } finally {
      accounts.forget()
    }
  }
  await commit(async () => instances.register())

  const runOne = async (request: StoreRequest): Promise<unknown> => {
    switch (request.kind) {
      case 'recover':
        return instances.recover(request.nowMs, monotonicMs()) satisfies Promise<Recovered>
      case 'ledger': {
        const [outcome] = await runLedgerBatch(rows, [request])
        if (outcome?.ok !== true) throw outcome?.error
        return outcome.result
      }
      default:
        return runSessionRequest(rows, request, ids)
    }
  }

  /** Within a transaction. Ledger operations go together, after the others. */
  const runAll = async (requests: readonly StoreRequest[]): Promise<Answer[]> => {
    // Whoever took this bridge for dead has removed it; its new holds must be seen as a living one's.
    instances.register()
    const answers: Answer[] = new Array(requests.length)
    const ledger: { index: number; request: LedgerRequest }[] = []
    for (const [index, request] of requests.entries()) {
      if (request.kind === 'ledger') ledger.push({ index, request })
      else answers[index] = { ok: true, value: await runOne(request) }
    }
    if (ledger.length === 0) return answers
    const outcomes = await runLedgerBatch(
      rows,
      ledger.map(({ request }) => request),
    )
    // With the hold, not after it: others may remember this bridge as it was long ago.
    instances.beat(monotonicMs())
    outcomes.forEach((outcome, position) => {
      const index = ledger[position]?.index ?? 0
      answers[index] = outcome.ok
        ? { ok: true, value: outcome.result }
        : { ok: false, error: outcome.error }
    })
    return answers
  }

  return {
    run: (requests) =>
      answerBatch(
        requests,
        path,
        (all) => commit(() => runAll(all)),
        (request) => commit(() => runOne(request)),
      ),
    async attend(nowMs) {
      const atMs = monotonicMs()
      if (instances.needsAttention(atMs)) {
        await commit(async () => {
          instances.register()
          await instances.recover(nowMs, atMs)
          instances.beat(atMs)
        })
      }
      if (resolved.hasOld(nowMs)) await commit(async () => resolved.forgetOld(nowMs))
    },
    close() {
      try {
        instances.unregister()
      } finally {
        database.close()
      }
    },
  }
}
