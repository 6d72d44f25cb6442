import { createMemoryStore } from '../../src/store/memory.ts'
import { randomIds } from '../../src/store/random-ids.ts'
import { describeStore } from './contract.ts'
import { describeTrials } from './trials.ts'

const createHarness = async () => {
  const store = createMemoryStore({ instanceId: 'bridge-1', ids: randomIds })
  return { open: async () => store, close: () => store.close() }
}

describeStore('memory', createHarness)
describeTrials('memory', createHarness)
