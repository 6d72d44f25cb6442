/**
 * Rows to values and back. Integers are read as bigint, because an amount may be beyond what a number
 * holds; a column of another type than the schema says is a damaged database.
 */
import type { Account, AccountStatus } from '../../budget/account.ts'
import type { CallFacts, CallRecord, Hold, HoldBase, Outcome } from '../../budget/hold.ts'
import type { Bucket, Limit } from '../../budget/limit.ts'
import { type Amounts, METRICS } from '../../budget/metric.ts'
import type { Session } from '../../budget/session.ts'
import { StoreUnavailable } from '../../gateway/ledger-port.ts'
import { readAmounts } from '../amount-columns.ts'

export type Column = null | number | bigint | string | Uint8Array
export type Row = Readonly<Record<string, Column>>

/** In the order of `amountColumns`. */
export const amountsToColumns = (given: Amounts | null): (bigint | null)[] =>
  METRICS.map((metric) => (given === null ? null : given[metric]))

function damaged(name: string, value: unknown): StoreUnavailable {
  return new StoreUnavailable('corrupt', `The database holds ${typeof value} as ${name}.`)
}

export function bigint(row: Row, name: string): bigint {
  const value = row[name]
  if (typeof value !== 'bigint') throw damaged(name, value)
  return value
}

export const integer = (row: Row, name: string): number => Number(bigint(row, name))

export const integerOrNull = (row: Row, name: string): number | null =>
  row[name] === null ? null : integer(row, name)

export function text(row: Row, name: string): string {
  const value = row[name]
  if (typeof value !== 'string') throw damaged(name, value)
  return value
}

export const textOrNull = (row: Row, name: string): string | null =>
  row[name] === null ? null : text(row, name)

function oneOf<Value extends string>(row: Row, name: string, values: readonly Value[]): Value {
  const found = values.find((value) => value === row[name])
  if (found === undefined) throw damaged(name, row[name])
  return found
}

/** Written by `JSON.stringify` of the same type, so not checked again. */
function json<Value>(row: Row, name: string): Value {
  return JSON.parse(text(row, name)) as Value
}

const STATUSES: readonly AccountStatus[] = ['active', 'limit_exceeded', 'ended', 'expired']
const OUTCOMES: readonly Outcome[] = ['exact', 'estimated', 'orphaned']
const LIMIT_TYPES: readonly Limit['kind']['type'][] = ['hard', 'soft', 'rolling_window']

function amountsOf(row: Row, prefix: string): Amounts {
  return readAmounts(prefix, (column) => bigint(row, column))
}

export function toAccount(row: Row, limits: readonly Limit[]): Account {
  return {
    accountId: text(row, 'account_id'),
    status: oneOf(row, 'status', STATUSES),
    expiresAtMs: integerOrNull(row, 'expires_at'),
    spent: amountsOf(row, 'spent'),
    reserved: amountsOf(row, 'reserved'),
    limits,
  }
}

export function toLimit(row: Row, buckets: readonly Bucket[]): Limit {
  const type = oneOf(row, 'type', LIMIT_TYPES)
  const threshold = row['warning_threshold'] ?? null
  if (threshold !== null && typeof threshold !== 'number')
    throw damaged('warning_threshold', threshold)
  return {
    limitId: text(row, 'limit_id'),
    metric: oneOf(row, 'metric', METRICS),
    value: bigint(row, 'value'),
    warningThreshold: threshold,
    expiresAtMs: integerOrNull(row, 'expires_at'),
    createdAtMs: integer(row, 'created_at'),
    exceededAtMs: integerOrNull(row, 'exceeded_at'),
    exceededReason: textOrNull(row, 'exceeded_reason'),
    kind: type === 'rolling_window' ? { type, windowMs: integer(row, 'window_ms') } : { type },
    buckets,
  }
}

export function toBucket(row: Row): Bucket {
  return {
    startMs: integer(row, 'start_at'),
    endMs: integer(row, 'end_at'),
    spent: bigint(row, 'spent'),
  }
}

export function toHold(row: Row): Hold {
  const base: HoldBase = {
    holdId: text(row, 'hold_id'),
    instanceId: text(row, 'instance_id'),
    sessionId: textOrNull(row, 'session_id'),
    accountIds: json(row, 'account_ids'),
    held: amountsOf(row, 'held'),
    call: json(row, 'call'),
    createdAtMs: integer(row, 'created_at'),
  }
  const state = oneOf(row, 'state', ['held', 'sent', 'settled', 'voided'] as const)
  switch (state) {
    case 'held':
      return { ...base, state }
    case 'sent': {
      const ifOrphaned = row['orphan_tokens'] === null ? null : amountsOf(row, 'orphan')
      return { ...base, state, ifOrphaned }
    }
    case 'settled': {
      const outcome = oneOf(row, 'outcome', OUTCOMES)
      const charged = amountsOf(row, 'charged')
      return { ...base, state, outcome, charged, resolvedAtMs: integer(row, 'resolved_at') }
    }
    case 'voided':
      return { ...base, state, resolvedAtMs: integer(row, 'resolved_at') }
  }
}

export function toRecord(row: Row): CallRecord {
  return {
    recordId: text(row, 'record_id'),
    holdId: text(row, 'hold_id'),
    sessionId: textOrNull(row, 'session_id'),
    call: {
      ...json<Omit<CallFacts, 'orgId' | 'userId'>>(row, 'call'),
      orgId: text(row, 'org_id'),
      userId: text(row, 'user_id'),
    },
    usage: json(row, 'usage'),
    charged: amountsOf(row, 'charged'),
    outcome: oneOf(row, 'outcome', OUTCOMES),
    overrun: bigint(row, 'overrun') === 1n,
    correction: bigint(row, 'correction') === 1n,
    createdAtMs: integer(row, 'created_at'),
  }
}

export function toSession(row: Row, account: Account): Session {
  return {
    sessionId: text(row, 'session_id'),
    orgId: text(row, 'org_id'),
    userId: text(row, 'user_id'),
    apiKeyId: textOrNull(row, 'api_key_id'),
    isCurrent: bigint(row, 'is_current') === 1n,
    boundKeySha256: textOrNull(row, 'bound_key_sha256'),
    createdAtMs: integer(row, 'created_at'),
    endedAtMs: integerOrNull(row, 'ended_at'),
    sessionType: text(row, 'session_type'),
    tracingSessionId: textOrNull(row, 'tracing_session_id'),
    metadata: json(row, 'metadata'),
    account,
  }
}
