/**
 * What a store costs: reserve + settle pairs per second at 1 and 64 calls at once, their median, and
 * how long the bridge's own thread stood still at worst. `node bench/ledger.ts [memory|sqlite|postgres://…]`
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UNKNOWN_USAGE } from '../src/budget/hold.ts'
import { amounts } from '../src/budget/metric.ts'
import { plainTerms } from '../src/budget/session.ts'
import type { StoreSettings } from '../src/config/storage.ts'
import type { LedgerStore } from '../src/gateway/ledger-port.ts'
import { openStore } from '../src/store/open-store.ts'
import { newHoldId } from '../src/store/random-ids.ts'

const ROUNDS = 5
const ROUND_MS = 1_500

interface Figures {
  readonly pairsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly worstStallMs: number
  readonly cpuMicrosPerPair: number
}

const OWNER = { orgId: randomUUID(), userId: randomUUID() }
const HELD = amounts({ tokens: 40_000n, cost_usd: 50_000_000n, api_calls: 1n })
const USED = amounts({ tokens: 30_000n, cost_usd: 12_345_678n, api_calls: 1n })

async function pair(store: LedgerStore, sessionId: string): Promise<void> {
  const holdId = newHoldId()
  const call = {
    ...OWNER,
    requestId: `req_${holdId}`,
    apiKeyId: null,
    model: 'synth-small',
    clientRequestId: null,
    details: {},
  }
  const request = {
    holdId,
    sessionId,
    ceiling: null,
    wanted: HELD,
    atLeast: HELD,
    sent: true,
    call,
  }
  const reserved = await store.reserve(request, Date.now())
  if (!reserved.ok) throw new Error(`refused: ${reserved.reason}`)
  const usage = { ...UNKNOWN_USAGE, responseId: `resp_${holdId}`, inputTokens: 29_000 }
  await store.settle({ holdId, actual: USED, outcome: 'exact', usage }, Date.now())
}

/** The longest time that timers of 1 ms came late. */
function watchStalls(): () => number {
  let worstMs = 0
  let lastMs = performance.now()
  const timer = setInterval(() => {
    const nowMs = performance.now()
    worstMs = Math.max(worstMs, nowMs - lastMs - 1)
    lastMs = nowMs
  }, 1)
  return () => {
    clearInterval(timer)
    return worstMs
  }
}

async function round(
  store: LedgerStore,
  sessionIds: readonly string[],
  calls: number,
): Promise<Figures> {
  const tookMs: number[] = []
  const stallOf = watchStalls()
  const cpu = process.threadCpuUsage()
  const startedMs = performance.now()
  const worker = async (index: number): Promise<void> => {
    const sessionId = sessionIds[index % sessionIds.length] ?? ''
    while (performance.now() - startedMs < ROUND_MS) {
      const beganMs = performance.now()
      await pair(store, sessionId)
      tookMs.push(performance.now() - beganMs)
    }
  }
  await Promise.all(Array.from({ length: calls }, (_, index) => worker(index)))
  const elapsedMs = performance.now() - startedMs
  const { user, system } = process.threadCpuUsage(cpu)
  const sorted = tookMs.toSorted((left, right) => left - right)
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
  return {
    pairsPerSecond: (tookMs.length / elapsedMs) * 1_000,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    worstStallMs: stallOf(),
    cpuMicrosPerPair: (user + system) / tookMs.length,
  }
}

const median = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN

async function measure(store: LedgerStore, calls: number, sessions: number): Promise<string> {
  const terms = { ...plainTerms([]), makeActive: false, limits: [HARD_LIMIT] }
  const sessionIds: string[] = []
  for (let index = 0; index < sessions; index += 1) {
    const request = { ...OWNER, apiKeyId: null, terms }
    sessionIds.push((await store.createSession(request, Date.now())).sessionId)
  }
  await round(store, sessionIds, calls)
  const rounds: Figures[] = []
  for (let index = 0; index < ROUNDS; index += 1) rounds.push(await round(store, sessionIds, calls))
  const cell = (pick: (figures: Figures) => number, digits: number): string =>
    median(rounds.map(pick)).toFixed(digits).padStart(10)
  return [
    String(calls).padStart(6),
    String(sessions).padStart(9),
    cell((figures) => figures.pairsPerSecond, 0),
    cell((figures) => figures.p50Ms, 3),
    cell((figures) => figures.p99Ms, 2),
    cell((figures) => figures.worstStallMs, 1),
    cell((figures) => figures.cpuMicrosPerPair, 0),
  ].join(' ')
}

const HARD_LIMIT = {
  metric: 'cost_usd',
  value: 10n ** 18n,
  warningThreshold: null,
  expiresAtMs: null,
  kind: { type: 'hard' },
} as const

async function main(named: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bridge-bench-'))
  const settings: StoreSettings =
    named === 'memory'
      ? { kind: 'memory' }
      : named.startsWith('postgres')
        ? { kind: 'postgres', url: named }
        : { kind: 'sqlite', path: join(folder, 'bridge.db') }
  const store = await openStore({ stateDir: folder, store: settings })
  console.log(`${settings.kind}, medians of ${ROUNDS} rounds of ${ROUND_MS} ms`)
  console.log(' calls  sessions    pairs/s     p50 ms     p99 ms   stall ms µs cpu/pair')
  for (const [calls, sessions] of [
    [1, 1],
    [64, 1],
    [64, 64],
  ] as const)
    console.log(await measure(store, calls, sessions))
  await store.close()
  rmSync(folder, { recursive: true })
}

await main(process.argv[2] ?? 'sqlite')
