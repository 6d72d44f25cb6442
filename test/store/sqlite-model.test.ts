import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { plainTerms } from '../../src/budget/session.ts'
import { createStore } from '../../src/store/port.ts'
import { randomIds } from '../../src/store/random-ids.ts'
import type { Send, StoreRequest } from '../../src/store/request.ts'
import { type Engine, openLedgerEngine } from '../../src/store/sqlite/engine.ts'
import { OWNER } from '../budget/building.ts'
import {
  HISTORY_START_MS,
  type LedgerDriver,
  runHistory,
  SESSION_LIMITS,
} from '../budget/ledger-history.ts'
import { histories } from '../budget/ledger-steps.ts'

const HISTORIES = process.env['CI'] ? 200 : 40

test('whatever happens to it, the database agrees with a plain sum of everything', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bridge-model-'))
  const path = join(folder, 'bridge.db')
  const openOne = (instanceId: string): Promise<Engine<StoreRequest>> =>
    openLedgerEngine({ path, instanceId, ids: randomIds, busyTimeoutMs: 1_000 })

  /** A store on an engine in this thread: a crash is an engine that goes without settling. */
  const createDriver = async (): Promise<LedgerDriver & { close(): void }> => {
    let instanceId = randomUUID()
    let engine = await openOne(instanceId)
    const send = (async (request: StoreRequest) => {
      const [answer] = await engine.run([request])
      if (answer?.ok !== true) throw answer?.error
      return answer.value
    }) as Send
    const portOf = () =>
      createStore({
        name: 'sqlite',
        instanceId,
        send,
        uuid: randomIds.uuid,
        close: async () => undefined,
      })
    let port = portOf()
    const sessionIds: string[] = []
    for (const limits of SESSION_LIMITS) {
      const terms = { ...plainTerms(limits), makeActive: false }
      const request = { ...OWNER, apiKeyId: null, terms }
      sessionIds.push((await port.createSession(request, HISTORY_START_MS)).sessionId)
    }
    return {
      sessionIds,
      keyId: randomUUID(),
      reserve: (request, nowMs) => port.reserve(request, nowMs),
      topUp: (request, nowMs) => port.topUp(request, nowMs),
      markSent: (holdId, nowMs) => port.markSent(holdId, nowMs),
      checkpoint: (request, nowMs) => port.checkpoint(request, nowMs),
      settle: (request, nowMs) => port.settle(request, nowMs),
      void: (holdId, nowMs) => port.void(holdId, nowMs),
      async crash(nowMs) {
        engine.close()
        instanceId = randomUUID()
        engine = await openOne(instanceId)
        port = portOf()
        await port.recover(nowMs)
      },
      async account(sessionId) {
        const session = await port.getSession({ ...OWNER, sessionId }, HISTORY_START_MS)
        if (session === null) throw new Error('the session is gone')
        return session.account
      },
      close: () => engine.close(),
    }
  }

  await fc.assert(
    fc.asyncProperty(histories, async (history) => {
      const driver = await createDriver()
      try {
        await runHistory(driver, history)
      } finally {
        driver.close()
      }
    }),
    { numRuns: HISTORIES },
  )
  await rm(folder, { recursive: true })
  expect.hasAssertions()
}, 120_000)
