/** Traces in SQLite: a file of their own, beside the ledger's; or in memory, where they die with the process. */
import { DatabaseSync } from 'node:sqlite'
import { StoreUnavailable } from '../../gateway/ledger-port.ts'
import type { TraceStore } from '../../gateway/trace/port.ts'
import {
  createTraceStore,
  runTraceRequest,
  type SendTrace,
  type TraceRequest,
  type TraceSettings,
} from '../traces/operations.ts'
import { traceMigrations } from '../traces/schema.ts'
import { createRecentPieces } from '../traces/write.ts'
import { type Answer, answerBatch, createSql, openDatabase, transact } from './database.ts'
import type { Engine } from './engine.ts'
import { migrate } from './migrations.ts'

const MIGRATIONS = traceMigrations({ integer: 'INTEGER', bytes: 'BLOB' })

export interface TraceEngineOptions {
  readonly path: string
  readonly busyTimeoutMs: number
  readonly redact: (text: string) => string
}

/** @throws {StoreUnavailable} */
export function openTraceEngine(options: TraceEngineOptions): Promise<Engine<TraceRequest>> {
  return openDatabase({ ...options, migrations: MIGRATIONS }, async (database) => {
    const sql = createSql(database)
    const settings = { redact: options.redact, recentPieces: createRecentPieces() }
    const inTransaction = <Value>(work: () => Promise<Value>): Promise<Value> =>
      transact(database, work).catch((cause: unknown) => {
        // What was said to be there may have been rolled back.
        settings.recentPieces.clear()
        throw cause
      })
    const runAll = async (requests: readonly TraceRequest[]): Promise<readonly Answer[]> => {
      const answers: Answer[] = []
      for (const request of requests)
        answers.push({ ok: true, value: await runTraceRequest(sql, request, settings) })
      return answers
    }
    return {
      run: (requests) =>
        answerBatch(
          requests,
          options.path,
          (all) => inTransaction(() => runAll(all)),
          (request) => inTransaction(() => runTraceRequest(sql, request, settings)),
        ),
      attend: async () => {},
      close: () => database.close(),
    }
  })
}

/** The same in memory, in this thread. */
export function createMemoryTraceStore(redact: TraceSettings['redact']): TraceStore {
  const database = new DatabaseSync(':memory:')
  migrate(database, 'memory', MIGRATIONS)
  const sql = createSql(database)
  const settings = { redact, recentPieces: createRecentPieces() }
  let isClosed = false
  /** One request at a time, as a transaction would have it. */
  let last: Promise<unknown> = Promise.resolve()
  const send: SendTrace = (request) => {
    const answer = last.then(() => {
      if (isClosed) throw new StoreUnavailable('closed', 'The store has been closed.')
      return transact(database, () => runTraceRequest(sql, request, settings))
    })
    last = answer.catch(() => settings.recentPieces.clear())
    return answer
  }
  return createTraceStore(send, async () => {
    await last
    if (!isClosed) database.close()
    isClosed = true
  })
}
