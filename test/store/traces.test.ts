import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createRedactor } from '../../src/gateway/redact.ts'
import type { TraceStore } from '../../src/gateway/trace/port.ts'
import { openPostgresTraces } from '../../src/store/postgres/trace-store.ts'
import { createMemoryTraceStore } from '../../src/store/sqlite/trace-engine.ts'
import { openTraceStore } from '../../src/store/sqlite/trace-store.ts'
import { dropSchemas, hasPostgres, newSchema, POSTGRES_URL } from './postgres-place.ts'
import { describeTraceStore, SECRET } from './trace-contract.ts'

const secrets = [SECRET]

describeTraceStore('memory', async () => {
  const store = createMemoryTraceStore(createRedactor(secrets))
  return { open: async () => store, close: () => store.close() }
})

/** @param open the same place each time */
function harnessOf(open: () => Promise<TraceStore>, clean: () => Promise<void>) {
  const stores: TraceStore[] = []
  const openOne = async () => {
    const store = await open()
    stores.push(store)
    return store
  }
  return {
    open: openOne,
    async reopen(store: TraceStore) {
      await store.close()
      return openOne()
    },
    async close() {
      await Promise.all(stores.map((store) => store.close()))
      await clean()
    },
  }
}

describeTraceStore('sqlite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bridge-traces-'))
  const path = join(folder, 'state', 'traces.db')
  return harnessOf(
    () => openTraceStore({ place: { kind: 'sqlite', path }, name: path, secrets }),
    () => rm(folder, { recursive: true }),
  )
})

const isThere = await hasPostgres()
afterAll(dropSchemas)

describe.skipIf(!isThere)('PostgreSQL', () => {
  describeTraceStore('postgres', async () => {
    const schema = newSchema()
    return harnessOf(
      () => openPostgresTraces({ url: POSTGRES_URL, secrets, schema }),
      async () => {},
    )
  })

  test('a database that is not there is unavailable, and the password is not shown', async () => {
    const url = 'postgres://someone:hunter2-secret@127.0.0.1:1/none'
    await expect(openPostgresTraces({ url, secrets })).rejects.toMatchObject({
      fault: 'unavailable',
      message: expect.not.stringContaining('hunter2'),
    })
  })
})
