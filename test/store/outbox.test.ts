import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { plainTerms } from '../../src/budget/session.ts'
import { StoreUnavailable } from '../../src/gateway/ledger-port.ts'
import { createMemorySend } from '../../src/store/memory.ts'
import { createStore } from '../../src/store/port.ts'
import { randomIds } from '../../src/store/random-ids.ts'
import type { Send } from '../../src/store/request.ts'
import { hard, OWNER, usd } from '../budget/building.ts'
import { reserveRequest, settleRequest } from './contract.ts'

/** A line that is cut loses the request, or only the answer of one that was carried out. */
type Cut = 'request' | 'answer' | undefined

async function storeBehindALine() {
  const memory = createMemorySend(randomIds)
  let cut: Cut
  const done: string[] = []
  const fail = (): never => {
    throw new StoreUnavailable('unavailable', 'The line is cut.')
  }
  const send: Send = async (request) => {
    if (cut === 'request') fail()
    if (request.kind === 'ledger') done.push(request.operation.kind)
    const answer = await memory.send(request)
    return cut === 'answer' ? fail() : answer
  }
  const store = createStore({
    name: 'far away',
    instanceId: 'bridge-1',
    send,
    uuid: randomIds.uuid,
    close: memory.close,
  })
  const opened = await store.createSession(
    { ...OWNER, apiKeyId: null, terms: plainTerms([hard(100n)]) },
    0,
  )
  const { sessionId } = opened
  return {
    store,
    sessionId,
    done,
    cut: (how: Cut) => {
      cut = how
    },
    account: async () => (await store.getSession({ ...OWNER, sessionId }, 0))?.account,
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

test.each(['request', 'answer'] as const)(
  'a settlement whose %s was lost is written when the line is back, once',
  async (lost) => {
    const { store, sessionId, cut, account } = await storeBehindALine()
    const request = reserveRequest(sessionId, usd(80n))
    await store.reserve(request, 0)
    cut(lost)
    const settle = store.settle(settleRequest(request.holdId, usd(70n)), 0)
    await expect(settle).rejects.toThrow(StoreUnavailable)
    expect(await store.health()).toMatchObject({
      status: 'unavailable',
      message: 'Results of calls wait to be written: 1. The line is cut.',
    })
    await vi.advanceTimersByTimeAsync(60_000)
    cut(undefined)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await account()).toMatchObject({
      spent: { cost_usd: 70n },
      reserved: { cost_usd: 0n },
    })
    expect(await store.health()).toMatchObject({ status: 'ok' })
    await store.close()
  },
)

test.each(['request', 'answer'] as const)(
  'a reservation whose %s was lost holds nothing in the end',
  async (lost) => {
    const { store, sessionId, cut, account } = await storeBehindALine()
    cut(lost)
    const reserve = store.reserve(reserveRequest(sessionId, usd(80n)), 0)
    await expect(reserve).rejects.toThrow(StoreUnavailable)
    cut(undefined)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await account()).toMatchObject({ reserved: { cost_usd: 0n } })
    await store.close()
  },
)

test('what waits is offered once more at the close', async () => {
  const { store, sessionId, done, cut } = await storeBehindALine()
  const request = reserveRequest(sessionId, usd(80n))
  await store.reserve(request, 0)
  cut('request')
  const settle = store.settle(settleRequest(request.holdId, usd(70n)), 0)
  await expect(settle).rejects.toThrow(StoreUnavailable)
  cut(undefined)
  expect(done).toEqual(['reserve'])
  await store.close()
  expect(done).toEqual(['reserve', 'settle'])
})
