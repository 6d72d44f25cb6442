/**
 * What is kept no longer: the oldest calls, then the pieces that no call left here holds. A piece says
 * when it was last in use, so that nobody has to count who holds it.
 */
import type { TraceStore } from '../../gateway/trace/port.ts'
import { integer, integerIfAny, type Sql } from '../responses/sql.ts'
import type { TraceSettings } from './operations.ts'
import { PIECE_SLACK_MS } from './write.ts'

/** Others wait for the transaction meanwhile. */
const TRACES_AT_ONCE = 500

export async function prune(
  sql: Sql,
  { beforeMs, maxBytes }: Parameters<TraceStore['prune']>[0],
  { recentPieces }: TraceSettings,
): Promise<{ traces: number; more: boolean }> {
  const { own, all } = await sizes(sql)
  const surplus = all - maxBytes
  // With a call go the pieces that no later one holds: about as many as it has of the rest.
  const scale = own === 0 ? 1 : all / own
  const oldest = await sql.all(
    `SELECT created_at, bytes FROM trace ORDER BY created_at LIMIT ${TRACES_AT_ONCE}`,
    [],
  )
  let freed = 0
  let lastMs: number | undefined
  for (const row of oldest) {
    const createdAtMs = integer(row, 'created_at')
    if (createdAtMs >= beforeMs && freed >= surplus) break
    freed += integer(row, 'bytes') * scale
    lastMs = createdAtMs
  }
  let traces = 0
  if (lastMs !== undefined) {
    const gone = await sql.all('DELETE FROM trace WHERE created_at <= $1 RETURNING trace_id', [
      lastMs,
    ])
    traces = gone.length
  }
  const [first] = await sql.all('SELECT min(created_at) AS oldest FROM trace', [])
  const oldestMs = first === undefined ? undefined : integerIfAny(first, 'oldest')
  if (oldestMs !== undefined) {
    await sql.all('DELETE FROM piece WHERE used_at < $1', [oldestMs - PIECE_SLACK_MS])
  } else if (lastMs !== undefined) {
    await sql.all('DELETE FROM piece WHERE used_at <= $1', [lastMs])
  }
  recentPieces.clear()
  return { traces, more: traces > 0 && (await isOverdue(sql, beforeMs, maxBytes)) }
}

async function sizes(sql: Sql): Promise<{ own: number; all: number }> {
  const [row] = await sql.all(
    `SELECT (SELECT coalesce(sum(bytes), 0) FROM trace) AS own,
       (SELECT coalesce(sum(bytes), 0) FROM piece) AS pieces`,
    [],
  )
  const own = row === undefined ? 0 : integer(row, 'own')
  return { own, all: own + (row === undefined ? 0 : integer(row, 'pieces')) }
}

async function isOverdue(sql: Sql, beforeMs: number, maxBytes: number): Promise<boolean> {
  const [row] = await sql.all('SELECT min(created_at) AS oldest FROM trace', [])
  const oldestMs = row === undefined ? undefined : integerIfAny(row, 'oldest')
  if (oldestMs === undefined) return false
  return oldestMs < beforeMs || (await sizes(sql)).all > maxBytes
}
