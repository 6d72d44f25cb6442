/** A bridge of its own on the shared store: reserves and settles until it is killed. */
import { randomUUID } from 'node:crypto'
import { UNKNOWN_USAGE } from '../../src/budget/hold.ts'
import { amounts } from '../../src/budget/metric.ts'
import { openPostgresStore } from '../../src/store/postgres/postgres.ts'
import { CALL } from '../budget/building.ts'

const [url = '', schema = '', sessionId = ''] = process.argv.slice(2)
const store = await openPostgresStore({ url, schema, instanceId: randomUUID() })

async function run(): Promise<void> {
  for (;;) {
    const holdId = randomUUID()
    const wanted = amounts({ cost_usd: 100n })
    const request = {
      holdId,
      sessionId,
      ceiling: null,
      wanted,
      atLeast: wanted,
      sent: true,
      call: CALL,
    }
    const result = await store.reserve(request, Date.now())
    if (!result.ok) throw new Error(`refused: ${result.reason}`)
    const actual = amounts({ cost_usd: 60n })
    await store.settle({ holdId, actual, outcome: 'exact', usage: UNKNOWN_USAGE }, Date.now())
    process.stdout.write(`${holdId}\n`)
  }
}

await Promise.all(Array.from({ length: 16 }, run))
