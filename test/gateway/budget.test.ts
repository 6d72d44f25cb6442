/** The gate with a store that fails: no call is free, and none is lost. */
import { describe, expect, test } from 'vitest'
import { nanoUsdPerMillion } from '../../src/budget/money.ts'
import { createPrice } from '../../src/budget/price.ts'
import { createBudget } from '../../src/gateway/budget.ts'
import { createCalibrations } from '../../src/gateway/calibrations.ts'
import { type LedgerStore, StoreUnavailable } from '../../src/gateway/ledger-port.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { randomIds } from '../../src/store/random-ids.ts'
import { FakeClock, planOf } from './fakes.ts'

const away = () =>
  Promise.reject(new StoreUnavailable('unavailable', 'synth.db cannot be written (disk full).'))

const price = createPrice({
  input: nanoUsdPerMillion(1_000_000_000n),
  output: nanoUsdPerMillion(10_000_000_000n),
})

function start(broken: Partial<LedgerStore> = {}) {
  const clock = new FakeClock()
  const store = { ...createMemoryStore({ instanceId: 'a', ids: randomIds }), ...broken }
  const faults: string[] = []
  let holds = 0
  const spending = createBudget({
    store,
    clock,
    calibrations: createCalibrations(),
    newHoldId: () => `hold-${holds++}`,
    priceOf: () => ({ known: true, price, source: 'config' }),
    sessionLimits: [],
    mayOptOut: true,
    admissionWaitMs: 0,
    onWarning: () => {},
    onStoreFault: (error) => faults.push(error.message),
  })
  const admit = () => spending.admit(planOf().intent, () => {}, new AbortController().signal)
  return { admit, clock, store, faults }
}

describe('a store that does not answer', () => {
  test.each(['attach', 'reserve'] as const)('at %s refuses the call with a 503', async (method) => {
    const { admit } = start({ [method]: away })
    await expect(admit()).rejects.toMatchObject({
      code: 'store_unavailable',
      status: 503,
      message: expect.stringContaining('disk full'),
    })
  })

  test('at the settlement does not take the answer away; the fault is told', async () => {
    const { admit, faults } = start({ settle: away })
    const hold = await admit()
    hold.sent()
    await expect(
      hold.settle({ phase: 'accepted', outcome: undefined, outputChars: 3, upstreamMs: 1 }),
    ).resolves.toBeDefined()
    expect(faults).toEqual([expect.stringContaining('disk full')])
  })

  test('while the answer runs cuts it: what cannot be counted would be free', async () => {
    const { clock, faults } = start()
    const { store } = start({ topUp: away })
    let cut: Readonly<Record<string, string>> | undefined
    const spending = createBudget({
      store,
      clock,
      calibrations: createCalibrations(),
      newHoldId: () => 'one',
      priceOf: () => ({ known: true, price, source: 'config' }),
      sessionLimits: [],
      mayOptOut: true,
      admissionWaitMs: 0,
      onWarning: () => {},
      onStoreFault: (error) => faults.push(error.message),
    })
    const hold = await spending.admit(
      planOf().intent,
      (metadata) => {
        cut = metadata
      },
      new AbortController().signal,
    )
    hold.sent()
    hold.meter(100_000)
    await clock.advance(1)
    expect(faults).toHaveLength(1)
    expect(cut).toMatchObject({ budget: 'store_unavailable' })
  })
})

test('a call leaves no timer behind once it is settled', async () => {
  const { admit, clock } = start()
  const hold = await admit()
  hold.sent()
  await clock.advance(3_500)
  await hold.settle({ phase: 'accepted', outcome: undefined, outputChars: 3, upstreamMs: 1 })
  expect(clock.pendingCount).toBe(0)
})
