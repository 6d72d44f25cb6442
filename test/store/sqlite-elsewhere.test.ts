/** Bridges on one file that cannot see each other's processes: containers that share a volume. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { plainTerms, type Session } from '../../src/budget/session.ts'
import { randomIds } from '../../src/store/random-ids.ts'
import type { StoreRequest } from '../../src/store/request.ts'
import { type Engine, openLedgerEngine } from '../../src/store/sqlite/engine.ts'
import { hard, OWNER, reserveOf, settleOf, usd } from '../budget/building.ts'

const LEASE_MS = 20_000
const T0 = Date.UTC(2026, 0, 1)

let folder: string
let monotonicMs: number
let session: Session
let here: Engine<StoreRequest>
let elsewhere: Engine<StoreRequest>

/** Every one of them has pid 1, and so has this machine's first process, which lives. */
function open(machine: string, instanceId: string): Promise<Engine<StoreRequest>> {
  return openLedgerEngine({
    path: join(folder, 'bridge.db'),
    instanceId,
    ids: randomIds,
    busyTimeoutMs: 1_000,
    self: { machine, pid: 1, startedAt: '' },
    monotonicMs: () => monotonicMs,
  })
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bridge-elsewhere-'))
  monotonicMs = 1_000
  here = await open('here', 'bridge-here')
  elsewhere = await open('elsewhere', 'bridge-elsewhere')
  const request = { ...OWNER, apiKeyId: null, terms: plainTerms([hard(1_000n)]) }
  session = (await ask(here, { kind: 'create_session', request, nowMs: T0 })) as Session
})
afterEach(async () => {
  here.close()
  elsewhere.close()
  await rm(folder, { recursive: true })
})

async function ask(engine: Engine<StoreRequest>, request: StoreRequest): Promise<unknown> {
  const [answer] = await engine.run([request])
  if (answer?.ok !== true) throw answer?.error
  return answer.value
}

const hold = (holdId: string) => {
  const operation = reserveOf(holdId, session.sessionId, usd(100n), {
    instanceId: 'bridge-elsewhere',
  })
  return ask(elsewhere, { kind: 'ledger', operation, nowMs: T0 })
}
const settle = (holdId: string, nanoUsd: bigint) => {
  const operation = settleOf(holdId, usd(nanoUsd), { recordId: randomIds.uuid() })
  return ask(elsewhere, { kind: 'ledger', operation, nowMs: T0 })
}
async function money() {
  const request = { ...OWNER, sessionId: session.sessionId }
  const found = (await ask(here, { kind: 'get_session', request, nowMs: T0 })) as Session
  const { spent, reserved } = found.account
  return { spent: spent.cost_usd, reserved: reserved.cost_usd }
}

test('one that goes on is left alone, however long its call takes', async () => {
  await hold('long')
  for (let seconds = 0; seconds < 100; seconds += 1) {
    await here.attend(T0)
    await elsewhere.attend(T0)
    monotonicMs += 1_000
  }
  expect(await money()).toEqual({ spent: 0n, reserved: 100n })
})

test('one that falls silent is charged all it held, when its lease has run out', async () => {
  await hold('lost')
  await elsewhere.attend(T0)
  await here.attend(T0)
  monotonicMs += LEASE_MS
  await here.attend(T0)
  expect(await money()).toEqual({ spent: 0n, reserved: 100n })
  monotonicMs += 1
  await here.attend(T0)
  expect(await money()).toEqual({ spent: 100n, reserved: 0n })
})

test('one that comes back is known again, and its old call is charged what is missing', async () => {
  await hold('old')
  await here.attend(T0)
  monotonicMs += LEASE_MS + 1
  await here.attend(T0)
  await hold('new')
  await here.attend(T0)
  expect(await money()).toEqual({ spent: 100n, reserved: 100n })
  for (let times = 0; times < 2; times += 1) await settle('old', 130n)
  await settle('new', 60n)
  expect(await money()).toEqual({ spent: 190n, reserved: 0n })
})

test('one without calls for a while is not taken for gone with its next', async () => {
  await hold('first')
  await elsewhere.attend(T0)
  await here.attend(T0)
  await settle('first', 60n)
  await here.attend(T0)
  monotonicMs += 100 * LEASE_MS
  await hold('second')
  // Before it has had the time to say that it lives.
  await here.attend(T0)
  expect(await money()).toEqual({ spent: 60n, reserved: 100n })
})
