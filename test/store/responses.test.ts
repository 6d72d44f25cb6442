import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, describe, expect, test } from 'vitest'
import type { ResponseStore, SavedTurn } from '../../src/gateway/state/port.ts'
import { openPostgresResponseStore } from '../../src/store/postgres/response-store.ts'
import { save } from '../../src/store/responses/responses.ts'
import { createMemoryResponseStore } from '../../src/store/sqlite/response-engine.ts'
import { openSqliteResponseStore } from '../../src/store/sqlite/response-store.ts'
import { dropSchemas, hasPostgres, newSchema, POSTGRES_URL, query } from './postgres-place.ts'
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

const isThere = await hasPostgres()
afterAll(dropSchemas)

/** How many wait for a row or a transaction of another, in that schema's connections. */
async function waitingFor(schema: string): Promise<number> {
  const rows = await query<{ pid: number }>(
    `SELECT DISTINCT l.pid FROM pg_locks l
     JOIN pg_locks t ON t.pid = l.pid AND t.relation = to_regclass($1)
     WHERE NOT l.granted`,
    [`${schema}.thread`],
  )
  return rows.length
}

describe.skipIf(!isThere)('PostgreSQL', () => {
  describeResponseStore('postgres', async () => {
    const schema = newSchema()
    const stores: ResponseStore[] = []
    const open = async () => {
      const store = await openPostgresResponseStore({ url: POSTGRES_URL, schema })
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

  test('a thread that is added to while it is to be taken out stays whole', async () => {
    const schema = newSchema()
    const store = await openPostgresResponseStore({ url: POSTGRES_URL, schema })
    const owner = { orgId: 'org', userId: 'user' }
    const turn = (responseId: string, more: Partial<SavedTurn>): SavedTurn => ({
      owner,
      responseId,
      previousResponseId: undefined,
      conversationId: undefined,
      input: [{ id: `msg_${responseId}`, body: '{}' }],
      output: [],
      response: { body: '{}', log: undefined, settings: '{}', isBackground: false },
      joinsConversation: true,
      leaseUntilMs: undefined,
      nowMs: 1,
      ...more,
    })
    await store.save(turn('resp_old', {}))
    const other = new Client({
      connectionString: POSTGRES_URL,
      options: `-c search_path=${schema}`,
    })
    await other.connect()
    try {
      await other.query('BEGIN')
      const added = turn('resp_new', { previousResponseId: 'resp_old', nowMs: 100 })
      await save({ all: async (sql, params) => (await other.query(sql, [...params])).rows }, added)
      const pruning = store.prune({ beforeMs: 50, maxBytes: 1_000_000 })
      await expect.poll(() => waitingFor(schema)).toBe(1)
      await other.query('COMMIT')
      expect(await pruning).toMatchObject({ threads: 0 })
    } finally {
      await other.end()
    }
    expect(await store.readTurns({ owner, responseId: 'resp_new' })).toHaveLength(2)
    await store.close()
  })

  test('a database that is not there is unavailable, and the password is not shown', async () => {
    const url = 'postgres://someone:hunter2-secret@127.0.0.1:1/none'
    await expect(openPostgresResponseStore({ url })).rejects.toMatchObject({
      fault: 'unavailable',
      message: expect.not.stringContaining('hunter2'),
    })
  })
})
