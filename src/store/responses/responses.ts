/** Responses: written, found, followed back through those before them, deleted. */
import type { Owner } from '../../budget/hold.ts'
import type {
  FoundResponse,
  ItemPage,
  PageRequest,
  ResponseReference,
  SavedResponse,
  SavedTurn,
  StoredItem,
} from '../../gateway/state/port.ts'
import { appendTurn } from './conversations.ts'
import { insertItems, pageOf, recountThread, toItem, touchThread } from './items.ts'
import { integer, integerIfAny, type Row, type Sql, text, textIfAny } from './sql.ts'

export async function save(sql: Sql, turn: SavedTurn): Promise<void> {
  const { response, conversationId } = turn
  const threadId = await threadOf(sql, turn)
  let bytes = 0
  if (response !== undefined) bytes += await writeResponse(sql, turn, response, threadId)
  if (conversationId !== undefined && turn.leaseUntilMs === undefined)
    bytes += await appendTurn(sql, turn, conversationId)
  if (bytes > 0) await touchThread(sql, threadId, bytes, turn.nowMs)
}

async function threadOf(sql: Sql, turn: SavedTurn): Promise<string> {
  if (turn.conversationId !== undefined) return turn.conversationId
  if (turn.previousResponseId === undefined) return turn.responseId
  const [row] = await sql.all('SELECT thread_id FROM response WHERE response_id = $1', [
    turn.previousResponseId,
  ])
  return row === undefined ? turn.responseId : text(row, 'thread_id')
}

async function writeResponse(
  sql: Sql,
  turn: SavedTurn,
  { body, log, settings, isBackground }: SavedResponse,
  threadId: string,
): Promise<number> {
  const { owner, responseId, conversationId, leaseUntilMs } = turn
  const state = leaseUntilMs === undefined ? 'ended' : 'running'
  const [before] = await sql.all(
    'SELECT length(body) + length(settings) AS bytes FROM response WHERE response_id = $1',
    [responseId],
  )
  const place = { owner, threadId, parentId: responseId }
  let bytes = body.length + (log ?? '').length + settings.length
  if (before === undefined) {
    await sql.all(
      `INSERT INTO response (response_id, thread_id, org_id, user_id, previous_id, conversation_id,
         conversation_end, state, lease_until, cancel_asked, is_background, body, settings, log)
       VALUES ($1, $2, $3, $4, $5, $6,
         (SELECT max(sequence) FROM item WHERE parent_id = $6 AND side = 'conversation'),
         $7, $8, 0, $9, $10, $11, $12)`,
      [
        responseId,
        threadId,
        owner.orgId,
        owner.userId,
        turn.previousResponseId ?? null,
        conversationId ?? null,
        state,
        leaseUntilMs ?? null,
        isBackground ? 1 : 0,
        body,
        settings,
        log ?? null,
      ],
    )
    bytes += await insertItems(sql, { ...place, side: 'input' }, turn.input)
  } else {
    await sql.all(
      `UPDATE response SET state = $2, lease_until = $3, body = $4, settings = $5, log = $6
       WHERE response_id = $1`,
      [responseId, state, leaseUntilMs ?? null, body, settings, log ?? null],
    )
    await sql.all("DELETE FROM item WHERE parent_id = $1 AND side = 'output'", [responseId])
    bytes -= integer(before, 'bytes')
  }
  return bytes + (await insertItems(sql, { ...place, side: 'output' }, turn.output))
}

const OWNED = 'response_id = $1 AND org_id = $2 AND user_id = $3'

const paramsOf = ({ owner, responseId }: ResponseReference): [string, string, string] => [
  responseId,
  owner.orgId,
  owner.userId,
]

async function readOwned(sql: Sql, reference: ResponseReference): Promise<Row | undefined> {
  const [row] = await sql.all(
    `SELECT * FROM response WHERE ${OWNED} AND state <> 'deleted'`,
    paramsOf(reference),
  )
  return row
}

export async function find(
  sql: Sql,
  reference: ResponseReference,
): Promise<FoundResponse | undefined> {
  const row = await readOwned(sql, reference)
  if (row === undefined) return undefined
  const output = await sql.all(
    "SELECT item_id, body FROM item WHERE parent_id = $1 AND side = 'output' ORDER BY sequence",
    [reference.responseId],
  )
  return {
    body: text(row, 'body'),
    log: textIfAny(row, 'log'),
    settings: text(row, 'settings'),
    isBackground: integer(row, 'is_background') === 1,
    output: output.map(toItem),
    conversationId: textIfAny(row, 'conversation_id'),
    leaseUntilMs: integerIfAny(row, 'lease_until'),
  }
}

async function deleteResponse(sql: Sql, reference: ResponseReference): Promise<boolean> {
  const row = await readOwned(sql, reference)
  if (row === undefined) return false
  await removeOrHide(sql, reference.responseId)
  await removeHidden(sql, textIfAny(row, 'previous_id'))
  await recountThread(sql, text(row, 'thread_id'))
  return true
}

export { deleteResponse as delete }

async function hasFollowers(sql: Sql, responseId: string): Promise<boolean> {
  const rows = await sql.all('SELECT 1 AS one FROM response WHERE previous_id = $1 LIMIT 1', [
    responseId,
  ])
  return rows.length > 0
}

async function removeOrHide(sql: Sql, responseId: string): Promise<void> {
  if (await hasFollowers(sql, responseId)) {
    await sql.all(
      "UPDATE response SET state = 'deleted', body = '', settings = '', log = NULL WHERE response_id = $1",
      [responseId],
    )
    await sql.all('UPDATE item SET item_id = NULL WHERE parent_id = $1', [responseId])
    return
  }
  await sql.all('DELETE FROM response WHERE response_id = $1', [responseId])
  await sql.all('DELETE FROM item WHERE parent_id = $1', [responseId])
}

/** Those that were only kept for what followed from them. */
async function removeHidden(sql: Sql, responseId: string | undefined): Promise<void> {
  let id = responseId
  while (id !== undefined && !(await hasFollowers(sql, id))) {
    const [row] = await sql.all(
      "SELECT previous_id FROM response WHERE response_id = $1 AND state = 'deleted'",
      [id],
    )
    if (row === undefined) return
    await sql.all('DELETE FROM response WHERE response_id = $1', [id])
    await sql.all('DELETE FROM item WHERE parent_id = $1', [id])
    id = textIfAny(row, 'previous_id')
  }
}

/** One query for the whole chain. The first response of all may have begun on a conversation. */
export async function readTurns(
  sql: Sql,
  reference: ResponseReference,
): Promise<readonly StoredItem[] | undefined> {
  const rows = await sql.all(
    `WITH RECURSIVE chain (response_id, previous_id, conversation_id, conversation_end, depth) AS (
       SELECT response_id, previous_id, conversation_id, conversation_end, 0
       FROM response WHERE ${OWNED} AND state = 'ended'
       UNION ALL
       SELECT r.response_id, r.previous_id, r.conversation_id, r.conversation_end, chain.depth + 1
       FROM response r JOIN chain ON r.response_id = chain.previous_id)
     SELECT chain.previous_id, chain.conversation_id, chain.conversation_end, item.body
     FROM chain LEFT JOIN item ON item.parent_id = chain.response_id
     ORDER BY chain.depth DESC, item.sequence`,
    paramsOf(reference),
  )
  const [first] = rows
  // One before it is not there any more: half a history would be another conversation.
  if (first === undefined || first['previous_id'] !== null) return undefined
  const earlier = await conversationBefore(sql, first)
  return [...earlier, ...rows]
    .filter((row) => row['body'] !== null)
    .map((row) => ({ id: '', body: text(row, 'body') }))
}

function conversationBefore(sql: Sql, first: Row) {
  const end = integerIfAny(first, 'conversation_end')
  if (end === undefined) return []
  return sql.all(
    `SELECT body FROM item WHERE parent_id = $1 AND side = 'conversation' AND sequence <= $2
     ORDER BY sequence`,
    [text(first, 'conversation_id'), end],
  )
}

/** How many ids one statement looks for; a statement of a fixed length is prepared once. */
const IDS_AT_ONCE = 32
const PLACES = Array.from({ length: IDS_AT_ONCE }, (_, index) => `$${index + 3}`).join(', ')

export async function readItems(
  sql: Sql,
  { owner, itemIds }: { readonly owner: Owner; readonly itemIds: readonly string[] },
): Promise<readonly StoredItem[]> {
  const latest = new Map<string, StoredItem>()
  for (let at = 0; at < itemIds.length; at += IDS_AT_ONCE) {
    const some = itemIds.slice(at, at + IDS_AT_ONCE)
    const padding: null[] = Array(IDS_AT_ONCE - some.length).fill(null)
    const rows = await sql.all(
      `SELECT item_id, body FROM item WHERE org_id = $1 AND user_id = $2 AND item_id IN (${PLACES})
       ORDER BY sequence`,
      [owner.orgId, owner.userId, ...some, ...padding],
    )
    for (const item of rows.map(toItem)) latest.set(item.id, item)
  }
  return [...latest.values()]
}

export async function listInput(
  sql: Sql,
  request: ResponseReference & PageRequest,
): Promise<ItemPage> {
  if ((await readOwned(sql, request)) === undefined) return { ok: false, reason: 'not_found' }
  return pageOf(sql, request.responseId, 'input', request)
}

export async function extend(
  sql: Sql,
  { responseIds, untilMs }: { readonly responseIds: readonly string[]; readonly untilMs: number },
): Promise<readonly string[]> {
  const asked = await Promise.all(
    responseIds.map(async (responseId) => {
      const [[row]] = await Promise.all([
        sql.all(
          `UPDATE response SET lease_until = $2 WHERE response_id = $1 AND state = 'running'
           RETURNING cancel_asked`,
          [responseId, untilMs],
        ),
        sql.all('UPDATE conversation SET lock_until = $2 WHERE lock_holder = $1', [
          responseId,
          untilMs,
        ]),
      ])
      return row !== undefined && integer(row, 'cancel_asked') === 1 ? [responseId] : []
    }),
  )
  return asked.flat()
}

export async function askCancel(sql: Sql, reference: ResponseReference): Promise<void> {
  await sql.all(
    `UPDATE response SET cancel_asked = 1 WHERE ${OWNED} AND state = 'running'`,
    paramsOf(reference),
  )
}
