/** The embedded store: a SQLite file, owned by a worker thread so that no fsync stops the bridge. */
import { createStore, type Store } from '../port.ts'
import { randomIds } from '../random-ids.ts'
import type { Send } from '../request.ts'
import { startRestarting } from './restarting.ts'
import { startThread } from './thread.ts'

export interface SqliteStoreOptions {
  /** Absolute. Its folder is made if it is not there. */
  readonly path: string
  readonly instanceId: string
  /** False for tests that say themselves when to recover. */
  readonly attends?: boolean
  readonly busyTimeoutMs?: number
}

/** @throws {StoreUnavailable} if it cannot be opened */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { path, instanceId, attends = true, busyTimeoutMs = 5_000 } = options
  const { send, close } = await startRestarting({
    start: () => startThread({ holds: 'ledger', path, instanceId, attends, busyTimeoutMs }),
    monotonicMs: () => performance.now(),
  })
  return createStore({
    name: 'sqlite',
    instanceId,
    // The thread answers each kind of request with what `AnswerTo` says of it.
    send: send as Send,
    uuid: randomIds.uuid,
    close,
  })
}
