/** The store that the configuration names. */
import { randomUUID } from 'node:crypto'
import type { StorageSettings } from '../config/storage.ts'
import { type LedgerStore, StoreUnavailable } from '../gateway/ledger-port.ts'
import { createMemoryStore } from './memory.ts'
import { randomIds } from './random-ids.ts'
import { openSqliteStore } from './sqlite/sqlite.ts'

/** @throws {StoreUnavailable} if it cannot be opened; the message names the way out. */
export async function openStore({ store }: StorageSettings): Promise<LedgerStore> {
  const instanceId = randomUUID()
  switch (store.kind) {
    case 'memory':
      return createMemoryStore({ instanceId, ids: randomIds })
    case 'sqlite':
      return openSqliteStore({ path: store.path, instanceId })
    case 'postgres':
      throw new StoreUnavailable(
        'unavailable',
        'This build has no PostgreSQL store. Use "sqlite" or "memory" as [server] store.',
      )
  }
}
