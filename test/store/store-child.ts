/**
 * A bridge's store in a process of its own, to be killed or raced. Told what to do by lines on stdin;
 * says on stdout, before anything else happens, what the store has acknowledged.
 *
 * `load SESSION CALLS`: reserves 100 and settles 60 for ever, CALLS at once: `R` and `S` lines.
 * `race SESSION CALLS`: that many reservations of 10 at once: `admitted N`.
 * `hold SESSION HOLD`: reserves 100: `held HOLD`.
 * `settle HOLD AMOUNT`: `settled HOLD AMOUNT`.
 */
import { randomUUID } from 'node:crypto'
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { UNKNOWN_USAGE } from '../../src/budget/hold.ts'
import { amounts } from '../../src/budget/metric.ts'
import { systemCodeOf } from '../../src/errors.ts'
import type { LedgerStore } from '../../src/gateway/ledger-port.ts'
import { openPostgresStore } from '../../src/store/postgres/postgres.ts'
import { newHoldId } from '../../src/store/random-ids.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite.ts'

/** Written when it returns, also where the test is slow to read and the pipe is full. */
const say = (line: string): void => {
  let rest = Buffer.from(`${line}\n`)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest))
    } catch (error) {
      if (systemCodeOf(error) !== 'EAGAIN') throw error
    }
  }
}

const call = {
  orgId: '00000000-0000-4000-8000-00000000000a',
  userId: '00000000-0000-4000-8000-00000000000b',
  requestId: randomUUID(),
  apiKeyId: null,
  model: 'synth-small',
  clientRequestId: null,
  details: {},
}

function reserve(store: LedgerStore, sessionId: string, nanoUsd: bigint, holdId: string) {
  const wanted = amounts({ cost_usd: nanoUsd, api_calls: 1n })
  const request = { holdId, sessionId, ceiling: null, wanted, atLeast: wanted, sent: true, call }
  return store.reserve(request, Date.now())
}

async function load(store: LedgerStore, sessionId: string): Promise<never> {
  for (;;) {
    const holdId = newHoldId()
    const result = await reserve(store, sessionId, 100n, holdId)
    if (!result.ok) throw new Error(`refused: ${result.reason}`)
    say('R')
    const counted = { counted: amounts({ cost_usd: 60n }), allowance: amounts({ cost_usd: 20n }) }
    await store.checkpoint({ holdId, ...counted }, Date.now())
    await settle(store, holdId, 60n)
    say('S')
  }
}

async function race(store: LedgerStore, sessionId: string, calls: number): Promise<void> {
  const results = await Promise.all(
    Array.from({ length: calls }, () => reserve(store, sessionId, 10n, newHoldId())),
  )
  say(`admitted ${results.filter(({ ok }) => ok).length}`)
}

function settle(store: LedgerStore, holdId: string, nanoUsd: bigint) {
  const actual = amounts({ cost_usd: nanoUsd, api_calls: 1n })
  return store.settle({ holdId, actual, outcome: 'exact', usage: UNKNOWN_USAGE }, Date.now())
}

const [kind, place = '', schema = ''] = process.argv.slice(2)
const instanceId = randomUUID()
const store =
  kind === 'postgres'
    ? await openPostgresStore({ url: place, schema, instanceId })
    : await openSqliteStore({ path: place, instanceId })
say('ready')
for await (const line of createInterface({ input: process.stdin })) {
  const [command, subject = '', detail = ''] = line.split(' ')
  if (command === 'load')
    for (let index = 0; index < Number(detail); index += 1) void load(store, subject)
  if (command === 'race') await race(store, subject, Number(detail))
  if (command === 'hold') {
    const result = await reserve(store, subject, 100n, detail)
    if (result.ok) say(`held ${detail}`)
  }
  if (command === 'settle') {
    const result = await settle(store, subject, BigInt(detail))
    if (result.ok) say(`settled ${subject} ${detail}`)
  }
}
await store.close()
