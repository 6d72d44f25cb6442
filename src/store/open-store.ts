/** The store that the configuration names. */
import { randomUUID } from 'node:crypto'
import type { StorageSettings } from '../config/storage.ts'
import type { LedgerStore } from '../gateway/ledger-port.ts'
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
    case 'postgres': {
      // Loaded where it is used: most bridges never speak to a database server.
      const { openPostgresStore } = await import('./postgres/postgres.ts')
      return openPostgresStore({ url: store.url, instanceId })
    }
  }
}
