/**
 * The messages that `POST …/responses/compact` hands back beside the compaction item: what the user,
 * the developer and the system said, with the members that an item of an answer must have.
 */
import type { ResponsesRequest } from '../protocol/responses/request.ts'
import type { Ids } from './ids.ts'
import { isRecord, textOf } from './narrow.ts'

const KEPT_ROLES = new Set(['user', 'developer', 'system'])

export function keptMessages(input: ResponsesRequest['input'], ids: Ids): unknown[] {
  const items = typeof input === 'string' ? [{ role: 'user', content: input }] : (input ?? [])
  return items.flatMap((item: Readonly<Record<string, unknown>>) => {
    const { type, id, role, content } = item
    if ((type ?? 'message') !== 'message' || !KEPT_ROLES.has(textOf(role))) return []
    return {
      type: 'message',
      id: textOf(id) || ids.next('msg'),
      status: 'completed',
      role,
      content:
        typeof content === 'string' ? [{ type: 'input_text', text: content }] : keptParts(content),
    }
  })
}

function keptParts(content: unknown): unknown {
  return Array.isArray(content) ? content.map(keptPart) : content
}

/** Text goes by three names in what clients send, and an image may leave out its detail. */
function keptPart(part: unknown): unknown {
  if (!isRecord(part)) return part
  switch (part['type']) {
    case 'text':
    case 'output_text':
      return { type: 'input_text', text: part['text'] }
    case 'input_image':
      return { ...part, detail: part['detail'] ?? 'auto' }
    default:
      return part
  }
}
