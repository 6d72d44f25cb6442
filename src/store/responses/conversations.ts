/** Conversations: their items, their metadata, and the lock that lets one turn run at a time. */
import type {
  ConversationReference,
  FoundConversation,
  ItemPage,
  PageRequest,
  SavedTurn,
  StoredItem,
} from '../../gateway/state/port.ts'
import { insertItems, pageOf, recountThread, toItem, touchThread } from './items.ts'
import { integer, type Row, type Sql, text } from './sql.ts'

const OWNED = 'conversation_id = $1 AND org_id = $2 AND user_id = $3'

const paramsOf = ({ owner, conversationId }: ConversationReference): [string, string, string] => [
  conversationId,
  owner.orgId,
  owner.userId,
]

async function readOwned(sql: Sql, reference: ConversationReference): Promise<Row | undefined> {
  const [row] = await sql.all(`SELECT * FROM conversation WHERE ${OWNED}`, paramsOf(reference))
  return row
}

export async function createConversation(
  sql: Sql,
  request: ConversationReference & {
    readonly metadata: string
    readonly items: readonly StoredItem[]
    readonly nowMs: number
  },
): Promise<void> {
  const { metadata, nowMs } = request
  await sql.all(
    `INSERT INTO conversation (conversation_id, org_id, user_id, created_at, metadata)
     VALUES ($1, $2, $3, $4, $5)`,
    [...paramsOf(request), nowMs, metadata],
  )
  await append(sql, request, request.items, nowMs, metadata.length)
}

/** An empty conversation has a thread, too: retention has to find it. */
async function append(
  sql: Sql,
  { owner, conversationId }: ConversationReference,
  items: readonly StoredItem[],
  nowMs: number,
  moreBytes = 0,
): Promise<void> {
  const place = {
    owner,
    threadId: conversationId,
    parentId: conversationId,
    side: 'conversation',
  } as const
  const bytes = moreBytes + (await insertItems(sql, place, items))
  await touchThread(sql, conversationId, bytes, nowMs)
}

export async function findConversation(
  sql: Sql,
  reference: ConversationReference,
): Promise<FoundConversation | undefined> {
  const row = await readOwned(sql, reference)
  if (row === undefined) return undefined
  return { createdAtMs: integer(row, 'created_at'), metadata: text(row, 'metadata') }
}

export async function updateConversation(
  sql: Sql,
  request: ConversationReference & { readonly metadata: string },
): Promise<boolean> {
  const rows = await sql.all(
    `UPDATE conversation SET metadata = $4 WHERE ${OWNED} RETURNING conversation_id`,
    [...paramsOf(request), request.metadata],
  )
  if (rows.length === 0) return false
  await recountThread(sql, request.conversationId)
  return true
}

export async function deleteConversation(
  sql: Sql,
  reference: ConversationReference,
): Promise<boolean> {
  const rows = await sql.all(
    `DELETE FROM conversation WHERE ${OWNED} RETURNING conversation_id`,
    paramsOf(reference),
  )
  if (rows.length === 0) return false
  await recountThread(sql, reference.conversationId)
  return true
}

export async function readConversation(
  sql: Sql,
  reference: ConversationReference,
): Promise<readonly StoredItem[] | undefined> {
  if ((await readOwned(sql, reference)) === undefined) return undefined
  const rows = await sql.all(
    `SELECT item_id, body FROM item WHERE parent_id = $1 AND side = 'conversation' ORDER BY sequence`,
    [reference.conversationId],
  )
  return rows.map(toItem)
}

export async function addConversationItems(
  sql: Sql,
  request: ConversationReference & {
    readonly items: readonly StoredItem[]
    readonly nowMs: number
  },
): Promise<boolean> {
  if ((await readOwned(sql, request)) === undefined) return false
  await append(sql, request, request.items, request.nowMs)
  return true
}

export async function listConversationItems(
  sql: Sql,
  request: ConversationReference & PageRequest,
): Promise<ItemPage> {
  if ((await readOwned(sql, request)) === undefined) return { ok: false, reason: 'not_found' }
  return pageOf(sql, request.conversationId, 'conversation', request)
}

export async function findConversationItem(
  sql: Sql,
  request: ConversationReference & { readonly itemId: string },
): Promise<StoredItem | undefined> {
  if ((await readOwned(sql, request)) === undefined) return undefined
  const [row] = await sql.all(
    `SELECT item_id, body FROM item
     WHERE parent_id = $1 AND side = 'conversation' AND item_id = $2`,
    [request.conversationId, request.itemId],
  )
  return row === undefined ? undefined : toItem(row)
}

export async function deleteConversationItem(
  sql: Sql,
  request: ConversationReference & { readonly itemId: string },
): Promise<boolean> {
  if ((await readOwned(sql, request)) === undefined) return false
  const rows = await sql.all(
    `DELETE FROM item WHERE parent_id = $1 AND side = 'conversation' AND item_id = $2
     RETURNING item_id`,
    [request.conversationId, request.itemId],
  )
  if (rows.length === 0) return false
  await recountThread(sql, request.conversationId)
  return true
}

export async function lockConversation(
  sql: Sql,
  request: ConversationReference & {
    readonly responseId: string
    readonly untilMs: number
    readonly nowMs: number
  },
): Promise<'locked' | 'busy' | 'not_found'> {
  const rows = await sql.all(
    `UPDATE conversation SET lock_holder = $4, lock_until = $5
     WHERE ${OWNED} AND (lock_holder IS NULL OR lock_until < $6) RETURNING conversation_id`,
    [...paramsOf(request), request.responseId, request.untilMs, request.nowMs],
  )
  if (rows.length > 0) return 'locked'
  return (await readOwned(sql, request)) === undefined ? 'not_found' : 'busy'
}

export async function unlockConversation(
  sql: Sql,
  request: { readonly conversationId: string; readonly responseId: string },
): Promise<void> {
  await sql.all(
    `UPDATE conversation SET lock_holder = NULL, lock_until = NULL
     WHERE conversation_id = $1 AND lock_holder = $2`,
    [request.conversationId, request.responseId],
  )
}

/**
 * What a turn adds, and the end of its lock. A conversation deleted while the turn ran stays deleted.
 *
 * @returns the size of what was added
 */
export async function appendTurn(
  sql: Sql,
  turn: SavedTurn,
  conversationId: string,
): Promise<number> {
  const { owner, responseId } = turn
  await unlockConversation(sql, { conversationId, responseId })
  if (!turn.joinsConversation) return 0
  if ((await readOwned(sql, { owner, conversationId })) === undefined) return 0
  const place = { owner, threadId: conversationId, parentId: conversationId } as const
  return insertItems(sql, { ...place, side: 'conversation' }, [...turn.input, ...turn.output])
}
