/** What a broken line to PostgreSQL, and a bridge that stood still, do to the ledger. */
import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { plainTerms } from '../../src/budget/session.ts'
import { type LedgerStore, StoreUnavailable } from '../../src/gateway/ledger-port.ts'
import { openPostgresStore } from '../../src/store/postgres/postgres.ts'
import { hard, usd } from '../budget/building.ts'
import { isReady, startChild } from './child-process.ts'
import { freshOwner, reserveRequest, settleRequest } from './contract.ts'
import { dropSchemas, hasPostgres, newSchema, POSTGRES_URL, query } from './postgres-place.ts'
import { type CommitFault, type PostgresProxy, startPostgresProxy } from './postgres-proxy.ts'

const isThere = await hasPostgres()

const FAULTS: readonly CommitFault[] = [
  'answer_reset',
  'answer_swallowed',
  'request_reset',
  'request_late',
]

let schema: string
let proxy: PostgresProxy
const opened: LedgerStore[] = []

beforeEach(async () => {
  schema = newSchema()
  proxy = await startPostgresProxy(POSTGRES_URL)
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()))
  await proxy.close()
})
afterAll(dropSchemas)

async function open(url = POSTGRES_URL, instanceId: string = randomUUID()): Promise<LedgerStore> {
  // On the line that breaks, less patience than users have makes the tests shorter.
  const patience = url === proxy.url ? { answerTimeoutMs: 1_500 } : {}
  const store = await openPostgresStore({ url, instanceId, schema, ...patience })
  opened.push(store)
  return store
}

async function sessionOn(store: LedgerStore, limit: bigint) {
  const owner = freshOwner()
  const terms = plainTerms([hard(limit)])
  const { sessionId } = await store.createSession({ ...owner, apiKeyId: null, terms }, Date.now())
  return { ...owner, sessionId }
}

type OfSession = Awaited<ReturnType<typeof sessionOn>>

/** Read past every store: dollars spent and reserved. */
async function money({ sessionId }: OfSession): Promise<{ spent: bigint; reserved: bigint }> {
  const [row] = await query<{ spent: string; reserved: string }>(
    `SELECT spent_nano_usd AS spent, reserved_nano_usd AS reserved FROM ${schema}.accounts
      WHERE account_id = $1`,
    [sessionId],
  )
  return { spent: BigInt(row?.spent ?? -1), reserved: BigInt(row?.reserved ?? -1) }
}

/** Every charge of the session, oldest first. */
async function charges({ sessionId }: OfSession): Promise<bigint[]> {
  const rows = await query<{ charged: string }>(
    `SELECT charged_nano_usd AS charged FROM ${schema}.records WHERE session_id = $1 ORDER BY seq`,
    [sessionId],
  )
  return rows.map(({ charged }) => BigInt(charged))
}

const soon = { timeout: 15_000, interval: 50 }

/** Until a connection waits for what another one has locked. */
async function someoneWaits(): Promise<void> {
  const waits = `SELECT FROM pg_locks waiting WHERE NOT granted AND EXISTS (
    SELECT FROM pg_locks held JOIN pg_class ON pg_class.oid = held.relation
    WHERE held.pid = waiting.pid AND relnamespace = '${schema}'::regnamespace)`
  await expect.poll(async () => (await query(waits)).length, soon).toBeGreaterThan(0)
}

/** Breaks the COMMIT of `work`, and lets one that is late arrive when it is waited for. */
async function whileCommitBreaks<Value>(
  holdId: string,
  fault: CommitFault,
  work: () => Promise<Value>,
): Promise<Value> {
  proxy.breakCommit(holdId, fault)
  const working = work()
  working.catch(() => {})
  await proxy.broken()
  if (fault === 'request_late') {
    await someoneWaits()
    proxy.deliver()
  }
  return working
}

describe.skipIf(!isThere)('a COMMIT without an answer', () => {
  test.each(FAULTS)('of a reservation holds once (%s)', async (fault) => {
    const store = await open(proxy.url)
    const session = await sessionOn(store, 100n)
    const request = reserveRequest(session.sessionId, usd(80n))
    const { holdId } = request
    const result = await whileCommitBreaks(holdId, fault, () => store.reserve(request, Date.now()))
    expect(result).toMatchObject({ ok: true, granted: usd(80n) })
    expect(await money(session)).toEqual({ spent: 0n, reserved: 80n })
    const second = await store.reserve(reserveRequest(session.sessionId, usd(21n)), Date.now())
    expect(second).toMatchObject({ ok: false, refusal: { cause: 'held_by_others' } })
    await store.settle(settleRequest(holdId, usd(70n)), Date.now())
    expect(await money(session)).toEqual({ spent: 70n, reserved: 0n })
  })

  test.each(FAULTS)('of a settlement charges once (%s)', async (fault) => {
    const store = await open(proxy.url)
    const session = await sessionOn(store, 100n)
    const request = reserveRequest(session.sessionId, usd(80n))
    await store.reserve(request, Date.now())
    const settle = settleRequest(request.holdId, usd(70n))
    const result = await whileCommitBreaks(request.holdId, fault, () =>
      store.settle(settle, Date.now()),
    )
    expect(result).toMatchObject({ ok: true, charged: usd(70n) })
    expect(await money(session)).toEqual({ spent: 70n, reserved: 0n })
    expect(await charges(session)).toEqual([70n])
  })

  test.each(FAULTS)('of a top-up grows the hold once (%s)', async (fault) => {
    const store = await open(proxy.url)
    const session = await sessionOn(store, 100n)
    const request = reserveRequest(session.sessionId, usd(10n))
    const { holdId } = request
    await store.reserve(request, Date.now())
    const more = { holdId, wanted: usd(30n), atLeast: usd(30n) }
    const result = await whileCommitBreaks(holdId, fault, () => store.topUp(more, Date.now()))
    expect(result).toMatchObject({ ok: true, granted: usd(30n), held: usd(40n) })
    expect(await money(session)).toEqual({ spent: 0n, reserved: 40n })
  })

  test('of a reservation, and a database that stays away: refused, and given back', async () => {
    const store = await open(proxy.url)
    const session = await sessionOn(store, 100n)
    const request = reserveRequest(session.sessionId, usd(80n))
    proxy.breakCommit(request.holdId, 'answer_reset')
    const refused = expect(store.reserve(request, Date.now())).rejects.toThrow(StoreUnavailable)
    await proxy.broken()
    proxy.cut()
    await refused
    expect(await money(session)).toEqual({ spent: 0n, reserved: 80n })
    proxy.heal()
    await expect.poll(() => money(session), soon).toEqual({ spent: 0n, reserved: 0n })
    expect(await charges(session)).toEqual([])
  })
})

describe.skipIf(!isThere)(
  'a COMMIT without an answer, and a bridge that does not come back in time',
  () => {
    test('is charged what it held, once, by another bridge', async () => {
      const store = await open(proxy.url)
      const other = await open()
      const session = await sessionOn(store, 100n)
      const request = reserveRequest(session.sessionId, usd(80n))
      proxy.breakCommit(request.holdId, 'answer_reset')
      const refused = expect(store.reserve(request, Date.now())).rejects.toThrow(StoreUnavailable)
      await proxy.broken()
      proxy.cut()
      await refused
      await expect.poll(() => money(session), soon).toEqual({ spent: 80n, reserved: 0n })
      proxy.heal()
      await expect.poll(async () => (await store.health()).status, soon).toBe('ok')
      expect(await other.recover(Date.now())).toEqual({ settled: 0, voided: 0 })
      expect(await charges(session)).toEqual([80n])
    })
  },
)

describe.skipIf(!isThere)('a line on which nothing passes', () => {
  test('refuses calls, charges none, and is got over', async () => {
    const store = await open(proxy.url)
    const session = await sessionOn(store, 100n)
    proxy.cut()
    const beganMs = performance.now()
    const call = store.reserve(reserveRequest(session.sessionId, usd(80n)), Date.now())
    await expect(call).rejects.toMatchObject({ fault: 'unavailable' })
    expect(performance.now() - beganMs).toBeLessThan(5_000)
    expect(await store.health()).toMatchObject({ status: 'unavailable' })
    proxy.heal()
    const again = async () =>
      (await store.reserve(reserveRequest(session.sessionId, usd(100n)), Date.now())).ok
    await expect.poll(() => again().catch(() => undefined), soon).toBe(true)
    expect(await money(session)).toEqual({ spent: 0n, reserved: 100n })
  })

  test('in the middle of a transaction does not keep others out', async () => {
    const store = await open(proxy.url)
    const other = await open()
    const session = await sessionOn(store, 100n)
    const request = reserveRequest(session.sessionId, usd(10n))
    // Its transaction holds the session's row, and its COMMIT never arrives.
    proxy.breakCommit(request.holdId, 'request_late')
    const stuck = store.reserve(request, Date.now()).catch(() => undefined)
    await proxy.broken()
    const result = await other.reserve(reserveRequest(session.sessionId, usd(20n)), Date.now())
    expect(result).toMatchObject({ ok: true })
    await stuck
  })

  test('does not keep a bridge from stopping', async () => {
    const store = await open(proxy.url)
    const session = await sessionOn(store, 100n)
    proxy.cut()
    const call = store.reserve(reserveRequest(session.sessionId, usd(80n)), Date.now())
    await expect(call).rejects.toThrow(StoreUnavailable)
    await store.close()
  })
})

describe.skipIf(!isThere)('a bridge that was taken for gone', () => {
  /** Another one has not heard of it for a minute. */
  const expire = (instanceId: string) =>
    query(
      `UPDATE ${schema}.instances SET heartbeat_at = now() - interval '1 minute'
        WHERE instance_id = $1`,
      [instanceId],
    )

  test('serves on: new calls are its own, old ones are charged once', async () => {
    const instanceId = randomUUID()
    const store = await open(POSTGRES_URL, instanceId)
    const other = await open()
    const session = await sessionOn(store, 1_000n)
    const [cheap, dear] = [
      reserveRequest(session.sessionId, usd(100n)),
      reserveRequest(session.sessionId, usd(100n)),
    ]
    for (const request of [cheap, dear]) await store.reserve(request, Date.now())
    await expect
      .poll(async () => {
        await expire(instanceId)
        await other.recover(Date.now())
        return money(session)
      }, soon)
      .toEqual({ spent: 200n, reserved: 0n })

    const next = reserveRequest(session.sessionId, usd(100n))
    expect(await store.reserve(next, Date.now())).toMatchObject({ ok: true })
    expect(await other.recover(Date.now())).toEqual({ settled: 0, voided: 0 })
    expect(await money(session)).toEqual({ spent: 200n, reserved: 100n })
    const more = { holdId: next.holdId, wanted: usd(50n), atLeast: usd(50n) }
    expect(await store.topUp(more, Date.now())).toMatchObject({ ok: true, held: usd(150n) })
    expect(await store.topUp({ ...more, holdId: cheap.holdId }, Date.now())).toEqual({
      ok: false,
      reason: 'resolved',
    })

    await store.settle(settleRequest(next.holdId, usd(120n)), Date.now())
    expect(await money(session)).toEqual({ spent: 320n, reserved: 0n })
    // What was charged too much stays, what was charged too little is added; each time once.
    for (let times = 0; times < 2; times += 1) {
      await store.settle(settleRequest(cheap.holdId, usd(30n)), Date.now())
      await store.settle(settleRequest(dear.holdId, usd(130n)), Date.now())
    }
    expect(await money(session)).toEqual({ spent: 350n, reserved: 0n })
    expect(await charges(session)).toEqual([100n, 100n, 120n, 30n])
  })

  test('again and again, under load: nothing is lost, nothing is held for ever', async () => {
    const instanceId = randomUUID()
    const store = await open(POSTGRES_URL, instanceId)
    const other = await open()
    const session = await sessionOn(store, 10n ** 9n)
    let isOver = false
    let settled = 0n
    const run = async (): Promise<void> => {
      while (!isOver) {
        const request = reserveRequest(session.sessionId, usd(100n))
        expect(await store.reserve(request, Date.now())).toMatchObject({ ok: true })
        // Between its batches, a bridge looks as if it were gone.
        await setTimeout(10)
        const result = await store.settle(settleRequest(request.holdId, usd(60n)), Date.now())
        expect(result).toMatchObject({ ok: true })
        settled += 1n
      }
    }
    const running = Promise.all(Array.from({ length: 4 }, run))
    let orphans = 0n
    while (orphans < 50n) {
      await expire(instanceId)
      orphans += BigInt((await other.recover(Date.now())).settled)
    }
    isOver = true
    await running
    const { spent, reserved } = await money(session)
    expect(reserved).toBe(0n)
    const all = await charges(session)
    expect(spent).toBe(all.reduce((sum, charge) => sum + charge, 0n))
    expect(BigInt(all.length)).toBe(settled)
    expect(BigInt(all.filter((charge) => charge === 100n).length)).toBeGreaterThanOrEqual(orphans)
  })

  test('because it stood still: a real process, stopped and continued', async () => {
    const survivor = await open()
    const session = await sessionOn(survivor, 1_000n)
    const child = startChild('postgres', POSTGRES_URL, schema)
    const says = (line: string) => child.until(line, (lines) => lines.includes(line))
    const hold = async (holdId: string) => {
      child.tell(`hold ${session.sessionId} ${holdId}`)
      await says(`held ${holdId}`)
    }
    const settle = async (holdId: string, amount: bigint) => {
      child.tell(`settle ${holdId} ${amount}`)
      await says(`settled ${holdId} ${amount}`)
    }
    try {
      await child.until('it is ready', isReady)
      const [cheap, dear, next] = [randomUUID(), randomUUID(), randomUUID()]
      await hold(cheap)
      await hold(dear)
      child.process.kill('SIGSTOP')
      await expect.poll(() => money(session), soon).toEqual({ spent: 200n, reserved: 0n })
      // What it is told while it stands still is the first thing that it does.
      child.tell(`hold ${session.sessionId} ${next}`)
      child.process.kill('SIGCONT')
      await says(`held ${next}`)
      expect(await survivor.recover(Date.now())).toEqual({ settled: 0, voided: 0 })
      expect(await money(session)).toEqual({ spent: 200n, reserved: 100n })
      await settle(cheap, 60n)
      await settle(dear, 130n)
      await settle(next, 60n)
      expect(await money(session)).toEqual({ spent: 290n, reserved: 0n })
      expect(await charges(session)).toEqual([100n, 100n, 30n, 60n])
    } finally {
      await child.kill()
    }
  })
})
