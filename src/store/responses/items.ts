/** Items in their order, by page and by id; and the threads that count how much there is of them. */
import type { Owner } from '../../budget/hold.ts'
import type { ItemPage, PageRequest, StoredItem } from '../../gateway/state/port.ts'
import { integerIfAny, type Row, type Sql, text } from './sql.ts'

export type Side = 'input' | 'output' | 'conversation'

export const toItem = (row: Row): StoredItem => ({
  id: text(row, 'item_id'),
  body: text(row, 'body'),
})

export interface ItemPlace {
  readonly owner: Owner
  readonly threadId: string
  readonly parentId: string
  readonly side: Side
}

/** @returns the size of what was written, as the thread counts it */
export async function insertItems(
  sql: Sql,
  { owner, threadId, parentId, side }: ItemPlace,
  items: readonly StoredItem[],
): Promise<number> {
  // Not one after another: a history of hundreds of items is then one way to PostgreSQL and back.
  await Promise.all(
    items.map(({ id, body }) =>
      sql.all(
        `INSERT INTO item (thread_id, org_id, user_id, parent_id, side, item_id, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7)`,
        [threadId, owner.orgId, owner.userId, parentId, side, id, body],
      ),
    ),
  )
  return items.reduce((bytes, { body }) => bytes + body.length, 0)
}

/** The thread was used now and is `bytes` larger. */
export async function touchThread(
  sql: Sql,
  threadId: string,
  bytes: number,
  nowMs: number,
): Promise<void> {
  await sql.all(
    `INSERT INTO thread (thread_id, used_at, bytes) VALUES ($1, $2, $3)
     ON CONFLICT (thread_id) DO UPDATE SET
       used_at = excluded.used_at, bytes = thread.bytes + excluded.bytes`,
    [threadId, nowMs, bytes],
  )
}

/** Something of it was deleted or changed: it is counted anew, and a thread of nothing goes. */
export async function recountThread(sql: Sql, threadId: string): Promise<void> {
  await sql.all(
    `UPDATE thread SET bytes =
       (SELECT coalesce(sum(length(body)), 0) FROM item WHERE thread_id = $1) +
       (SELECT coalesce(sum(length(body) + length(settings) + coalesce(length(log), 0)), 0)
        FROM response WHERE thread_id = $1) +
       (SELECT coalesce(sum(length(metadata)), 0) FROM conversation WHERE conversation_id = $1)
     WHERE thread_id = $1`,
    [threadId],
  )
  await sql.all(
    `DELETE FROM thread WHERE thread_id = $1
       AND NOT EXISTS (SELECT 1 FROM response WHERE thread_id = $1)
       AND NOT EXISTS (SELECT 1 FROM item WHERE thread_id = $1)
       AND NOT EXISTS (SELECT 1 FROM conversation WHERE conversation_id = $1)`,
    [threadId],
  )
}

const NO_ITEM = -1

/**
 * The caller has seen that the parent is there and whose it is. Should one id stand for several items
 * (upstreams exist that give theirs anew in every answer), the page begins behind the last of them: behind
 * the first, a client that goes from page to page would come by for ever.
 */
export async function pageOf(
  sql: Sql,
  parentId: string,
  side: Side,
  { order, after, limit }: PageRequest,
): Promise<ItemPage> {
  let from = NO_ITEM
  if (after !== undefined) {
    const [row] = await sql.all(
      `SELECT ${order === 'asc' ? 'max' : 'min'}(sequence) AS sequence FROM item
       WHERE parent_id = $1 AND side = $2 AND item_id = $3`,
      [parentId, side, after],
    )
    const place = row === undefined ? undefined : integerIfAny(row, 'sequence')
    if (place === undefined) return { ok: false, reason: 'unknown_after' }
    from = place
  }
  const rows = await sql.all(
    order === 'asc'
      ? `SELECT item_id, body FROM item WHERE parent_id = $1 AND side = $2 AND sequence > $3
         ORDER BY sequence LIMIT $4`
      : `SELECT item_id, body FROM item
         WHERE parent_id = $1 AND side = $2 AND ($3 = ${NO_ITEM} OR sequence < $3)
         ORDER BY sequence DESC LIMIT $4`,
    [parentId, side, from, limit + 1],
  )
  return { ok: true, items: rows.slice(0, limit).map(toItem), hasMore: rows.length > limit }
}
