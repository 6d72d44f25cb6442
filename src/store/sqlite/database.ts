/** Opens the file: pragmas, migrations, and what can be wrong with it, in words. */
import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StoreUnavailable } from '../../gateway/ledger-port.ts'
import { MIGRATIONS } from './migrations.ts'

/** How long one bridge waits while another writes. */
const BUSY_TIMEOUT_MS = 5_000

/** @see https://www.sqlite.org/rescode.html */
const CORRUPT = 11
const NOT_A_DATABASE = 26

/** What SQLite throws, as what the gateway understands. */
export function toStoreUnavailable(cause: unknown, path: string): unknown {
  if (cause instanceof StoreUnavailable) return cause
  if (!(cause instanceof Error) || !('errcode' in cause)) return cause
  const code = Number(cause.errcode) & 0xff
  if (code === CORRUPT || code === NOT_A_DATABASE) {
    return new StoreUnavailable(
      'corrupt',
      `${path} is damaged or is no database (${cause.message}). Move it away to begin anew, or restore it.`,
      { cause },
    )
  }
  return new StoreUnavailable(
    'unavailable',
    `${path} cannot be written (${cause.message}). Check the disk's space and the file's rights.`,
    { cause },
  )
}

function prepareFolder(path: string): void {
  const folder = dirname(path)
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true, mode: 0o700 })
}

function migrate(db: DatabaseSync, path: string): void {
  db.exec('BEGIN IMMEDIATE')
  const row = db.prepare('PRAGMA user_version').get() as { user_version: number }
  const applied = row.user_version
  if (applied > MIGRATIONS.length) {
    db.exec('ROLLBACK')
    throw new StoreUnavailable(
      'newer_schema',
      `${path} was written by a newer synth-bridge (schema ${applied}; this one knows ${MIGRATIONS.length}). Update this program, or use another file.`,
    )
  }
  for (const step of MIGRATIONS.slice(applied)) db.exec(step)
  db.exec(`PRAGMA user_version = ${MIGRATIONS.length}`)
  db.exec('COMMIT')
}

/** @throws {StoreUnavailable} */
export function openDatabase(path: string): DatabaseSync {
  try {
    prepareFolder(path)
    const isNew = !existsSync(path)
    const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
    if (isNew) chmodSync(path, 0o600)
    // FULL: a commit is on the disk when it returns, whatever happens to the machine then.
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF')
    migrate(db, path)
    return db
  } catch (cause) {
    const failure = toStoreUnavailable(cause, path)
    if (failure instanceof StoreUnavailable) throw failure
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new StoreUnavailable('unavailable', `${path} cannot be opened (${reason}).`, { cause })
  }
}
