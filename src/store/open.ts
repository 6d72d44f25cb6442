/** The store that the configuration names. */
import { randomUUID } from 'node:crypto'
import type { StorageSettings } from '../config/storage.ts'
import type { LedgerStore } from '../gateway/ledger-port.ts'
import { createMemoryStore } from './memory.ts'
import { randomIds } from './random-ids.ts'

/** @throws {StoreUnavailable} saying what is wrong and what to do */
export async function openStore({ store }: StorageSettings): Promise<LedgerStore> {
  const instanceId = randomUUID()
  switch (store.kind) {
    case 'memory':
      return createMemoryStore({ instanceId, ids: randomIds })
    case 'sqlite': {
      const { createSqliteStore } = await import('./sqlite/store.ts')
      return createSqliteStore({ path: store.path, instanceId })
    }
    case 'postgres':
      throw new Error('the PostgreSQL store has not landed yet')
  }
}
