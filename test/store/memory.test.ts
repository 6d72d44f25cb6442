import { createMemoryStore } from '../../src/store/memory.ts'
import { randomIds } from '../../src/store/random-ids.ts'
import { describeStore } from './contract.ts'

describeStore('memory', async () => {
  const store = createMemoryStore({ instanceId: 'bridge-1', ids: randomIds })
  return { open: async () => store, close: () => store.close() }
})
