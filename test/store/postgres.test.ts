/** The shared store, against a real PostgreSQL on 127.0.0.1:5432 (trust, database `test`). */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { amounts } from '../../src/budget/metric.ts'
import { plainTerms } from '../../src/budget/session.ts'
import type { LedgerStore } from '../../src/gateway/ledger-port.ts'
import { openPostgresStore } from '../../src/store/postgres/postgres.ts'
import { hard } from '../budget/building.ts'
import { describeStore, freshOwner, reserveRequest, settleRequest } from './contract.ts'

const URL = process.env['TEST_POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/test'

async function query(sql: string): Promise<void> {
  const client = new Client({ connectionString: URL, connectionTimeoutMillis: 2_000 })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

const isThere = await query('SELECT 1').then(
  () => true,
  () => false,
)
if (!isThere) {
  if (process.env['CI'] === 'true') throw new Error(`PostgreSQL is not there: ${URL}`)
  process.stderr.write(`skipped: no PostgreSQL at ${URL}\n`)
}

const schemas: string[] = []
function newSchema(): string {
  const schema = `test_${randomUUID().replaceAll('-', '')}`
  schemas.push(schema)
  return schema
}
afterAll(async () => {
  for (const schema of schemas) await query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
})

const opened: LedgerStore[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()))
})
async function open(schema: string): Promise<LedgerStore> {
  const store = await openPostgresStore({ url: URL, instanceId: randomUUID(), schema })
  opened.push(store)
  return store
}

async function sessionWith(store: LedgerStore, limit: bigint) {
  const owner = freshOwner()
  const terms = plainTerms([hard(limit)])
  const session = await store.createSession({ ...owner, apiKeyId: null, terms }, Date.now())
  return { owner, sessionId: session.sessionId }
}

describe.skipIf(!isThere)('PostgreSQL', () => {
  describeStore('postgres', async () => {
    const schema = newSchema()
    const stores: LedgerStore[] = []
    return {
      async open() {
        const store = await openPostgresStore({ url: URL, instanceId: randomUUID(), schema })
        stores.push(store)
        return store
      },
      close: async () => void (await Promise.all(stores.map((store) => store.close()))),
    }
  })

  test('500 calls at once over three instances admit exactly what fits', async () => {
    const schema = newSchema()
    const stores = [await open(schema), await open(schema), await open(schema)]
    const [first] = stores
    if (first === undefined) throw new Error('no store')
    for (let round = 0; round < 20; round++) {
      const { owner, sessionId } = await sessionWith(first, 99n)
      const results = await Promise.all(
        Array.from({ length: 500 }, (_, index) =>
          (stores[index % 3] ?? first).reserve(
            reserveRequest(sessionId, amounts({ cost_usd: 10n })),
            Date.now(),
          ),
        ),
      )
      expect(results.filter(({ ok }) => ok)).toHaveLength(9)
      const session = await first.getSession({ ...owner, sessionId }, Date.now())
      expect(session?.account.reserved.cost_usd).toBe(90n)
    }
  })

  test('an instance that is killed in the middle has its holds settled by another', async () => {
    const schema = newSchema()
    const survivor = await open(schema)
    const { owner, sessionId } = await sessionWith(survivor, 10n ** 15n)
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'postgres-load.ts'), URL, schema, sessionId],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    let acknowledged = 0n
    child.stdout.setEncoding('utf8').on('data', (lines: string) => {
      acknowledged += 60n * BigInt(lines.split('\n').length - 1)
    })
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'close')
    const account = async () =>
      (await survivor.getSession({ ...owner, sessionId }, Date.now()))?.account
    await expect
      .poll(async () => (await account())?.reserved.cost_usd, { timeout: 15_000 })
      .toBe(0n)
    expect((await account())?.spent.cost_usd).toBeGreaterThanOrEqual(acknowledged)
  })

  test('a connection that is cut loses nothing, and the store goes on', async () => {
    const store = await open(newSchema())
    const { owner, sessionId } = await sessionWith(store, 10n ** 15n)
    const request = reserveRequest(sessionId, amounts({ cost_usd: 100n }))
    await store.reserve(request, Date.now())
    const settling = store
      .settle(settleRequest(request.holdId, amounts({ cost_usd: 70n })), Date.now())
      .catch((error: unknown) => error)
    await query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'synth-bridge'",
    )
    await settling
    await expect
      .poll(
        async () => {
          const session = await store
            .getSession({ ...owner, sessionId }, Date.now())
            .catch(() => undefined)
          return session?.account.spent.cost_usd
        },
        { timeout: 10_000 },
      )
      .toBe(70n)
  })

  test('a schema that a newer program wrote is refused', async () => {
    const schema = newSchema()
    await (await open(schema)).health()
    await query(`INSERT INTO ${schema}.migrations VALUES (99)`)
    await expect(open(schema)).rejects.toMatchObject({ fault: 'newer_schema' })
  })

  test('a database that is not there is unavailable, and the password is not shown', async () => {
    const url = 'postgres://someone:hunter2-secret@127.0.0.1:1/none'
    await expect(openPostgresStore({ url, instanceId: 'x' })).rejects.toMatchObject({
      fault: 'unavailable',
      message: expect.not.stringContaining('hunter2'),
    })
  })
})
