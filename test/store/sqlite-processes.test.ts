import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { plainTerms, type Session } from '../../src/budget/session.ts'
import type { LedgerStore } from '../../src/gateway/ledger-port.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite.ts'
import { hard, OWNER } from '../budget/building.ts'
import { isReady, type StoreChild, startChild } from './child-process.ts'

/** 100 for the figures in docs/budgets.md: `LEDGER_KILLS=100 vitest run test/store/sqlite-processes`. */
const KILLS = Number(process.env['LEDGER_KILLS'] ?? 3)
const CALLS = 32

const count = (lines: readonly string[], line: string): number =>
  lines.filter((candidate) => candidate === line).length

let folder: string
let path: string
let store: LedgerStore | undefined
const children: StoreChild[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bridge-processes-'))
  path = join(folder, 'bridge.db')
})
afterEach(async () => {
  await store?.close()
  store = undefined
  await Promise.all(children.splice(0).map((child) => child.kill()))
  await rm(folder, { recursive: true })
})

async function start(): Promise<StoreChild> {
  const child = startChild('sqlite', path)
  children.push(child)
  await child.until('it is ready', isReady)
  return child
}

async function open(): Promise<LedgerStore> {
  store = await openSqliteStore({ path, instanceId: randomUUID() })
  return store
}

async function show(opened: LedgerStore, { sessionId }: Session): Promise<Session> {
  const session = await opened.getSession({ ...OWNER, sessionId }, Date.now())
  if (session === null) throw new Error('the session is gone')
  return session
}

/** Asks again until it holds; the test's own deadline ends it. */
async function eventually<Value>(
  ask: () => Promise<Value>,
  holds: (value: Value) => boolean,
): Promise<Value> {
  for (;;) {
    const value = await ask()
    if (holds(value)) return value
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function create(opened: LedgerStore, limit: bigint): Promise<Session> {
  const terms = { ...plainTerms([hard(limit)]), makeActive: false }
  return opened.createSession({ ...OWNER, apiKeyId: null, terms }, Date.now())
}

describe('a bridge that is killed under load', () => {
  test(
    `loses no acknowledged spend, leaves no hold, and is soon back, ${KILLS} times`,
    async () => {
      let opened = await open()
      const session = await create(opened, 10n ** 15n)
      let settled = 0n
      let unknown = 0n
      let lastSpent = 0n
      const backAfterMs: number[] = []
      for (let kill = 0; kill < KILLS; kill += 1) {
        await opened.close()
        const child = await start()
        child.tell(`load ${session.sessionId} ${CALLS}`)
        const enough = CALLS + 40 * (kill % 5)
        await child.until('it is busy', (lines) => count(lines, 'S') >= enough)
        await child.kill()
        const acknowledged = BigInt(count(child.lines, 'S'))
        settled += acknowledged
        unknown += BigInt(CALLS)

        const beganMs = performance.now()
        opened = await open()
        backAfterMs.push(performance.now() - beganMs)
        const { account } = await eventually(
          () => show(opened, session),
          (found) => found.account.reserved.cost_usd === 0n,
        )
        expect(performance.now() - beganMs).toBeLessThan(5_000)
        // What was acknowledged is there; what was not is at most what was held for it.
        expect(account.spent.cost_usd).toBeGreaterThanOrEqual(60n * settled)
        expect(account.spent.cost_usd).toBeLessThanOrEqual(60n * settled + 100n * unknown)
        expect(account.spent.cost_usd).toBeGreaterThanOrEqual(lastSpent)
        expect(account.reserved.api_calls).toBe(0n)
        lastSpent = account.spent.cost_usd

        const usage = await opened.listUsage({
          ...OWNER,
          sessionId: session.sessionId,
          metric: 'cost_usd',
          limit: 1_000_000,
          offset: 0,
        })
        const recorded = usage?.reduce((sum, { record }) => sum + record.charged.cost_usd, 0n)
        expect(recorded).toBe(account.spent.cost_usd)
      }
      const medianMs = backAfterMs.toSorted((a, b) => a - b)[Math.floor(KILLS / 2)]
      expect(medianMs).toBeLessThan(1_000)
    },
    20_000 + KILLS * 6_000,
  )

  test('is found dead by another one on the same file', async () => {
    const opened = await open()
    const session = await create(opened, 10n ** 15n)
    const child = await start()
    child.tell(`load ${session.sessionId} ${CALLS}`)
    await child.until('it is busy', (lines) => count(lines, 'S') >= CALLS)
    await child.kill()
    const { account } = await eventually(
      () => show(opened, session),
      (found) => found.account.reserved.cost_usd === 0n,
    )
    expect(account.spent.cost_usd).toBeGreaterThanOrEqual(60n * BigInt(count(child.lines, 'S')))
  }, 20_000)
})

describe('two bridges on one file', () => {
  test('share a limit: of 500 calls that race, exactly those that fit are admitted', async () => {
    const opened = await open()
    const [one, other] = await Promise.all([start(), start()])
    for (let round = 1; round <= 20; round += 1) {
      const session = await create(opened, 99n)
      for (const child of [one, other]) child.tell(`race ${session.sessionId} 250`)
      const answers = (lines: readonly string[]): string[] =>
        lines.filter((line) => line.startsWith('admitted'))
      for (const child of [one, other])
        await child.until('it has raced', (lines) => answers(lines).length === round)
      const admitted = [one, other]
        .map(({ lines }) => Number(answers(lines).at(-1)?.split(' ')[1]))
        .reduce((sum, number) => sum + number, 0)
      expect(admitted).toBe(9)
      expect((await show(opened, session)).account).toMatchObject({
        status: 'active',
        reserved: { cost_usd: 90n },
      })
    }
  }, 30_000)

  test('that start at the same moment on a new file both open it', async () => {
    const ids = Array.from({ length: 4 }, () => randomUUID())
    const stores = await Promise.all(ids.map((instanceId) => openSqliteStore({ path, instanceId })))
    for (const opened of stores) expect(await opened.health()).toMatchObject({ status: 'ok' })
    await Promise.all(stores.map((opened) => opened.close()))
  }, 20_000)
})
