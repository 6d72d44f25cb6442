/** Accounts, holds and records in SQLite. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Account } from '../../budget/account.ts'
import { type CallRecord, type Hold, isOpen, type OpenHold } from '../../budget/hold.ts'
import type { Limit } from '../../budget/limit.ts'
import type { LedgerChanges } from '../../budget/operation.ts'
import { amountColumns } from '../amount-columns.ts'
import type { InstanceRows, LedgerRows } from '../rows.ts'
import {
  amountsToColumns,
  bigint,
  type Column,
  type Row,
  text,
  toAccount,
  toBucket,
  toHold,
  toLimit,
} from './columns.ts'

/** Prepared once; integers come back as bigint. */
export function prepare(database: DatabaseSync, sql: string): StatementSync {
  const statement = database.prepare(sql)
  statement.setReadBigInts(true)
  return statement
}

const ACCOUNT = ['status', 'expires_at', ...amountColumns('spent'), ...amountColumns('reserved')]
const LIMIT = [
  'account_id',
  'position',
  'type',
  'window_ms',
  'metric',
  'value',
  'warning_threshold',
  'created_at',
  'expires_at',
  'exceeded_at',
  'exceeded_reason',
]
/** What of a hold never changes, and what does. */
const HOLD_FACTS = ['instance_id', 'session_id', 'account_ids', 'call', 'created_at']
const HOLD_STATE = [
  'state',
  ...amountColumns('held'),
  ...amountColumns('orphan'),
  ...amountColumns('charged'),
  'outcome',
  'resolved_at',
]
const RECORD = [
  'record_id',
  'hold_id',
  'session_id',
  'org_id',
  'user_id',
  'call',
  'usage',
  ...amountColumns('charged'),
  'outcome',
  'overrun',
  'correction',
  'created_at',
]

const insert = (table: string, columns: readonly string[]): string =>
  `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`
const replace = (columns: readonly string[]): string =>
  columns.map((column) => `${column} = excluded.${column}`).join(', ')

export type AccountRows = Pick<LedgerRows, 'readAccounts'> & {
  readAccount(accountId: string): Account | undefined
  writeAccount(account: Account): void
  /** What was read is out of date: the transaction is over. */
  forget(): void
}

export function createAccountRows(database: DatabaseSync): AccountRows {
  const selectAccount = prepare(database, 'SELECT * FROM account WHERE account_id = ?')
  const selectLimits = prepare(
    database,
    'SELECT * FROM account_limit WHERE account_id = ? ORDER BY position',
  )
  const selectBuckets = prepare(
    database,
    'SELECT * FROM limit_bucket WHERE limit_id = ? ORDER BY start_at',
  )
  const upsertAccount = prepare(
    database,
    `${insert('account', ['account_id', ...ACCOUNT])} ` +
      `ON CONFLICT (account_id) DO UPDATE SET ${replace(ACCOUNT)}`,
  )
  const upsertLimit = prepare(
    database,
    `${insert('account_limit', ['limit_id', ...LIMIT])} ` +
      `ON CONFLICT (limit_id) DO UPDATE SET ${replace(LIMIT)}`,
  )
  const deleteLimit = prepare(database, 'DELETE FROM account_limit WHERE limit_id = ?')
  const deleteBuckets = prepare(database, 'DELETE FROM limit_bucket WHERE limit_id = ?')
  const deleteBucket = prepare(
    database,
    'DELETE FROM limit_bucket WHERE limit_id = ? AND start_at = ?',
  )
  const upsertBucket = prepare(
    database,
    `${insert('limit_bucket', ['limit_id', 'start_at', 'end_at', 'spent'])} ` +
      `ON CONFLICT (limit_id, start_at) DO UPDATE SET ${replace(['end_at', 'spent'])}`,
  )

  /** What was read last of each account, to write no more than what differs. Values never change in place. */
  const asRead = new Map<string, readonly Limit[]>()

  const readLimit = (row: Row): Limit => {
    const isWindow = row['type'] === 'rolling_window'
    return toLimit(row, isWindow ? selectBuckets.all(text(row, 'limit_id')).map(toBucket) : [])
  }
  const readAccount = (accountId: string): Account | undefined => {
    const row = selectAccount.get(accountId)
    if (row === undefined) return undefined
    const limits = selectLimits.all(accountId).map(readLimit)
    asRead.set(accountId, limits)
    return toAccount(row, limits)
  }
  const writeLimit = (accountId: string, position: number, limit: Limit): void => {
    upsertLimit.run(
      limit.limitId,
      accountId,
      position,
      limit.kind.type,
      limit.kind.type === 'rolling_window' ? limit.kind.windowMs : null,
      limit.metric,
      limit.value,
      limit.warningThreshold,
      limit.createdAtMs,
      limit.expiresAtMs,
      limit.exceededAtMs,
      limit.exceededReason,
    )
  }
  const writeBuckets = (limit: Limit, before: Limit | undefined): void => {
    const starts = new Set(limit.buckets.map(({ startMs }) => startMs))
    for (const bucket of before?.buckets ?? [])
      if (!starts.has(bucket.startMs)) deleteBucket.run(limit.limitId, bucket.startMs)
    for (const bucket of limit.buckets)
      if (!before?.buckets.includes(bucket))
        upsertBucket.run(limit.limitId, bucket.startMs, bucket.endMs, bucket.spent)
  }

  return {
    readAccount,
    readAccounts: (accountIds) => accountIds.flatMap((accountId) => readAccount(accountId) ?? []),
    writeAccount(account) {
      const { accountId, limits } = account
      upsertAccount.run(
        accountId,
        account.status,
        account.expiresAtMs,
        ...amountsToColumns(account.spent),
        ...amountsToColumns(account.reserved),
      )
      const before = asRead.get(accountId) ?? []
      limits.forEach((limit, position) => {
        const earlier = before.find(({ limitId }) => limitId === limit.limitId)
        if (earlier === limit) return
        writeLimit(accountId, position, limit)
        writeBuckets(limit, earlier)
      })
      for (const { limitId } of before) {
        if (limits.some((limit) => limit.limitId === limitId)) continue
        deleteLimit.run(limitId)
        deleteBuckets.run(limitId)
      }
      asRead.delete(accountId)
    },
    forget: () => asRead.clear(),
  }
}

export function createLedgerRows(
  database: DatabaseSync,
  accounts: AccountRows,
): LedgerRows & InstanceRows {
  const selectHold = prepare(database, 'SELECT * FROM hold WHERE hold_id = ?')
  const selectOpenHolds = prepare(
    database,
    "SELECT * FROM hold WHERE instance_id = ? AND state IN ('held', 'sent')",
  )
  const countOpenHolds = prepare(
    database,
    "SELECT count(*) AS count FROM hold WHERE state IN ('held', 'sent')",
  )
  const upsertHold = prepare(
    database,
    `${insert('hold', ['hold_id', ...HOLD_FACTS, ...HOLD_STATE])} ` +
      `ON CONFLICT (hold_id) DO UPDATE SET ${replace(HOLD_STATE)}`,
  )
  const insertRecord = prepare(database, insert('call_record', RECORD))

  return {
    readHolds: (holdIds) =>
      holdIds.flatMap((holdId) => {
        const row = selectHold.get(holdId)
        return row === undefined ? [] : toHold(row)
      }),
    readAccounts: accounts.readAccounts,
    write({ accounts: changed, holds, records }: LedgerChanges) {
      for (const account of changed) accounts.writeAccount(account)
      for (const hold of holds) upsertHold.run(...holdToColumns(hold))
      for (const record of records) insertRecord.run(...recordToColumns(record))
    },
    readOpenHolds: (instanceId): OpenHold[] =>
      selectOpenHolds.all(instanceId).map(toHold).filter(isOpen),
    countOpenHolds: () => Number(bigint(countOpenHolds.get() ?? {}, 'count')),
  }
}

function holdToColumns(hold: Hold): Exclude<Column, Uint8Array>[] {
  const isSettled = hold.state === 'settled'
  return [
    hold.holdId,
    hold.instanceId,
    hold.sessionId,
    JSON.stringify(hold.accountIds),
    JSON.stringify(hold.call),
    hold.createdAtMs,
    hold.state,
    ...amountsToColumns(hold.held),
    ...amountsToColumns(hold.state === 'sent' ? hold.ifOrphaned : null),
    ...amountsToColumns(isSettled ? hold.charged : null),
    isSettled ? hold.outcome : null,
    isOpen(hold) ? null : hold.resolvedAtMs,
  ]
}

function recordToColumns(record: CallRecord): Exclude<Column, Uint8Array>[] {
  const { orgId, userId, ...call } = record.call
  return [
    record.recordId,
    record.holdId,
    record.sessionId,
    orgId,
    userId,
    JSON.stringify(call),
    JSON.stringify(record.usage),
    ...amountsToColumns(record.charged),
    record.outcome,
    record.overrun ? 1 : 0,
    record.correction ? 1 : 0,
    record.createdAtMs,
  ]
}
