/**
 * The database as its worker thread runs it: batches of requests, each batch one durable transaction
 * (one fsync for all that waited), each request failing alone.
 */
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Ids } from '../../budget/session.ts'
import { type Recovered, StoreUnavailable } from '../../gateway/ledger-port.ts'
import { runLedgerBatch } from '../ledger-batch.ts'
import { type LedgerRequest, runSessionRequest, type StoreRequest } from '../request.ts'
import type { Rows } from '../rows.ts'
import { toStoreFault } from './faults.ts'
import { createInstances } from './instances.ts'
import { createAccountRows, createLedgerRows } from './ledger-rows.ts'
import { migrate } from './migrations.ts'
import { type ProcessIdentity, thisProcess } from './process-identity.ts'
import { createResolvedHolds } from './resolved-holds.ts'
import { createSessionRows } from './session-rows.ts'

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

export type Answer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown }

export interface Engine {
  run(requests: readonly StoreRequest[]): Promise<readonly Answer[]>
  /** Once a second: settles the holds of bridges that died, says that this one lives, tidies up. */
  attend(nowMs: number): Promise<void>
  close(): void
}

/** @throws {StoreUnavailable} */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const { path } = options
  let database: DatabaseSync | undefined
  try {
    makePrivate(path)
    database = new DatabaseSync(path, { timeout: options.busyTimeoutMs })
    return await startEngine(database, options)
  } catch (error) {
    database?.close()
    throw toStoreFault(toOpenFault(error, path), path)
  }
}

/** The folder and file are their owner's alone: they tell who called which model when. */
function makePrivate(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  closeSync(openSync(path, 'a', 0o600))
}

function toOpenFault(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error
  const message = `${path} cannot be opened: ${error.message}. Make its folder writable, or name another file as [server] store.`
  return new StoreUnavailable('unavailable', message, { cause: error })
}

async function startEngine(database: DatabaseSync, options: EngineOptions): Promise<Engine> {
  const { path, instanceId, ids, self = thisProcess() } = options
  const monotonicMs = options.monotonicMs ?? (() => performance.now())
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  migrate(database, path)
  const accounts = createAccountRows(database)
  const rows: Rows = {
    ...createLedgerRows(database, accounts),
    ...createSessionRows(database, accounts),
  }
  const instances = createInstances(database, rows, { instanceId, ids, self })
  const resolved = createResolvedHolds(database)

  const transact = async <Value>(work: () => Promise<Value>): Promise<Value> => {
    database.exec('BEGIN IMMEDIATE')
    try {
      const value = await work()
      database.exec('COMMIT')
      return value
    } catch (error) {
      // A full disk has rolled back already.
      if (database.isTransaction) database.exec('ROLLBACK')
      throw error
    } finally {
      accounts.forget()
    }
  }
  await transact(async () => instances.register())

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

  const runAlone = async (request: StoreRequest): Promise<Answer> => {
    try {
      return { ok: true, value: await transact(() => runOne(request)) }
    } catch (error) {
      return { ok: false, error: toStoreFault(error, path) }
    }
  }

  return {
    async run(requests) {
      try {
        return await transact(() => runAll(requests))
      } catch (error) {
        const fault = toStoreFault(error, path)
        if (fault instanceof StoreUnavailable || requests.length === 1)
          return requests.map(() => ({ ok: false, error: fault }))
        // One of them cannot be written at all: the others must not fail with it.
        const answers: Answer[] = []
        for (const request of requests) answers.push(await runAlone(request))
        return answers
      }
    },
    async attend(nowMs) {
      const atMs = monotonicMs()
      if (instances.needsAttention(atMs)) {
        await transact(async () => {
          instances.register()
          await instances.recover(nowMs, atMs)
          instances.beat(atMs)
        })
      }
      if (resolved.hasOld(nowMs)) await transact(async () => resolved.forgetOld(nowMs))
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
