import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { plainTerms } from '../../src/budget/session.ts'
import { openPostgresStore } from '../../src/store/postgres/postgres.ts'
import { OWNER } from '../budget/building.ts'
import {
  HISTORY_START_MS,
  type LedgerDriver,
  runHistory,
  SESSION_LIMITS,
} from '../budget/ledger-history.ts'
import { histories } from '../budget/ledger-steps.ts'
import { dropSchemas, hasPostgres, newSchema, POSTGRES_URL } from './postgres-place.ts'

const HISTORIES = process.env['CI'] ? 100 : 20
const isThere = await hasPostgres()
afterAll(dropSchemas)

test.skipIf(!isThere)(
  'whatever happens to it, PostgreSQL agrees with a plain sum of everything',
  async () => {
    const schema = newSchema()
    let clockMs = HISTORY_START_MS
    const open = () =>
      openPostgresStore({
        url: POSTGRES_URL,
        instanceId: randomUUID(),
        schema,
        nowMs: () => clockMs,
      })

    /** A crash is a store that goes without settling. */
    const createDriver = async (): Promise<LedgerDriver & { close(): Promise<void> }> => {
      let store = await open()
      const sessionIds: string[] = []
      for (const limits of SESSION_LIMITS) {
        const terms = { ...plainTerms(limits), makeActive: false }
        const request = { ...OWNER, apiKeyId: null, terms }
        sessionIds.push((await store.createSession(request, HISTORY_START_MS)).sessionId)
      }
      return {
        sessionIds,
        keyId: randomUUID(),
        reserve: (request, nowMs) => store.reserve(request, nowMs),
        topUp: (request, nowMs) => store.topUp(request, nowMs),
        markSent: (holdId, nowMs) => store.markSent(holdId, nowMs),
        checkpoint: (request, nowMs) => store.checkpoint(request, nowMs),
        settle: (request, nowMs) => store.settle(request, nowMs),
        void: (holdId, nowMs) => store.void(holdId, nowMs),
        async crash(nowMs) {
          clockMs = nowMs
          await store.close()
          store = await open()
        },
        async account(sessionId) {
          const session = await store.getSession({ ...OWNER, sessionId }, HISTORY_START_MS)
          if (session === null) throw new Error('the session is gone')
          return session.account
        },
        close: () => store.close(),
      }
    }

    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const driver = await createDriver()
        try {
          await runHistory(driver, history)
        } finally {
          await driver.close()
        }
      }),
      { numRuns: HISTORIES, endOnFailure: true },
    )
    expect.hasAssertions()
  },
  120_000,
)
