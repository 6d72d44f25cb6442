/** The ledger's rules over plain maps: what a store does, without storage. */
import { type Account, openAccount } from '../../src/budget/account.ts'
import type { CallRecord, Hold } from '../../src/budget/hold.ts'
import { applyOperation } from '../../src/budget/ledger.ts'
import { createLimit, type LimitTerms } from '../../src/budget/limit.ts'
import type { LedgerOperation, ResultOf } from '../../src/budget/operation.ts'

export function createPureLedger() {
  const accounts = new Map<string, Account>()
  const holds = new Map<string, Hold>()
  const records: CallRecord[] = []
  return {
    accounts,
    holds,
    records,
    open(accountId: string, limits: readonly LimitTerms[], expiresAtMs: number | null = null) {
      const created = limits.map((terms, index) =>
        createLimit(terms, `${accountId}-limit-${index}`, 0),
      )
      accounts.set(accountId, openAccount(accountId, created, expiresAtMs))
    },
    account(accountId: string): Account {
      const account = accounts.get(accountId)
      if (account === undefined) throw new Error(`no account ${accountId}`)
      return account
    },
    apply<O extends LedgerOperation>(operation: O, nowMs: number): ResultOf<O> {
      const state = {
        account: (id: string) => accounts.get(id),
        hold: (id: string) => holds.get(id),
      }
      const { changes, result } = applyOperation(state, operation, nowMs)
      for (const account of changes.accounts) accounts.set(account.accountId, account)
      for (const hold of changes.holds) holds.set(hold.holdId, hold)
      records.push(...changes.records)
      return result
    },
  }
}
