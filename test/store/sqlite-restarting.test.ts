import { expect, test } from 'vitest'
import { StoreUnavailable } from '../../src/gateway/ledger-port.ts'
import { startRestarting } from '../../src/store/sqlite/restarting.ts'
import type { Thread } from '../../src/store/sqlite/thread.ts'

/** A thread that answers with its own number until it dies. */
function fakeThread(number: number) {
  let gone: StoreUnavailable | undefined
  const send = async () => {
    if (gone !== undefined) throw gone
    return number
  }
  const thread: Thread = {
    send,
    get gone() {
      return gone
    },
    close: async () => {
      gone = new StoreUnavailable('closed', 'closed')
    },
  }
  const die = (): void => {
    gone = new StoreUnavailable('unavailable', `thread ${number} has failed`)
  }
  return { thread, die }
}

async function threads() {
  const started: ReturnType<typeof fakeThread>[] = []
  let nowMs = 0
  let canStart = true
  const restarting = await startRestarting({
    start: async () => {
      if (!canStart) throw new StoreUnavailable('unavailable', 'cannot start')
      const fake = fakeThread(started.length + 1)
      started.push(fake)
      return fake.thread
    },
    monotonicMs: () => nowMs,
  })
  return {
    started,
    ask: () => restarting.send({ kind: 'count_open_holds' }),
    close: restarting.close,
    wait: (ms: number) => {
      nowMs += ms
    },
    allow: (allowed: boolean) => {
      canStart = allowed
    },
  }
}

test('a thread that has died is started again for the next request', async () => {
  const { started, ask } = await threads()
  expect(await ask()).toBe(1)
  started[0]?.die()
  expect(await Promise.all([ask(), ask()])).toEqual([2, 2])
})

test('what cannot be started is tried once a second, and says meanwhile what is wrong', async () => {
  const { started, ask, wait, allow } = await threads()
  started[0]?.die()
  allow(false)
  await expect(ask()).rejects.toThrow('thread 1 has failed')
  allow(true)
  await expect(ask()).rejects.toThrow('thread 1 has failed')
  wait(1_000)
  expect(await ask()).toBe(2)
})

test('one that was closed stays closed', async () => {
  const { started, ask, close } = await threads()
  await close()
  await expect(ask()).rejects.toThrow('closed')
  expect(started).toHaveLength(1)
})
