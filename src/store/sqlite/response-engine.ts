/** Responses and conversations in SQLite: a file of their own, beside the ledger's. */
import { DatabaseSync } from 'node:sqlite'
import { StoreUnavailable } from '../../gateway/ledger-port.ts'
import type { ResponseStore } from '../../gateway/state/port.ts'
import {
  createResponseStore,
  type ResponseRequest,
  runResponseRequest,
  type SendResponse,
} from '../responses/operations.ts'
import { responseMigrations } from '../responses/schema.ts'
import { type Answer, answerBatch, createSql, openDatabase, transact } from './database.ts'
import type { Engine } from './engine.ts'
import { migrate } from './migrations.ts'

const MIGRATIONS = responseMigrations({
  integer: 'INTEGER',
  sequence: 'INTEGER PRIMARY KEY AUTOINCREMENT',
})

export interface ResponseEngineOptions {
  readonly path: string
  readonly busyTimeoutMs: number
}

/** @throws {StoreUnavailable} */
export function openResponseEngine(
  options: ResponseEngineOptions,
): Promise<Engine<ResponseRequest>> {
  return openDatabase({ ...options, migrations: MIGRATIONS }, async (database) => {
    const sql = createSql(database)
    const runAll = async (requests: readonly ResponseRequest[]): Promise<readonly Answer[]> => {
      const answers: Answer[] = []
      for (const request of requests)
        answers.push({ ok: true, value: await runResponseRequest(sql, request) })
      return answers
    }
    return {
      run: (requests) =>
        answerBatch(
          requests,
          options.path,
          (all) => transact(database, () => runAll(all)),
          (request) => transact(database, () => runResponseRequest(sql, request)),
        ),
      // Runs of bridges that died are found by their leases.
      attend: async () => {},
      close: () => database.close(),
    }
  })
}

/** The same in memory, in this thread: it dies with its process. */
export function createMemoryResponseStore(): ResponseStore {
  const database = new DatabaseSync(':memory:')
  migrate(database, 'memory', MIGRATIONS)
  const sql = createSql(database)
  let isClosed = false
  /** One request at a time, as a transaction would have it. */
  let last: Promise<unknown> = Promise.resolve()
  const send: SendResponse = (request) => {
    const answer = last.then(() => {
      if (isClosed) throw new StoreUnavailable('closed', 'The store has been closed.')
      return transact(database, () => runResponseRequest(sql, request))
    })
    last = answer.catch(() => undefined)
    return answer
  }
  return createResponseStore(send, async () => {
    await last
    if (!isClosed) database.close()
    isClosed = true
  })
}
