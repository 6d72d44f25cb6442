/** Traces found: one, or a page of them, each put together as a record's JSON. */
import type { Owner } from '../../budget/hold.ts'
import type { TracePage, TraceQuery, TraceStore } from '../../gateway/trace/port.ts'
import { integer, type Param, type Row, type Sql, text, textIfAny } from '../responses/sql.ts'
import { placesOf, textOf, unpackRequest, unpackResponse } from './codec.ts'
import { toColumn } from './write.ts'

/** Of a page's JSON, after which it ends: a record may hold megabytes. */
const MAX_PAGE_CHARS = 4 * 1_048_576
/** Rows read at a time, whose content is packed. */
const ROWS_AT_ONCE = 20
const HASHES_AT_ONCE = 64

/** Of a call whose content is not kept, or not asked for. */
const NO_REQUEST = { received: null, changes: [] }

const CONTENT = 'request, request_pieces, response, response_pieces'

export async function find(
  sql: Sql,
  { owner, traceId }: { readonly owner: Owner; readonly traceId: string },
): Promise<string | undefined> {
  const [row] = await sql.all(
    `SELECT facts, ${CONTENT} FROM trace WHERE trace_id = $1 AND org_id = $2 AND user_id = $3`,
    [traceId, owner.orgId, owner.userId],
  )
  return row === undefined ? undefined : (await recordsOf(sql, [row], true))[0]
}

export async function list(sql: Sql, query: TraceQuery): Promise<TracePage> {
  const records: string[] = []
  let chars = 0
  let { after } = query
  while (records.length < query.limit && chars < MAX_PAGE_CHARS) {
    const wanted = Math.min(ROWS_AT_ONCE, query.limit - records.length)
    const rows = await readRows(sql, { ...query, after }, wanted)
    for (const [at, record] of (await recordsOf(sql, rows, query.hasContent)).entries()) {
      records.push(record)
      chars += record.length
      const row = rows[at]
      if (row !== undefined)
        after = { createdAtMs: integer(row, 'created_at'), traceId: text(row, 'trace_id') }
      if (chars >= MAX_PAGE_CHARS) break
    }
    if (rows.length < wanted && chars < MAX_PAGE_CHARS) return { records, next: undefined }
  }
  const more = await readRows(sql, { ...query, after, hasContent: false }, 1)
  return { records, next: more.length === 0 ? undefined : after }
}

function readRows(sql: Sql, query: TraceQuery, limit: number) {
  const { owner, status, after } = query
  const params: Param[] = []
  const conditions: string[] = []
  const where = (condition: (name: string) => string, value: Param | undefined): void => {
    if (value === undefined) return
    params.push(value)
    conditions.push(condition(`$${params.length}`))
  }
  const equals = (column: string, value: string | number | undefined) =>
    where((name) => `${column} = ${name}`, typeof value === 'number' ? value : toColumn(value))
  equals('org_id', owner.orgId)
  equals('user_id', owner.userId)
  equals('session_id', query.sessionId)
  equals('trial_id', query.trialId)
  equals('job_id', query.jobId)
  equals('correlation_id', query.correlationId)
  equals('model', query.model)
  equals(typeof status === 'number' ? 'status' : 'outcome', status)
  const [direction, beyond] = query.order === 'newest' ? ['DESC', '<'] : ['ASC', '>']
  if (after !== undefined) {
    params.push(after.createdAtMs, after.traceId)
    conditions.push(`(created_at, trace_id) ${beyond} ($${params.length - 1}, $${params.length})`)
  }
  params.push(limit)
  return sql.all(
    `SELECT trace_id, created_at, facts${query.hasContent ? `, ${CONTENT}` : ''} FROM trace
     WHERE ${conditions.join(' AND ')}
     ORDER BY created_at ${direction}, trace_id ${direction} LIMIT $${params.length}`,
    params,
  )
}

async function recordsOf(
  sql: Sql,
  rows: readonly Row[],
  hasContent: boolean,
): Promise<readonly string[]> {
  const pieces = hasContent ? await readPieces(sql, rows) : new Map<string, string>()
  return rows.map((row) => {
    const request = hasContent ? bytesIfAny(row, 'request') : undefined
    const response = hasContent ? bytesIfAny(row, 'response') : undefined
    const content = {
      request:
        request === undefined
          ? NO_REQUEST
          : unpackRequest(request, textIfAny(row, 'request_pieces') ?? null, pieces),
      response:
        response === undefined
          ? null
          : unpackResponse(response, textIfAny(row, 'response_pieces') ?? null, pieces),
    }
    return `${text(row, 'facts').slice(0, -1)},${JSON.stringify(content).slice(1)}`
  })
}

async function readPieces(sql: Sql, rows: readonly Row[]): Promise<Map<string, string>> {
  const hashes = new Set(
    rows.flatMap((row) =>
      [textIfAny(row, 'request_pieces'), textIfAny(row, 'response_pieces')].flatMap((places) =>
        placesOf(places ?? null).map(([, hash]) => hash),
      ),
    ),
  )
  const wanted = [...hashes]
  const pieces = new Map<string, string>()
  for (let at = 0; at < wanted.length; at += HASHES_AT_ONCE) {
    const some = wanted.slice(at, at + HASHES_AT_ONCE)
    const names = some.map((_, index) => `$${index + 1}`).join(', ')
    const found = await sql.all(`SELECT hash, body FROM piece WHERE hash IN (${names})`, some)
    for (const row of found) {
      const body = bytesIfAny(row, 'body')
      if (body !== undefined) pieces.set(text(row, 'hash'), textOf(body))
    }
  }
  return pieces
}

function bytesIfAny(row: Row, name: string): Uint8Array | undefined {
  const value = row[name]
  return value instanceof Uint8Array ? value : undefined
}

/** A correlation id is leased with all its calls, once none of them runs any more. */
export async function lease(
  sql: Sql,
  { owner, limit, nowMs, untilMs }: Parameters<TraceStore['lease']>[0],
): Promise<readonly string[]> {
  const found = await sql.all(
    `SELECT correlation_id, min(created_at) AS began FROM trace
     WHERE org_id = $1 AND user_id = $2 AND correlation_id IS NOT NULL
     GROUP BY correlation_id
     HAVING count(outcome) = count(*) AND max(coalesce(leased_until, 0)) <= $3
     ORDER BY began, correlation_id LIMIT $4`,
    [owner.orgId, owner.userId, nowMs, limit],
  )
  const granted: string[] = []
  for (const row of found) {
    const correlationId = text(row, 'correlation_id')
    // Another bridge may have been quicker.
    const taken = await sql.all(
      `UPDATE trace SET leased_until = $4 WHERE org_id = $1 AND user_id = $2
         AND correlation_id = $3 AND coalesce(leased_until, 0) <= $5 RETURNING trace_id`,
      [owner.orgId, owner.userId, correlationId, untilMs, nowMs],
    )
    if (taken.length > 0) granted.push(correlationId)
  }
  return granted
}
