/** Sessions and the history of their calls in SQLite. */
import type { DatabaseSync } from 'node:sqlite'
import type { Session } from '../../budget/session.ts'
import { StoreUnavailable } from '../../gateway/ledger-port.ts'
import { amountColumn, amountColumns } from '../amount-columns.ts'
import type { SessionRows } from '../rows.ts'
import { bigint, integer, type Row, text, textOrNull, toRecord, toSession } from './columns.ts'
import { type AccountRows, prepare } from './ledger-rows.ts'

export function createSessionRows(database: DatabaseSync, accounts: AccountRows): SessionRows {
  const select = prepare(database, 'SELECT * FROM session WHERE session_id = ?')
  const selectCurrent = prepare(
    database,
    'SELECT * FROM session WHERE org_id = ? AND user_id = ? AND is_current = 1',
  )
  const selectBound = prepare(
    database,
    'SELECT session_id, org_id, user_id, api_key_id FROM session WHERE bound_key_sha256 = ?',
  )
  const insert = prepare(
    database,
    `INSERT INTO session (session_id, org_id, user_id, api_key_id, is_current, bound_key_sha256,
       created_at, ended_at, session_type, tracing_session_id, metadata)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const update = prepare(
    database,
    'UPDATE session SET is_current = ?, ended_at = ? WHERE session_id = ?',
  )
  const expire = prepare(
    database,
    `UPDATE account SET status = 'expired'
     WHERE expires_at IS NOT NULL AND status IN ('active', 'limit_exceeded') AND expires_at <= ?`,
  )
  const list = prepare(
    database,
    `SELECT session.* FROM session JOIN account ON account_id = session_id
     WHERE org_id = :org_id AND user_id = :user_id
       AND (:status IS NULL OR status = :status)
       AND (:after IS NULL OR created_at > :after)
       AND (:before IS NULL OR created_at < :before)
       AND (:trace IS NULL OR tracing_session_id = :trace)
     ORDER BY created_at DESC, sequence DESC LIMIT :limit OFFSET :offset`,
  )
  const listOfSession = prepare(
    database,
    'SELECT * FROM call_record WHERE session_id = ? ORDER BY sequence LIMIT ? OFFSET ?',
  )
  const listUnattached = prepare(
    database,
    `SELECT * FROM call_record WHERE session_id IS NULL AND org_id = ? AND user_id = ?
     ORDER BY sequence LIMIT ? OFFSET ?`,
  )
  const past = prepare(
    database,
    `SELECT created_at, ${amountColumns('charged').join(', ')} FROM call_record
     WHERE session_id = ? AND created_at > ? ORDER BY sequence`,
  )

  const toWhole = (row: Row): Session => {
    const account = accounts.readAccount(text(row, 'session_id'))
    if (account === undefined)
      throw new StoreUnavailable('corrupt', 'The database holds a session without an account.')
    return toSession(row, account)
  }
  const toWholeIfAny = (row: Row | undefined): Session | undefined =>
    row === undefined ? undefined : toWhole(row)

  return {
    readSession: (sessionId) => toWholeIfAny(select.get(sessionId)),
    readCurrentSession: ({ orgId, userId }) => toWholeIfAny(selectCurrent.get(orgId, userId)),
    insertSession(session) {
      insert.run(
        session.sessionId,
        session.orgId,
        session.userId,
        session.apiKeyId,
        session.isCurrent ? 1 : 0,
        session.boundKeySha256,
        session.createdAtMs,
        session.endedAtMs,
        session.sessionType,
        session.tracingSessionId,
        JSON.stringify(session.metadata),
      )
      accounts.writeAccount(session.account)
    },
    updateSession(session) {
      update.run(session.isCurrent ? 1 : 0, session.endedAtMs, session.sessionId)
      accounts.writeAccount(session.account)
    },
    expireSessions(nowMs) {
      expire.run(nowMs)
    },
    listSessions: (request) =>
      list
        .all({
          org_id: request.orgId,
          user_id: request.userId,
          status: request.status ?? null,
          after: request.createdAfterMs ?? null,
          before: request.createdBeforeMs ?? null,
          trace: request.tracingSessionId ?? null,
          limit: request.limit,
          offset: request.offset,
        })
        .map(toWhole),
    findBoundKey(keySha256) {
      const row = selectBound.get(keySha256)
      if (row === undefined) return undefined
      return {
        sessionId: text(row, 'session_id'),
        orgId: text(row, 'org_id'),
        userId: text(row, 'user_id'),
        apiKeyId: textOrNull(row, 'api_key_id'),
      }
    },
    listRecords({ orgId, userId, sessionId, limit, offset }) {
      const rows =
        sessionId === null
          ? listUnattached.all(orgId, userId, limit, offset)
          : listOfSession.all(sessionId, limit, offset)
      return rows.map(toRecord)
    },
    readPastSpend: (sessionId, metric, sinceMs) =>
      past.all(sessionId, sinceMs).map((row) => ({
        atMs: integer(row, 'created_at'),
        amount: bigint(row, amountColumn('charged', metric)),
      })),
  }
}
