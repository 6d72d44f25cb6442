/** A trace written: its request when it leaves, the rest when it is over, in whatever order. */
import type { TraceWrite } from '../../gateway/trace/port.ts'
import type { TraceFacts } from '../../trace/record.ts'
import { redactJson } from '../../trace/redact-json.ts'
import { type Param, type Sql, textIfAny } from '../responses/sql.ts'
import { type HashedPiece, type Packed, packRequest, packResponse, packText } from './codec.ts'
import type { TraceSettings } from './operations.ts'

/** How far behind the last call that holds a piece `used_at` may be: writing it each time costs a row. */
export const PIECE_SLACK_MS = 60_000
/** Rows of one statement: each number of them is another statement to prepare. */
const PIECES_AT_ONCE = 32

export async function write(
  sql: Sql,
  { owner, createdAtMs, facts: given, request, response }: TraceWrite,
  { redact, recentPieces }: TraceSettings,
): Promise<void> {
  // Ids and names come from clients, who may have put a key there.
  const facts = redactJson(given, redact) as TraceFacts
  const packedRequest = request === undefined ? undefined : packRequest(request, redact)
  const packedResponse = response === undefined ? undefined : packResponse(response, redact)
  const parts = [packedRequest, packedResponse].filter((part) => part !== undefined)
  await keepPieces(
    sql,
    parts.flatMap(({ pieces }) => pieces),
    createdAtMs,
    recentPieces,
  )

  const [row] = await sql.all('SELECT outcome FROM trace WHERE trace_id = $1', [facts.trace_id])
  const isOver = facts.outcome !== null
  if (row === undefined) {
    await sql.all(
      `INSERT INTO trace (trace_id, org_id, user_id, created_at, session_id, trial_id, job_id,
         correlation_id, model, status, outcome, bytes, facts, request, request_pieces, response,
         response_pieces)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
      [
        facts.trace_id,
        owner.orgId,
        owner.userId,
        createdAtMs,
        toColumn(facts.session_id),
        toColumn(facts.trial_id),
        toColumn(facts.job_id),
        toColumn(facts.correlation_id),
        toColumn(facts.model),
        facts.status,
        facts.outcome,
        sizeOf(facts, parts),
        JSON.stringify(facts),
        ...columnsOf(packedRequest),
        ...columnsOf(packedResponse),
      ],
    )
    return
  }
  if (packedRequest !== undefined) {
    await sql.all(
      `UPDATE trace SET request = $2, request_pieces = $3,
         bytes = bytes - coalesce(length(request), 0) + $4 WHERE trace_id = $1`,
      [facts.trace_id, ...columnsOf(packedRequest), packedRequest.body.length],
    )
  }
  // The end says more than the beginning, whichever comes last.
  if (!isOver && textIfAny(row, 'outcome') !== undefined) return
  await sql.all(
    `UPDATE trace SET facts = $2, status = $3, outcome = $4, session_id = $5
     WHERE trace_id = $1`,
    [
      facts.trace_id,
      JSON.stringify(facts),
      facts.status,
      facts.outcome,
      toColumn(facts.session_id),
    ],
  )
  if (packedResponse !== undefined) {
    await sql.all(
      `UPDATE trace SET response = $2, response_pieces = $3,
         bytes = bytes - coalesce(length(response), 0) + $4 WHERE trace_id = $1`,
      [facts.trace_id, ...columnsOf(packedResponse), packedResponse.body.length],
    )
  }
}

/** A name as it can be looked for: PostgreSQL's texts hold neither NUL nor half a character. */
export function toColumn<Text extends string | null | undefined>(name: Text): Text | string {
  return typeof name === 'string' ? name.replaceAll('\0', '\ufffd').toWellFormed() : name
}

function columnsOf(packed: Packed | undefined): [Param, Param] {
  return packed === undefined ? [null, null] : [packed.body, packed.places]
}

function sizeOf(facts: TraceFacts, parts: readonly Packed[]): number {
  const content = parts.reduce(
    (sum, { body, places }) => sum + body.length + (places ?? '').length,
    0,
  )
  return JSON.stringify(facts).length + content
}

/** Pieces that are there already are only said to be in use, and that not each time. */
async function keepPieces(
  sql: Sql,
  pieces: readonly HashedPiece[],
  usedAtMs: number,
  recent: RecentPieces,
): Promise<void> {
  const unknown = new Map(
    pieces.filter(({ hash }) => !recent.has(hash, usedAtMs)).map((piece) => [piece.hash, piece]),
  )
  const rows = [...unknown.values()]
  for (let at = 0; at < rows.length; at += PIECES_AT_ONCE) {
    const some = rows.slice(at, at + PIECES_AT_ONCE)
    const values = some.map((_, row) => {
      const first = row * 4 + 1
      return `($${first}, $${first + 1}, $${first + 2}, $${first + 3})`
    })
    await sql.all(
      `INSERT INTO piece (hash, used_at, bytes, body) VALUES ${values.join(', ')}
       ON CONFLICT (hash) DO UPDATE SET used_at = excluded.used_at
         WHERE piece.used_at < excluded.used_at`,
      some.flatMap(({ hash, body }): Param[] => {
        const packed = packText(body)
        return [hash, usedAtMs, packed.length, packed]
      }),
    )
  }
  recent.add([...unknown.keys()], usedAtMs)
}

export interface RecentPieces {
  /** Whether the piece is known to be there, and in use at about that time. */
  has(hash: string, usedAtMs: number): boolean
  add(hashes: readonly string[], usedAtMs: number): void
  /** After pieces were taken out. */
  clear(): void
}

const MAX_RECENT = 50_000

export function createRecentPieces(): RecentPieces {
  const usedAt = new Map<string, number>()
  return {
    has: (hash, usedAtMs) =>
      (usedAt.get(hash) ?? Number.NEGATIVE_INFINITY) > usedAtMs - PIECE_SLACK_MS,
    add(hashes, usedAtMs) {
      if (usedAt.size + hashes.length > MAX_RECENT) usedAt.clear()
      for (const hash of hashes) usedAt.set(hash, Math.max(usedAtMs, usedAt.get(hash) ?? 0))
    },
    clear: () => usedAt.clear(),
  }
}
