/** What every database file of the bridge has in common: how it is opened, and how it commits. */
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { StoreUnavailable } from '../../gateway/ledger-port.ts'
import type { Sql } from '../responses/sql.ts'
import { toStoreFault } from './faults.ts'
import { migrate } from './migrations.ts'

export interface DatabaseOptions {
  readonly path: string
  /** How long to wait for another process that writes. */
  readonly busyTimeoutMs: number
  readonly migrations: readonly string[]
}

/**
 * Opens the file, made where it is not there, and hands it to `start`.
 *
 * @throws {StoreUnavailable}
 */
export async function openDatabase<Engine>(
  { path, busyTimeoutMs, migrations }: DatabaseOptions,
  start: (database: DatabaseSync) => Promise<Engine>,
): Promise<Engine> {
  let database: DatabaseSync | undefined
  try {
    makePrivate(path)
    database = new DatabaseSync(path, { timeout: busyTimeoutMs })
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    migrate(database, path, migrations)
    return await start(database)
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

/** Statements written for both databases, on this one. */
export function createSql(database: DatabaseSync): Sql {
  const prepared = new Map<string, StatementSync>()
  return {
    all(statement, params) {
      let found = prepared.get(statement)
      if (found === undefined) {
        found = database.prepare(statement.replace(/\$(\d+)/g, '?$1'))
        prepared.set(statement, found)
      }
      return found.all(...params)
    },
  }
}

/** One durable transaction. */
export async function transact<Value>(
  database: DatabaseSync,
  work: () => Promise<Value>,
): Promise<Value> {
  database.exec('BEGIN IMMEDIATE')
  try {
    const value = await work()
    database.exec('COMMIT')
    return value
  } catch (error) {
    // A full disk has rolled back already.
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

export type Answer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown }

/** Requests of one batch together; where that fails because of one of them, each by itself. */
export async function answerBatch<Request>(
  requests: readonly Request[],
  path: string,
  together: (requests: readonly Request[]) => Promise<readonly Answer[]>,
  alone: (request: Request) => Promise<unknown>,
): Promise<readonly Answer[]> {
  try {
    return await together(requests)
  } catch (error) {
    const fault = toStoreFault(error, path)
    if (fault instanceof StoreUnavailable || requests.length === 1)
      return requests.map(() => ({ ok: false, error: fault }))
    // One of them cannot be written at all: the others must not fail with it.
    const answers: Answer[] = []
    for (const request of requests) {
      try {
        answers.push({ ok: true, value: await alone(request) })
      } catch (cause) {
        answers.push({ ok: false, error: toStoreFault(cause, path) })
      }
    }
    return answers
  }
}
