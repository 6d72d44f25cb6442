/**
 * Ledger operations that wait together, as one unit: their rows are read once, each operation sees what
 * those before it did, and what changed is written once. Sixty-four calls of one session cost one
 * account row read and one written.
 */
import type { Account } from '../budget/account.ts'
import type { CallRecord, Hold } from '../budget/hold.ts'
import { applyOperation } from '../budget/ledger.ts'
import type { LedgerChanges, LedgerOperation, LedgerState, ResultOf } from '../budget/operation.ts'
import type { Awaitable, LedgerRows } from './rows.ts'

export interface TimedOperation {
  readonly operation: LedgerOperation
  readonly nowMs: number
}

export type LedgerAnswer = ResultOf<LedgerOperation>

/** Per operation, in order: its result, or what it threw. One that throws changes nothing. */
export type Outcomes = readonly (
  | { readonly ok: true; readonly result: LedgerAnswer }
  | { readonly ok: false; readonly error: unknown }
)[]

export async function runLedgerBatch(
  rows: LedgerRows,
  batch: readonly TimedOperation[],
): Promise<Outcomes> {
  const holds = new Map<string, Hold>()
  const holdIds = new Set(batch.map(({ operation }) => operation.holdId))
  for (const hold of await rows.readHolds([...holdIds])) holds.set(hold.holdId, hold)

  const accounts = new Map<string, Account>()
  for (const account of await readAccounts(rows, batch, holds))
    accounts.set(account.accountId, account)

  const state: LedgerState = {
    account: (accountId) => accounts.get(accountId),
    hold: (holdId) => holds.get(holdId),
  }
  const changedAccounts = new Set<string>()
  const changedHolds = new Set<string>()
  const records: CallRecord[] = []
  const outcomes = batch.map(({ operation, nowMs }): Outcomes[number] => {
    try {
      const { changes, result } = applyOperation(state, operation, nowMs)
      for (const account of changes.accounts) {
        accounts.set(account.accountId, account)
        changedAccounts.add(account.accountId)
      }
      for (const hold of changes.holds) {
        holds.set(hold.holdId, hold)
        changedHolds.add(hold.holdId)
      }
      records.push(...changes.records)
      return { ok: true, result }
    } catch (error) {
      return { ok: false, error }
    }
  })

  const changes: LedgerChanges = {
    accounts: [...accounts.values()].filter(({ accountId }) => changedAccounts.has(accountId)),
    holds: [...holds.values()].filter(({ holdId }) => changedHolds.has(holdId)),
    records,
  }
  if (changes.accounts.length + changes.holds.length + records.length > 0) await rows.write(changes)
  return outcomes
}

function readAccounts(
  rows: LedgerRows,
  batch: readonly TimedOperation[],
  holds: ReadonlyMap<string, Hold>,
): Awaitable<readonly Account[]> {
  const accountIds = new Set<string>()
  for (const hold of holds.values()) for (const id of hold.accountIds) accountIds.add(id)
  for (const { operation } of batch) {
    if (operation.kind !== 'reserve') continue
    if (operation.sessionId !== null) accountIds.add(operation.sessionId)
    if (operation.ceiling !== null) accountIds.add(operation.ceiling.accountId)
  }
  return accountIds.size === 0 ? [] : rows.readAccounts([...accountIds])
}
