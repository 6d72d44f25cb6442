/** SQLite's result codes as the faults that the gateway knows, each with the way out. */
import { StoreUnavailable } from '../../gateway/ledger-port.ts'

const BUSY = 5
const LOCKED = 6
const READONLY = 8
const IOERR = 10
const CORRUPT = 11
const FULL = 13
const CANTOPEN = 14
const NOTADB = 26

/** What was thrown, unless it is SQLite's: then the fault. Anything else is a mistake of ours and stays as it is. */
export function toStoreFault(error: unknown, path: string): unknown {
  const code = resultCode(error)
  if (code === undefined) return error
  const unavailable = (message: string) =>
    new StoreUnavailable('unavailable', message, { cause: error })
  switch (code) {
    case FULL:
      return unavailable(`The disk that holds ${path} is full. Calls go on once there is room.`)
    case READONLY:
      return unavailable(`${path} cannot be written. Make it and its folder writable.`)
    case CANTOPEN:
      return unavailable(`${path} cannot be opened. Check that its folder exists and is writable.`)
    case IOERR:
      return unavailable(`Reading or writing ${path} failed. Check the disk.`)
    case BUSY:
    case LOCKED:
      return unavailable(`${path} is locked by another program that does not let go of it.`)
    case CORRUPT:
    case NOTADB:
      return new StoreUnavailable(
        'corrupt',
        `${path} is damaged, or is no database of synth-bridge. Restore it from a backup, or move ` +
          'it and its -wal file away to start anew.',
        { cause: error },
      )
    default:
      return error
  }
}

/** The primary result code of an error that node:sqlite threw. */
function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined
}
