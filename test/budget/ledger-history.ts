/** Runs a random history on a ledger and on the oracle side by side, comparing after every step. */
import { expect } from 'vitest'
import { type Account, keyAccountId } from '../../src/budget/account.ts'
import { UNKNOWN_USAGE } from '../../src/budget/hold.ts'
import type { LimitTerms } from '../../src/budget/limit.ts'
import { type Amounts, amounts } from '../../src/budget/metric.ts'
import type {
  Ceiling,
  HoldResult,
  ReserveResult,
  SettleResult,
  TopUpResult,
} from '../../src/budget/operation.ts'
import type {
  CheckpointRequest,
  ReserveRequest,
  SettleRequest,
  TopUpRequest,
} from '../../src/gateway/ledger-port.ts'
import { CALL, hard, rolling, soft } from './building.ts'
import { LedgerOracle, type OracleLimit } from './ledger-oracle.ts'
import type { Step } from './ledger-steps.ts'

export const HISTORY_START_MS = 1_700_000_000_000

/** Three sessions: one hard limit; a window, a soft and a hard one; none. */
export const SESSION_LIMITS: readonly (readonly LimitTerms[])[] = [
  [hard(100n)],
  [rolling(100n, 64_000), soft(50n, 0.5), hard(400n)],
  [],
]
const KEY_WINDOW_MS = 600_000

type Answer<Result> = Result | Promise<Result>

/** The ledger under test: the pure rules, or a store. */
export interface LedgerDriver {
  /** One per entry of `SESSION_LIMITS`. */
  readonly sessionIds: readonly string[]
  /** Unlike that of any other history on the same store. */
  readonly keyId: string
  reserve(request: ReserveRequest, nowMs: number): Answer<ReserveResult>
  topUp(request: TopUpRequest, nowMs: number): Answer<TopUpResult>
  markSent(holdId: string, nowMs: number): Answer<HoldResult>
  checkpoint(request: CheckpointRequest, nowMs: number): Answer<HoldResult>
  settle(request: SettleRequest, nowMs: number): Answer<SettleResult>
  void(holdId: string, nowMs: number): Answer<HoldResult>
  /** The bridge dies with all its calls; another takes over and recovers. */
  crash(nowMs: number): Answer<void>
  account(sessionId: string): Answer<Account>
}

const size = (amount: bigint): Amounts => amounts({ cost_usd: amount, api_calls: 1n })
const more = (amount: bigint): Amounts => amounts({ cost_usd: amount })

export async function runHistory(driver: LedgerDriver, history: readonly Step[]): Promise<void> {
  const keyAccount = keyAccountId(driver.keyId)
  const ceiling: Ceiling = { accountId: keyAccount, terms: rolling(150n, KEY_WINDOW_MS) }
  const limits = new Map<string, readonly OracleLimit[]>([
    [keyAccount, [{ value: 150n, windowMs: KEY_WINDOW_MS }]],
  ])
  SESSION_LIMITS.forEach((terms, index) => {
    const enforced = terms.filter(({ kind }) => kind.type !== 'soft')
    limits.set(
      driver.sessionIds[index] ?? '',
      enforced.map(({ value, kind }) =>
        kind.type === 'rolling_window' ? { value, windowMs: kind.windowMs } : { value },
      ),
    )
  })
  const oracle = new LedgerOracle(limits, HISTORY_START_MS)
  const slots = new Map<number, string>()
  let calls = 0

  for (const step of history) {
    const { nowMs } = oracle
    const holdId = 'slot' in step ? (slots.get(step.slot) ?? `${driver.keyId}-none`) : ''
    const hold = oracle.holds.get(holdId)
    const isOpen = hold?.state === 'held' || hold?.state === 'sent'
    const expectNotOpen = (result: unknown): void =>
      expect(result).toEqual({
        ok: false,
        reason: hold === undefined ? 'unknown_hold' : 'resolved',
      })

    switch (step.kind) {
      case 'reserve': {
        calls += 1
        const fresh = `${driver.keyId}-${calls}`
        const sessionId = driver.sessionIds[step.account] ?? null
        const accounts = [sessionId, step.hasKey ? keyAccount : null].filter((id) => id !== null)
        const verdict = oracle.judge(accounts, step.wanted, step.atLeast)
        const request: ReserveRequest = {
          holdId: fresh,
          sessionId,
          ceiling: step.hasKey ? ceiling : null,
          wanted: size(step.wanted),
          atLeast: size(step.atLeast),
          sent: step.sent,
          call: CALL,
        }
        const result = await driver.reserve(request, nowMs)
        if (result.ok) {
          expect(verdict.mustRefuse).toBe(false)
          const granted = result.granted.cost_usd
          expect(granted >= verdict.leastGrant && granted <= verdict.mostGrant).toBe(true)
          oracle.hold(fresh, accounts, granted, step.sent)
          slots.set(step.slot, fresh)
        } else {
          expect(result.reason).toBe('limit')
          expect(verdict.mustGrant).toBe(false)
          if (result.reason !== 'limit') break
          const { cause, scope, limitType, accountId } = result.refusal
          if (verdict.mustBeUsedUp) expect(cause).toBe('used_up')
          if (verdict.mustBeHeld) expect(cause).toBe('held_by_others')
          const isUsedUp = cause === 'used_up' && scope === 'session'
          if (isUsedUp) expect(result.session?.status).toBe('limit_exceeded')
          if (isUsedUp && limitType === 'hard') oracle.stopped.add(accountId)
        }
        break
      }
      case 'top_up': {
        const { wanted, atLeast } = step
        const request = { holdId, wanted: more(wanted), atLeast: more(atLeast) }
        const result = await driver.topUp(request, nowMs)
        if (!isOpen) {
          expectNotOpen(result)
          break
        }
        const verdict = oracle.judge(hold.accounts, wanted, atLeast, hold.held, true)
        if (result.ok) {
          expect(verdict.mustRefuse).toBe(false)
          const granted = result.granted.cost_usd
          expect(granted >= verdict.leastGrant && granted <= verdict.mostGrant).toBe(true)
          hold.held += granted
          expect(result.held.cost_usd).toBe(hold.held)
        } else {
          expect(result.reason).toBe('limit')
          expect(verdict.mustGrant).toBe(false)
          if (result.reason !== 'limit') break
          if (verdict.mustBeUsedUp) expect(result.refusal.cause).toBe('used_up')
          if (verdict.mustBeHeld) expect(result.refusal.cause).toBe('held_by_others')
        }
        break
      }
      case 'mark_sent': {
        const result = await driver.markSent(holdId, nowMs)
        if (!isOpen) expectNotOpen(result)
        else hold.state = 'sent'
        break
      }
      case 'checkpoint': {
        const { counted, allowance } = step
        const request = { holdId, counted: more(counted), allowance: more(allowance) }
        const result = await driver.checkpoint(request, nowMs)
        if (!isOpen) {
          expectNotOpen(result)
          break
        }
        hold.state = 'sent'
        const seen = counted + allowance
        hold.ifOrphaned = seen > (hold.ifOrphaned ?? 0n) ? seen : (hold.ifOrphaned ?? 0n)
        break
      }
      case 'settle': {
        const { actual, isExact } = step
        const outcome = isExact ? 'exact' : 'estimated'
        const request = { holdId, actual: size(actual), outcome, usage: UNKNOWN_USAGE } as const
        const result = await driver.settle(request, nowMs)
        if (isOpen) {
          const charged = isExact || actual < hold.held ? actual : hold.held
          oracle.charge(hold, charged, hold.held)
          hold.state = 'settled'
          expect(result).toMatchObject({ ok: true, overrun: charged > hold.held })
        } else if (hold?.state === 'settled') {
          if (hold.isOrphan && isExact && actual > hold.charged) {
            // The room was given back when it was taken for dead, so all that is added is excused.
            oracle.charge(hold, actual - hold.charged, 0n)
            hold.isOrphan = false
          }
          expect(result).toMatchObject({ ok: true })
        } else {
          expectNotOpen(result)
          break
        }
        if (result.ok) expect(result.charged.cost_usd).toBe(hold.charged)
        break
      }
      case 'void': {
        const result = await driver.void(holdId, nowMs)
        if (isOpen) hold.state = 'voided'
        else if (hold?.state === 'voided') expect(result).toEqual({ ok: true })
        else expectNotOpen(result)
        break
      }
      case 'crash':
        await driver.crash(nowMs)
        oracle.crash()
        break
      case 'clock':
        oracle.moveClock(step.byMs)
        break
    }

    for (const sessionId of driver.sessionIds) {
      const account = await driver.account(sessionId)
      expect(account.spent.cost_usd).toBe(oracle.spentOf(sessionId))
      expect(account.reserved.cost_usd).toBe(oracle.reservedOf(sessionId))
    }
    expect(oracle.brokenLimit()).toBeUndefined()
  }
}
