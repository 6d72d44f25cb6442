/** The shared store, against a real PostgreSQL. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { amounts } from '../../src/budget/metric.ts'
import { plainTerms } from '../../src/budget/session.ts'
import type { LedgerStore } from '../../src/gateway/ledger-port.ts'
import type { Store } from '../../src/store/port.ts'
import { openPostgresStore } from '../../src/store/postgres/postgres.ts'
import { hard, usd } from '../budget/building.ts'
import { isReady, startChild } from './child-process.ts'
import { describeStore, freshOwner, reserveRequest, settleRequest } from './contract.ts'
import { dropSchemas, hasPostgres, newSchema, POSTGRES_URL, query } from './postgres-place.ts'
import { describeTrials } from './trials.ts'

const isThere = await hasPostgres()
afterAll(dropSchemas)

const opened: LedgerStore[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()))
})
async function open(schema: string, url = POSTGRES_URL): Promise<LedgerStore> {
  const store = await openPostgresStore({ url, instanceId: randomUUID(), schema })
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
  const createHarness = async () => {
    const schema = newSchema()
    const stores: Store[] = []
    return {
      async open() {
        const store = await openPostgresStore({
          url: POSTGRES_URL,
          instanceId: randomUUID(),
          schema,
        })
        stores.push(store)
        return store
      },
      close: async () => void (await Promise.all(stores.map((store) => store.close()))),
    }
  }
  describeStore('postgres', createHarness)
  describeTrials('postgres', createHarness)

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

  test('the same with one of the three killed in the middle, and over the other two', async () => {
    const schema = newSchema()
    const [first, second] = [await open(schema), await open(schema)]
    const child = startChild('postgres', POSTGRES_URL, schema)
    await child.until('it is ready', isReady)
    for (let round = 0; round < 20; round++) {
      const { owner, sessionId } = await sessionWith(first, 99n)
      const account = async () =>
        (await first.getSession({ ...owner, sessionId }, Date.now()))?.account
      const held = async () => (await account())?.reserved.cost_usd
      const isLast = round === 9
      if (isLast) {
        child.tell(`race ${sessionId} 3`)
        await child.until('it has three', (lines) => lines.at(-1) === 'admitted 3')
      }
      if (round < 10) child.tell(`race ${sessionId} 167`)
      const racing = Promise.all(
        Array.from({ length: 333 }, (_, index) =>
          (index % 2 === 0 ? first : second).reserve(
            reserveRequest(sessionId, usd(10n)),
            Date.now(),
          ),
        ),
      )
      if (isLast) await child.kill()
      const admitted = BigInt((await racing).filter(({ ok }) => ok).length)
      if (round < 9) {
        await child.until('it has raced', (lines) => lines.length === round + 2)
        const others = BigInt(child.lines.at(-1)?.split(' ')[1] ?? -1)
        expect(admitted + others).toBe(9n)
        expect(await held()).toBe(90n)
      } else {
        await expect.poll(held, { timeout: 15_000 }).toBe(10n * admitted)
        expect((await account())?.spent.cost_usd).toBe(90n - 10n * admitted)
        if (isLast) expect(admitted).toBeLessThanOrEqual(6n)
      }
    }
  })

  test('an instance that is killed in the middle has its holds settled by another', async () => {
    const schema = newSchema()
    const survivor = await open(schema)
    const { owner, sessionId } = await sessionWith(survivor, 10n ** 15n)
    const child = startChild('postgres', POSTGRES_URL, schema)
    await child.until('it is ready', isReady)
    const holdId = randomUUID()
    child.tell(`hold ${sessionId} ${holdId}`)
    await child.until('it holds', (lines) => lines.includes(`held ${holdId}`))
    child.tell(`load ${sessionId} 16`)
    await child.until('it is busy', (lines) => lines.filter((line) => line === 'S').length > 16)
    await child.kill()
    const acknowledged = 60n * BigInt(child.lines.filter((line) => line === 'S').length)
    const account = async () =>
      (await survivor.getSession({ ...owner, sessionId }, Date.now()))?.account
    await expect
      .poll(async () => (await account())?.reserved.cost_usd, { timeout: 15_000 })
      .toBe(0n)
    expect((await account())?.spent.cost_usd).toBeGreaterThanOrEqual(acknowledged + 100n)
  })

  test('a connection that is cut loses nothing, and the store goes on', async () => {
    const name = `test-${randomUUID()}`
    const store = await open(newSchema(), `${POSTGRES_URL}?application_name=${name}`)
    const { owner, sessionId } = await sessionWith(store, 10n ** 15n)
    const request = reserveRequest(sessionId, amounts({ cost_usd: 100n }))
    await store.reserve(request, Date.now())
    const settling = store
      .settle(settleRequest(request.holdId, amounts({ cost_usd: 70n })), Date.now())
      .catch((error: unknown) => error)
    const cut = await query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1',
      [name],
    )
    expect(cut).not.toHaveLength(0)
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
