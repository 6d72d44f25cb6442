/** What the ledger's operations share: reading a hold's accounts, and saying that nothing changed. */
import { type Account, type LimitWarning, warningsOf } from './account.ts'
import type { Hold } from './hold.ts'
import type { Applied, LedgerChanges, LedgerState, NotOpen } from './operation.ts'

export const UNCHANGED: LedgerChanges = { accounts: [], holds: [], records: [] }

export const only = <Result>(result: Result): Applied<Result> => ({ changes: UNCHANGED, result })

export function accountsOf(state: LedgerState, hold: Hold): Account[] {
  return hold.accountIds.map((accountId) => {
    const account = state.account(accountId)
    if (account === undefined)
      throw new Error(`Hold ${hold.holdId} names account ${accountId}, which the store has not.`)
    return account
  })
}

export const sessionOf = (accounts: readonly Account[], sessionId: string | null): Account | null =>
  accounts.find((account) => account.accountId === sessionId) ?? null

export function warningsBetween(
  before: readonly Account[],
  after: readonly Account[],
  nowMs: number,
): LimitWarning[] {
  return after.flatMap((account, index) => warningsOf(before[index] ?? account, account, nowMs))
}

export const notOpen = (hold: Hold | undefined): Applied<NotOpen> =>
  only({ ok: false, reason: hold === undefined ? 'unknown_hold' : 'resolved' })
