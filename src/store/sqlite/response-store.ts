/** The embedded store of responses: a SQLite file with a worker thread of its own. */
import type { ResponseStore } from '../../gateway/state/port.ts'
import { createResponseStore, type SendResponse } from '../responses/operations.ts'
import { startRestarting } from './restarting.ts'
import { startThread } from './thread.ts'

export interface SqliteResponseStoreOptions {
  /** Absolute; the ledger's own file must be another. */
  readonly path: string
  readonly instanceId: string
  readonly busyTimeoutMs?: number
}

/** @throws {StoreUnavailable} if it cannot be opened */
export async function openSqliteResponseStore(
  options: SqliteResponseStoreOptions,
): Promise<ResponseStore> {
  const { path, instanceId, busyTimeoutMs = 5_000 } = options
  const { send, close } = await startRestarting({
    start: () =>
      startThread({ holds: 'responses', path, instanceId, attends: false, busyTimeoutMs }),
    monotonicMs: () => performance.now(),
  })
  // The thread answers each request with what the port says of it.
  return createResponseStore(send as SendResponse, close)
}
