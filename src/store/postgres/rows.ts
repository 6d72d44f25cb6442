/**
 * The store's primitives over one transaction. Whatever is read to be changed is locked:
 * accounts in the order of their ids, so that two instances never wait for each other in a circle.
 */
import type { Account } from '../../budget/account.ts'
import { type CallRecord, type Hold, isOpen, type OpenHold } from '../../budget/hold.ts'
import { type Amounts, METRICS } from '../../budget/metric.ts'
import { refresh, type Session } from '../../budget/session.ts'
import { amountColumn, readAmounts } from '../amount-columns.ts'
import type { Rows } from '../rows.ts'
import { fromExactJson, toExactJson } from './exact-json.ts'
import type { Row, Transaction } from './transactions.ts'
import { createTrialRows } from './trial-rows.ts'

const text = (row: Row, name: string): string => String(row[name])
const textOrNull = (row: Row, name: string): string | null =>
  row[name] === null ? null : text(row, name)
// pg hands 64-bit integers over as text, so that none is rounded.
const number = (row: Row, name: string): number => Number(row[name])
const numberOrNull = (row: Row, name: string): number | null =>
  row[name] === null ? null : number(row, name)

const amountsOf = (row: Row, prefix: string): Amounts =>
  readAmounts(prefix, (column) => BigInt(text(row, column)))

/** One array per metric. */
const amountArrays = (given: readonly Amounts[]): string[][] =>
  METRICS.map((metric) => given.map((amounts) => String(amounts[metric])))

function toAccount(row: Row): Account {
  return {
    accountId: text(row, 'account_id'),
    status: text(row, 'status') as Account['status'],
    expiresAtMs: numberOrNull(row, 'expires_at_ms'),
    spent: amountsOf(row, 'spent'),
    reserved: amountsOf(row, 'reserved'),
    limits: fromExactJson<Account['limits']>(text(row, 'limits')),
  }
}

type SessionDetails = Pick<Session, 'apiKeyId' | 'endedAtMs' | 'sessionType' | 'metadata'>

function toSession(row: Row): Session {
  return {
    ...fromExactJson<SessionDetails>(text(row, 'details')),
    sessionId: text(row, 'session_id'),
    orgId: text(row, 'org_id'),
    userId: text(row, 'user_id'),
    isCurrent: row['is_current'] === true,
    boundKeySha256: textOrNull(row, 'bound_key_sha256'),
    createdAtMs: number(row, 'created_at_ms'),
    tracingSessionId: textOrNull(row, 'tracing_session_id'),
    account: toAccount(row),
  }
}

const SESSION = 'SELECT * FROM sessions JOIN accounts ON account_id = session_id'

/** Many rows at once, as columns of arrays: one statement however many there are. */
const SAVE_ACCOUNTS = `
  INSERT INTO accounts
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[],
      $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::text[])
  ON CONFLICT (account_id) DO UPDATE SET
    status = excluded.status, expires_at_ms = excluded.expires_at_ms,
    spent_tokens = excluded.spent_tokens, spent_nano_usd = excluded.spent_nano_usd,
    spent_gpu_ms = excluded.spent_gpu_ms, spent_calls = excluded.spent_calls,
    reserved_tokens = excluded.reserved_tokens, reserved_nano_usd = excluded.reserved_nano_usd,
    reserved_gpu_ms = excluded.reserved_gpu_ms, reserved_calls = excluded.reserved_calls,
    limits = excluded.limits`

const SAVE_HOLDS = `
  INSERT INTO holds
    SELECT * FROM unnest($1::text[], $2::text[], $3::boolean[], $4::bigint[], $5::text[])
  ON CONFLICT (hold_id) DO UPDATE SET
    is_open = excluded.is_open, resolved_at_ms = excluded.resolved_at_ms, body = excluded.body`

const SAVE_RECORDS = `
  INSERT INTO records (record_id, session_id, org_id, user_id, created_at_ms,
      charged_tokens, charged_nano_usd, charged_gpu_ms, charged_calls, body)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[],
      $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::text[])`

const LIST_SESSIONS = `${SESSION}
  WHERE org_id = $1 AND user_id = $2
    AND ($3::text IS NULL OR status = $3)
    AND ($4::bigint IS NULL OR created_at_ms > $4) AND ($5::bigint IS NULL OR created_at_ms < $5)
    AND ($6::text IS NULL OR tracing_session_id = $6)
  ORDER BY created_at_ms DESC, seq DESC LIMIT $7 OFFSET $8`

const LOCK_NAMES =
  'SELECT pg_advisory_xact_lock(hashtextextended(id, 0)) FROM unnest($1::text[]) AS id'

/** @param locks whether sessions are read to be changed */
export function createPostgresRows(transaction: Transaction, locks: boolean): Rows {
  const { query, send } = transaction
  const lock = locks ? ' FOR UPDATE' : ''
  const one = async <Value>(
    sql: string,
    values: unknown[],
    read: (row: Row) => Value,
  ): Promise<Value | undefined> => {
    const [row] = await query(sql, values)
    return row === undefined ? undefined : read(row)
  }

  const saveAccounts = (accounts: readonly Account[]): void => {
    if (accounts.length === 0) return
    send(SAVE_ACCOUNTS, [
      accounts.map((account) => account.accountId),
      accounts.map((account) => account.status),
      accounts.map((account) => account.expiresAtMs),
      ...amountArrays(accounts.map((account) => account.spent)),
      ...amountArrays(accounts.map((account) => account.reserved)),
      accounts.map((account) => toExactJson(account.limits)),
    ])
  }
  const detailsOf = ({ apiKeyId, endedAtMs, sessionType, metadata }: Session) =>
    toExactJson({ apiKeyId, endedAtMs, sessionType, metadata } satisfies SessionDetails)
  const updateSession = (session: Session): void => {
    send('UPDATE sessions SET is_current = $1, details = $2 WHERE session_id = $3', [
      session.isCurrent,
      detailsOf(session),
      session.sessionId,
    ])
    saveAccounts([session.account])
  }

  return {
    ...createTrialRows(transaction),
    readHolds: async (holdIds) =>
      (
        await query('SELECT body FROM holds WHERE hold_id = ANY($1) ORDER BY hold_id FOR UPDATE', [
          holdIds,
        ])
      ).map((row) => fromExactJson<Hold>(text(row, 'body'))),
    async readAccounts(accountIds) {
      const sorted = [...accountIds].sort()
      // A key's account that does not exist yet has no row to lock; its name is locked instead.
      const keys = sorted.filter((id) => id.startsWith('key:'))
      if (keys.length > 0) send(LOCK_NAMES, [keys])
      const rows = await query(
        'SELECT * FROM accounts WHERE account_id = ANY($1) ORDER BY account_id FOR UPDATE',
        [sorted],
      )
      return rows.map(toAccount)
    },
    write({ accounts, holds, records }) {
      saveAccounts(accounts)
      if (holds.length > 0) {
        send(SAVE_HOLDS, [
          holds.map((hold) => hold.holdId),
          holds.map((hold) => hold.instanceId),
          holds.map(isOpen),
          holds.map((hold) => (isOpen(hold) ? null : hold.resolvedAtMs)),
          holds.map(toExactJson),
        ])
      }
      if (records.length > 0) {
        send(SAVE_RECORDS, [
          records.map((record) => record.recordId),
          records.map((record) => record.sessionId),
          records.map((record) => record.call.orgId),
          records.map((record) => record.call.userId),
          records.map((record) => record.createdAtMs),
          ...amountArrays(records.map((record) => record.charged)),
          records.map(toExactJson),
        ])
      }
    },

    readSession: (sessionId) =>
      one(`${SESSION} WHERE session_id = $1${lock}`, [sessionId], toSession),
    readCurrentSession: ({ orgId, userId }, purpose) =>
      one(
        `${SESSION} WHERE org_id = $1 AND user_id = $2 AND is_current${purpose === 'change' ? ' FOR UPDATE' : lock}`,
        [orgId, userId],
        toSession,
      ),
    insertSession(session) {
      saveAccounts([session.account])
      send(
        `INSERT INTO sessions (session_id, org_id, user_id, is_current, bound_key_sha256,
          created_at_ms, tracing_session_id, details) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [
          session.sessionId,
          session.orgId,
          session.userId,
          session.isCurrent,
          session.boundKeySha256,
          session.createdAtMs,
          session.tracingSessionId,
          detailsOf(session),
        ],
      )
    },
    updateSession,
    async expireSessions(nowMs) {
      const due = await query(
        `${SESSION} WHERE expires_at_ms <= $1 AND status IN ('active', 'limit_exceeded')
          ORDER BY account_id FOR UPDATE`,
        [nowMs],
      )
      for (const row of due) updateSession(refresh(toSession(row), nowMs))
    },
    listSessions: async (request) =>
      (
        await query(LIST_SESSIONS, [
          request.orgId,
          request.userId,
          request.status ?? null,
          request.createdAfterMs ?? null,
          request.createdBeforeMs ?? null,
          request.tracingSessionId ?? null,
          request.limit,
          request.offset,
        ])
      ).map(toSession),
    async findBoundKey(keySha256) {
      const session = await one(
        `${SESSION} WHERE bound_key_sha256 = $1 ORDER BY seq DESC`,
        [keySha256],
        toSession,
      )
      if (session === undefined) return undefined
      const { sessionId, orgId, userId, apiKeyId } = session
      return { sessionId, orgId, userId, apiKeyId }
    },
    listRecords: async ({ orgId, userId, sessionId, limit, offset }) =>
      (
        await query(
          `SELECT body FROM records WHERE org_id = $1 AND user_id = $2
            AND session_id IS NOT DISTINCT FROM $3 ORDER BY seq LIMIT $4 OFFSET $5`,
          [orgId, userId, sessionId, limit, offset],
        )
      ).map((row) => fromExactJson<CallRecord>(text(row, 'body'))),
    readPastSpend: async (sessionId, metric, sinceMs) =>
      (
        await query('SELECT * FROM records WHERE session_id = $1 AND created_at_ms > $2', [
          sessionId,
          sinceMs,
        ])
      ).map((row) => ({
        atMs: number(row, 'created_at_ms'),
        amount: BigInt(text(row, amountColumn('charged', metric))),
      })),
    readOpenHolds: async (instanceId) =>
      (await query('SELECT body FROM holds WHERE instance_id = $1 AND is_open', [instanceId])).map(
        (row) => fromExactJson<OpenHold>(text(row, 'body')),
      ),
    countOpenHolds: async () =>
      (await one('SELECT count(*) AS count FROM holds WHERE is_open', [], (row) =>
        number(row, 'count'),
      )) ?? 0,
  }
}
