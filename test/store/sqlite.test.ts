import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Store } from '../../src/store/port.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite.ts'
import { describeStore } from './contract.ts'
import { describeTrials } from './trials.ts'

const createHarness = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bridge-store-'))
  const stores: Store[] = []
  return {
    async open() {
      const path = join(folder, 'state', 'bridge.db')
      const store = await openSqliteStore({ path, instanceId: randomUUID() })
      stores.push(store)
      return store
    },
    async close() {
      await Promise.all(stores.map((store) => store.close()))
      await rm(folder, { recursive: true })
    },
  }
}

describeStore('sqlite', createHarness)
describeTrials('sqlite', createHarness)
