import { expect, test } from 'vitest'
import { createLeases } from '../../../src/gateway/state/leases.ts'
import type { ResponseStore } from '../../../src/gateway/state/port.ts'
import { FakeClock } from '../fakes.ts'

function start() {
  const clock = new FakeClock()
  const told: (readonly string[])[] = []
  const asked: string[] = []
  const store: Pick<ResponseStore, 'extend'> = {
    async extend({ responseIds }) {
      told.push(responseIds)
      return asked.splice(0)
    },
  }
  return { clock, told, asked, leases: createLeases(store, clock) }
}

test('the store is told once a second of all that runs, and whom it names is stopped', async () => {
  const { clock, told, asked, leases } = start()
  const stopped: string[] = []
  leases.hold('a', () => stopped.push('a'))
  leases.hold('b', () => stopped.push('b'))
  await clock.advance(2_000)
  expect(told).toEqual([
    ['a', 'b'],
    ['a', 'b'],
  ])
  asked.push('b')
  await clock.advance(1_000)
  expect(stopped).toEqual(['b'])
})

test('when the last has ended nothing waits: a bridge that stops is not held up', async () => {
  const { clock, told, leases } = start()
  leases.hold('a', () => {})
  leases.hold('b', () => {})
  await clock.advance(500)
  leases.drop('a')
  expect(clock.pendingCount).toBe(1)
  leases.drop('b')
  expect(clock.pendingCount).toBe(0)
  leases.hold('c', () => {})
  await clock.advance(1_000)
  expect(told).toEqual([['c']])
})
