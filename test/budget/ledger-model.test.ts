import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Account, keyAccountId } from '../../src/budget/account.ts'
import { type LedgerDriver, runHistory, SESSION_LIMITS } from './ledger-history.ts'
import { histories } from './ledger-steps.ts'
import { createPureLedger } from './pure-ledger.ts'

/** 10,000 histories where it counts, enough to notice a slip while working. */
const HISTORIES = Number(process.env['LEDGER_HISTORIES'] ?? (process.env['CI'] ? 10_000 : 500))
const PER_TEST = 500

function createPureDriver(): LedgerDriver & { keyAccount(): Account | undefined } {
  const ledger = createPureLedger()
  let bridge = 1
  const sessionIds = SESSION_LIMITS.map((limits, index) => {
    ledger.open(`sess_${index}`, limits)
    return `sess_${index}`
  })
  const recordId = '00000000-0000-4000-8000-000000000001'
  return {
    sessionIds,
    keyId: 'key-1',
    reserve: (request, nowMs) =>
      ledger.apply({ ...request, kind: 'reserve', instanceId: `bridge-${bridge}` }, nowMs),
    topUp: (request, nowMs) => ledger.apply({ ...request, kind: 'top_up' }, nowMs),
    markSent: (holdId, nowMs) => ledger.apply({ kind: 'mark_sent', holdId }, nowMs),
    checkpoint: (request, nowMs) => ledger.apply({ ...request, kind: 'checkpoint' }, nowMs),
    settle: (request, nowMs) => ledger.apply({ ...request, kind: 'settle', recordId }, nowMs),
    void: (holdId, nowMs) => ledger.apply({ kind: 'void', holdId }, nowMs),
    crash(nowMs) {
      for (const { holdId } of [...ledger.holds.values()])
        ledger.apply({ kind: 'resolve_orphan', holdId, isDead: true, recordId }, nowMs)
      bridge += 1
    },
    account: (sessionId) => ledger.account(sessionId),
    keyAccount: () => ledger.accounts.get(keyAccountId('key-1')),
  }
}

describe('whatever happens to it, the ledger agrees with a plain sum of everything', () => {
  const chunks = Array.from({ length: Math.ceil(HISTORIES / PER_TEST) }, (_, index) => index)
  test.each(chunks)('histories, part %i', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const driver = createPureDriver()
        await runHistory(driver, history)
        for (const limit of driver.keyAccount()?.limits ?? [])
          expect(limit.buckets.length).toBeLessThanOrEqual(2 * 64 + 2)
      }),
      { numRuns: Math.min(PER_TEST, HISTORIES) },
    )
  })
})
