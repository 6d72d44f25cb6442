/** Items on their way into the store and out of it: every one has an id to be found by. */
import type { IdPrefix, Ids } from '../../translate/ids.ts'
import { isRecord } from '../../translate/narrow.ts'
import type { StoredItem } from './port.ts'

/** An item as a client or the bridge wrote it. */
export type WireItem = Readonly<Record<string, unknown>>

const ID = /^[\w.:-]{1,128}$/

/** What an id may be to be looked up by; any other is the client's own affair, and names nothing here. */
export const isId = (id: string): boolean => ID.test(id)

const PREFIXES: Readonly<Record<string, IdPrefix>> = {
  message: 'msg',
  reasoning: 'rs',
  function_call: 'fc',
  custom_tool_call: 'ctc',
  tool_search_call: 'tsc',
}

/** @param taken ids that stand for other items already */
export function toStoredItem(
  item: WireItem,
  ids: Ids,
  taken: ReadonlySet<unknown> = NONE,
): StoredItem {
  const { id, type, role } = item
  const isUsable = typeof id === 'string' && isId(id) && !taken.has(id)
  const kind = typeof type === 'string' ? type : role === undefined ? '' : 'message'
  return {
    id: isUsable ? id : ids.next(PREFIXES[kind] ?? 'item'),
    body: JSON.stringify(item),
  }
}

const NONE: ReadonlySet<unknown> = new Set()

/** Each with an id of its own among them: pages of a list are found by it. */
export function toStoredItems(
  items: readonly WireItem[],
  ids: Ids,
  taken: ReadonlySet<unknown> = NONE,
): readonly StoredItem[] {
  const used = new Set(taken)
  return items.map((item) => {
    const stored = toStoredItem(item, ids, used)
    used.add(stored.id)
    return stored
  })
}

/** As the client or the model wrote it. */
export const toWireItem = ({ body }: StoredItem): WireItem => JSON.parse(body) as WireItem

/** As the API lists it: with its id, its type, and content in parts. */
export function toListedItem({ id, body }: StoredItem): WireItem {
  const item = JSON.parse(body) as WireItem
  if (item['role'] === undefined) return { ...item, id }
  const { role, content, status } = item
  return {
    ...item,
    id,
    type: 'message',
    status: status ?? 'completed',
    role,
    content: typeof content === 'string' ? [textPart(role, content)] : (content ?? []),
  }
}

function textPart(role: unknown, text: string): WireItem {
  return role === 'assistant'
    ? { type: 'output_text', text, annotations: [], logprobs: [] }
    : { type: 'input_text', text }
}

/** The output of a Response object, whatever else an upstream put there. */
export function outputOf(response: WireItem): readonly WireItem[] {
  const { output } = response
  return Array.isArray(output) ? output.filter(isRecord) : []
}
