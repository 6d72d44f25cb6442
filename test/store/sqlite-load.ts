/** Reserves and settles without end; each line is a settlement that the store has acknowledged. */
import { randomUUID } from 'node:crypto'
import { amounts } from '../../src/budget/metric.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite.ts'
import { CALL } from '../budget/building.ts'

const [path = '', sessionId = ''] = process.argv.slice(2)
const store = await openSqliteStore({ path, instanceId: randomUUID() })
const usage = {
  responseId: null,
  inputTokens: null,
  cachedInputTokens: null,
  outputTokens: null,
  details: {},
}

async function run(): Promise<void> {
  for (;;) {
    const holdId = randomUUID()
    const wanted = amounts({ cost_usd: 100n, tokens: 10n, api_calls: 1n })
    const nowMs = Date.now()
    const request = {
      holdId,
      sessionId,
      ceiling: null,
      wanted,
      atLeast: wanted,
      sent: true,
      call: CALL,
    }
    const reserved = await store.reserve(request, nowMs)
    if (!reserved.ok) throw new Error(`refused: ${reserved.reason}`)
    const actual = amounts({ cost_usd: 60n, tokens: 6n, api_calls: 1n })
    await store.settle({ holdId, actual, outcome: 'exact', usage }, nowMs)
    process.stdout.write(`${holdId} 60\n`)
  }
}

await Promise.all(Array.from({ length: 32 }, run))
