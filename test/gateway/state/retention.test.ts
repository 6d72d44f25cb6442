import { expect, test } from 'vitest'
import type { ResponseStore } from '../../../src/gateway/state/port.ts'
import { startRetention } from '../../../src/gateway/state/retention.ts'
import { FakeClock, settled } from '../fakes.ts'

const DAY_MS = 86_400_000

function start(answers: (() => Promise<{ threads: number; more: boolean }>)[]) {
  const clock = new FakeClock()
  const asked: unknown[] = []
  const faults: unknown[] = []
  const store: Pick<ResponseStore, 'prune'> = {
    prune(request) {
      asked.push(request)
      return answers.shift()?.() ?? Promise.resolve({ threads: 0, more: false })
    },
  }
  const stop = startRetention({
    store,
    clock,
    maxAgeDays: 2,
    maxBytes: 500,
    onFault: (cause) => faults.push(cause),
  })
  return { clock, asked, faults, stop }
}

test('takes out what is too old or too much, at the start until nothing is left, then every 5 minutes', async () => {
  const more = async () => ({ threads: 100, more: true })
  const { clock, asked, stop } = start([more, more])
  const beforeMs = clock.nowMs() - 2 * DAY_MS
  await settled()
  expect(asked).toEqual(Array(3).fill({ beforeMs, maxBytes: 500 }))
  await clock.advance(300_000)
  expect(asked[3]).toEqual({ beforeMs: beforeMs + 300_000, maxBytes: 500 })
  stop()
  await clock.advance(DAY_MS)
  expect(asked).toHaveLength(4)
  expect(clock.pendingCount).toBe(0)
})

test('goes on after a store that was away', async () => {
  const away = new Error('away')
  const { clock, asked, faults, stop } = start([() => Promise.reject(away)])
  await settled()
  expect(faults).toEqual([away])
  await clock.advance(300_000)
  expect(asked).toHaveLength(2)
  stop()
})
