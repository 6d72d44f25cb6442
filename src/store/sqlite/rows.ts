/** The store's primitives over SQLite. Every statement is prepared once; all calls are synchronous. */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import type { Account } from '../../budget/account.ts'
import { type CallRecord, type Hold, isOpen, type OpenHold } from '../../budget/hold.ts'
import type { Amounts, Metric } from '../../budget/metric.ts'
import { refresh, type Session } from '../../budget/session.ts'
import { fromExactJson, toExactJson } from '../exact-json.ts'
import type { Rows } from '../rows.ts'

type Row = Readonly<Record<string, unknown>>

/** How long a resolved hold answers a repeated settlement. */
const RESOLVED_KEPT_MS = 24 * 3_600_000

const COLUMNS: Readonly<Record<Metric, string>> = {
  tokens: 'tokens',
  cost_usd: 'cost',
  gpu_hours: 'gpu',
  api_calls: 'calls',
}

const text = (value: unknown): string => String(value)
const textOrNull = (value: unknown): string | null => (value === null ? null : String(value))
const number = (value: unknown): number => Number(value)
const numberOrNull = (value: unknown): number | null => (value === null ? null : Number(value))

function readAmounts(row: Row, prefix: string): Amounts {
  const read = (column: string) => BigInt(row[`${prefix}_${column}`] as bigint)
  return {
    tokens: read('tokens'),
    cost_usd: read('cost'),
    gpu_hours: read('gpu'),
    api_calls: read('calls'),
  }
}

const toColumns = (given: Amounts): bigint[] => [
  given.tokens,
  given.cost_usd,
  given.gpu_hours,
  given.api_calls,
]

function toAccount(row: Row): Account {
  return {
    accountId: text(row['account_id']),
    status: text(row['status']) as Account['status'],
    expiresAtMs: numberOrNull(row['expires_at_ms']),
    spent: readAmounts(row, 'spent'),
    reserved: readAmounts(row, 'reserved'),
    limits: fromExactJson<Account['limits']>(text(row['limits'])),
  }
}

type SessionDetails = Pick<Session, 'apiKeyId' | 'endedAtMs' | 'sessionType' | 'metadata'>

function toSession(row: Row): Session {
  return {
    ...fromExactJson<SessionDetails>(text(row['details'])),
    sessionId: text(row['session_id']),
    orgId: text(row['org_id']),
    userId: text(row['user_id']),
    isCurrent: number(row['is_current']) === 1,
    boundKeySha256: textOrNull(row['bound_key_sha256']),
    createdAtMs: number(row['created_at_ms']),
    tracingSessionId: textOrNull(row['tracing_session_id']),
    account: toAccount(row),
  }
}

const SESSION = 'SELECT * FROM sessions JOIN accounts ON account_id = session_id'

export function createSqliteRows(db: DatabaseSync): Rows {
  const prepare = (sql: string) => {
    const statement = db.prepare(sql)
    statement.setReadBigInts(true)
    return {
      run: (...values: SQLInputValue[]) => void statement.run(...values),
      one: (...values: SQLInputValue[]) => statement.get(...values) as Row | undefined,
      all: (...values: SQLInputValue[]) => statement.all(...values) as Row[],
    }
  }

  const readHold = prepare('SELECT body FROM holds WHERE hold_id = ?')
  const readAccount = prepare('SELECT * FROM accounts WHERE account_id = ?')
  const writeAccount = prepare(
    'INSERT OR REPLACE INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const writeHold = prepare('INSERT OR REPLACE INTO holds VALUES (?, ?, ?, ?, ?)')
  const forgetHolds = prepare('DELETE FROM holds WHERE is_open = 0 AND resolved_at_ms < ?')
  const writeRecord = prepare('INSERT INTO records VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
  const readSession = prepare(`${SESSION} WHERE session_id = ?`)
  const readCurrent = prepare(`${SESSION} WHERE org_id = ? AND user_id = ? AND is_current = 1`)
  const insertSession = prepare('INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
  const updateSession = prepare(
    'UPDATE sessions SET is_current = ?, details = ? WHERE session_id = ?',
  )
  const readDue = prepare(
    `${SESSION} WHERE expires_at_ms <= ? AND status IN ('active', 'limit_exceeded')`,
  )
  const listSessions = prepare(
    `${SESSION} WHERE org_id = ? AND user_id = ?
      AND (?3 IS NULL OR status = ?3)
      AND (?4 IS NULL OR created_at_ms > ?4) AND (?5 IS NULL OR created_at_ms < ?5)
      AND (?6 IS NULL OR tracing_session_id = ?6)
      ORDER BY created_at_ms DESC, sessions.rowid DESC LIMIT ?7 OFFSET ?8`,
  )
  const findBoundKey = prepare(
    'SELECT session_id, org_id, user_id FROM sessions WHERE bound_key_sha256 = ?',
  )
  const listRecords = prepare(
    `SELECT body FROM records WHERE org_id = ? AND user_id = ? AND session_id IS ?
      ORDER BY seq LIMIT ? OFFSET ?`,
  )
  const readPast = prepare(
    `SELECT created_at_ms, charged_tokens, charged_cost, charged_gpu, charged_calls
      FROM records WHERE session_id = ? AND created_at_ms > ?`,
  )
  const readOpen = prepare('SELECT body FROM holds WHERE instance_id = ? AND is_open = 1')
  const countOpen = prepare('SELECT count(*) AS count FROM holds WHERE is_open = 1')

  const saveAccount = (account: Account) =>
    writeAccount.run(
      account.accountId,
      account.status,
      account.expiresAtMs,
      ...toColumns(account.spent),
      ...toColumns(account.reserved),
      toExactJson(account.limits),
    )
  const detailsOf = ({ apiKeyId, endedAtMs, sessionType, metadata }: Session) =>
    toExactJson({ apiKeyId, endedAtMs, sessionType, metadata } satisfies SessionDetails)
  const saveSession = (session: Session) => {
    updateSession.run(session.isCurrent ? 1 : 0, detailsOf(session), session.sessionId)
    saveAccount(session.account)
  }

  return {
    readHolds: (holdIds) =>
      holdIds.flatMap((holdId) => {
        const row = readHold.one(holdId)
        return row === undefined ? [] : [fromExactJson<Hold>(text(row['body']))]
      }),
    readAccounts: (accountIds) =>
      accountIds.flatMap((accountId) => {
        const row = readAccount.one(accountId)
        return row === undefined ? [] : [toAccount(row)]
      }),
    write({ accounts, holds, records }) {
      for (const account of accounts) saveAccount(account)
      for (const hold of holds) {
        const resolvedAtMs = isOpen(hold) ? null : hold.resolvedAtMs
        const isOpenColumn = isOpen(hold) ? 1 : 0
        writeHold.run(hold.holdId, hold.instanceId, isOpenColumn, resolvedAtMs, toExactJson(hold))
      }
      for (const record of records) {
        const { recordId, sessionId, call, createdAtMs, charged } = record
        const body = toExactJson(record)
        writeRecord.run(
          recordId,
          sessionId,
          call.orgId,
          call.userId,
          createdAtMs,
          ...toColumns(charged),
          body,
        )
      }
    },
    readSession(sessionId) {
      const row = readSession.one(sessionId)
      return row === undefined ? undefined : toSession(row)
    },
    readCurrentSession({ orgId, userId }) {
      const row = readCurrent.one(orgId, userId)
      return row === undefined ? undefined : toSession(row)
    },
    insertSession(session) {
      saveAccount(session.account)
      const { sessionId, orgId, userId, isCurrent, boundKeySha256, createdAtMs } = session
      insertSession.run(
        sessionId,
        orgId,
        userId,
        isCurrent ? 1 : 0,
        boundKeySha256,
        createdAtMs,
        session.tracingSessionId,
        detailsOf(session),
      )
    },
    updateSession: saveSession,
    expireSessions(nowMs) {
      for (const row of readDue.all(nowMs)) saveSession(refresh(toSession(row), nowMs))
      forgetHolds.run(nowMs - RESOLVED_KEPT_MS)
    },
    listSessions: (request) =>
      listSessions
        .all(
          request.orgId,
          request.userId,
          request.status ?? null,
          request.createdAfterMs ?? null,
          request.createdBeforeMs ?? null,
          request.tracingSessionId ?? null,
          request.limit,
          request.offset,
        )
        .map(toSession),
    findBoundKey(keySha256) {
      const row = findBoundKey.one(keySha256)
      if (row === undefined) return undefined
      return {
        sessionId: text(row['session_id']),
        orgId: text(row['org_id']),
        userId: text(row['user_id']),
      }
    },
    listRecords: ({ orgId, userId, sessionId, limit, offset }) =>
      listRecords
        .all(orgId, userId, sessionId, limit, offset)
        .map((row) => fromExactJson<CallRecord>(text(row['body']))),
    readPastSpend: (sessionId, metric, sinceMs) =>
      readPast.all(sessionId, sinceMs).map((row) => ({
        atMs: number(row['created_at_ms']),
        amount: BigInt(row[`charged_${COLUMNS[metric]}`] as bigint),
      })),
    readOpenHolds: (instanceId) =>
      readOpen.all(instanceId).map((row) => fromExactJson<OpenHold>(text(row['body']))),
    countOpenHolds: () => number(countOpen.one()?.['count'] ?? 0),
  }
}
