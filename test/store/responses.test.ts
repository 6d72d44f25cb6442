import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, describe, expect, test } from 'vitest'
import type { ResponseStore } from '../../src/gateway/state/port.ts'
import { openPostgresResponseStore } from '../../src/store/postgres/response-store.ts'
import { createMemoryResponseStore } from '../../src/store/sqlite/response-engine.ts'
import { openSqliteResponseStore } from '../../src/store/sqlite/response-store.ts'
import { describeResponseStore } from './response-contract.ts'

describeResponseStore('memory', async () => {
  const store = createMemoryResponseStore()
  return { open: async () => store, close: () => store.close() }
})

describeResponseStore('sqlite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bridge-responses-'))
  const stores: ResponseStore[] = []
  const open = async () => {
    const path = join(folder, 'state', 'responses.db')
    const store = await openSqliteResponseStore({ path, instanceId: randomUUID() })
    stores.push(store)
    return store
  }
  return {
    open,
    async reopen(store) {
      await store.close()
      return open()
    },
    async close() {
      await Promise.all(stores.map((store) => store.close()))
      await rm(folder, { recursive: true })
    },
  }
})

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
afterAll(async () => {
  for (const schema of schemas) await query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
})

describe.skipIf(!isThere)('PostgreSQL', () => {
  describeResponseStore('postgres', async () => {
    const schema = `test_${randomUUID().replaceAll('-', '')}`
    schemas.push(schema)
    const stores: ResponseStore[] = []
    const open = async () => {
      const store = await openPostgresResponseStore({ url: URL, schema })
      stores.push(store)
      return store
    }
    return {
      open,
      async reopen(store) {
        await store.close()
        return open()
      },
      close: async () => void (await Promise.all(stores.map((store) => store.close()))),
    }
  })

  test('a database that is not there is unavailable, and the password is not shown', async () => {
    const url = 'postgres://someone:hunter2-secret@127.0.0.1:1/none'
    await expect(openPostgresResponseStore({ url })).rejects.toMatchObject({
      fault: 'unavailable',
      message: expect.not.stringContaining('hunter2'),
    })
  })
})
