/** What is kept no longer: the longest unused threads, whole. */
import type { Pruned } from '../../gateway/state/port.ts'
import { integer, type Row, type Sql, text } from './sql.ts'

/** Others wait for the transaction meanwhile. */
const THREADS_AT_ONCE = 100

export async function prune(
  sql: Sql,
  { beforeMs, maxBytes }: { readonly beforeMs: number; readonly maxBytes: number },
): Promise<Pruned> {
  const [sum] = await sql.all('SELECT coalesce(sum(bytes), 0) AS bytes FROM thread', [])
  let surplus = (sum === undefined ? 0 : integer(sum, 'bytes')) - maxBytes
  const oldest = await sql.all(
    'SELECT thread_id, used_at, bytes FROM thread ORDER BY used_at, thread_id LIMIT $1',
    [THREADS_AT_ONCE],
  )
  let threads = 0
  for (const row of oldest) {
    if (integer(row, 'used_at') >= beforeMs && surplus <= 0) return { threads, more: false }
    if (!(await removeThread(sql, row))) continue
    surplus -= integer(row, 'bytes')
    threads += 1
  }
  return { threads, more: oldest.length === THREADS_AT_ONCE }
}

/**
 * The thread's own row goes first: whoever adds to the thread has to write it, too, so that either waits
 * for the other. One that has been used meanwhile stays.
 */
async function removeThread(sql: Sql, row: Row): Promise<boolean> {
  const threadId = text(row, 'thread_id')
  const removed = await sql.all(
    'DELETE FROM thread WHERE thread_id = $1 AND used_at = $2 RETURNING thread_id',
    [threadId, integer(row, 'used_at')],
  )
  if (removed.length === 0) return false
  await sql.all('DELETE FROM item WHERE thread_id = $1', [threadId])
  await sql.all('DELETE FROM response WHERE thread_id = $1', [threadId])
  await sql.all('DELETE FROM conversation WHERE conversation_id = $1', [threadId])
  return true
}
