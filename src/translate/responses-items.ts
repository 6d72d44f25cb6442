/**
 * The output items of a relayed Responses stream: which are closed, what the open ones hold so far,
 * and how to close them when the bridge itself ends the stream.
 *
 * @see https://www.openresponses.org/specification
 */
import { isRecord, listOf, textOf } from './narrow.ts'

type JsonObject = Readonly<Record<string, unknown>>

export interface RelayedItems {
  /** One event of the upstream's. Those of other kinds, and broken ones, change nothing. */
  read(event: JsonObject, type: string): void
  /** Generated text, reasoning and arguments so far, in UTF-16 units. */
  readonly outputChars: number
  /** The items that are done, in order. */
  readonly closed: readonly JsonObject[]
  /** The events, with their types, that close all that is open; then everything is `closed`. */
  close(): JsonObject[]
}

/** A stretch of text that grows by deltas: a content part, a summary part, arguments, an input. */
interface Stretch {
  /** The part around it, as it was added; undefined where there is none. */
  part: JsonObject | undefined
  text: string
  isTextDone: boolean
  isPartDone: boolean
}

interface OpenItem {
  readonly item: JsonObject
  readonly content: Stretch[]
  readonly summary: Stretch[]
  readonly written: Stretch
}

const newStretch = (part?: JsonObject, text = ''): Stretch => ({
  part,
  text,
  isTextDone: false,
  isPartDone: false,
})

export function createRelayedItems(): RelayedItems {
  const open = new Map<number, OpenItem>()
  const closed = new Map<number, JsonObject>()
  let outputChars = 0

  function read(event: JsonObject, type: string): void {
    const { delta, output_index: index } = event
    if (typeof delta === 'string') outputChars += delta.length
    if (typeof index !== 'number') return
    if (type === 'response.output_item.added') {
      if (isRecord(event['item'])) open.set(index, openItem(event['item']))
    } else if (type === 'response.output_item.done') {
      open.delete(index)
      if (isRecord(event['item'])) closed.set(index, event['item'])
    } else {
      const item = open.get(index)
      if (item !== undefined) readInside(item, event, type)
    }
  }

  return {
    read,
    get outputChars() {
      return outputChars
    },
    get closed() {
      return [...closed].sort(([a], [b]) => a - b).map(([, item]) => item)
    },
    close() {
      const last = Math.max(...open.keys(), ...closed.keys())
      const indices = [...open.keys()].sort((a, b) => a - b)
      return indices.flatMap((index) => {
        const item = open.get(index)
        if (item === undefined) return []
        // Only the last item of a response may be incomplete.
        const done = closedForm(item, index === last)
        open.delete(index)
        closed.set(index, done)
        const place = { item_id: item.item['id'], output_index: index }
        return [
          ...closingEvents(item, place),
          { type: 'response.output_item.done', output_index: index, item: done },
        ]
      })
    },
  }
}

function openItem(item: JsonObject): OpenItem {
  const written = textOf(item['arguments']) || textOf(item['input'])
  return { item, content: [], summary: [], written: newStretch(undefined, written) }
}

const PART_EVENT = /^response\.(content|reasoning_summary)_part\.(added|done)$/
const TEXT_EVENT =
  /^response\.(output_text|refusal|reasoning_text|reasoning_summary_text|function_call_arguments|custom_tool_call_input)\.(delta|done)$/

function readInside(item: OpenItem, event: JsonObject, type: string): void {
  const part = PART_EVENT.exec(type)
  if (part !== null) {
    const parts = part[1] === 'content' ? item.content : item.summary
    readPart(parts, partIndex(event), part[2] === 'done', event['part'])
    return
  }
  const text = TEXT_EVENT.exec(type)
  if (text !== null) {
    const stretch = stretchOf(item, text[1] ?? '', partIndex(event))
    if (stretch === undefined) return
    if (text[2] === 'done') stretch.isTextDone = true
    else stretch.text += textOf(event['delta'])
    return
  }
  if (type === 'response.output_text.annotation.added') {
    const stretch = item.content[partIndex(event)]
    if (stretch?.part === undefined) return
    const annotations = [...listOf(stretch.part['annotations']), event['annotation']]
    stretch.part = { ...stretch.part, annotations }
  }
}

function partIndex(event: JsonObject): number {
  const index = event['content_index'] ?? event['summary_index']
  return typeof index === 'number' ? index : 0
}

function readPart(parts: Stretch[], index: number, isDone: boolean, part: unknown): void {
  const known = parts[index]
  if (isDone) {
    if (known === undefined) return
    known.isPartDone = true
    if (isRecord(part)) known.part = part
  } else if (isRecord(part) && index === parts.length) {
    parts.push(newStretch(part, textOf(part['text']) || textOf(part['refusal'])))
  }
}

function stretchOf(item: OpenItem, kind: string, index: number): Stretch | undefined {
  if (kind === 'reasoning_summary_text') return item.summary[index]
  if (kind === 'function_call_arguments' || kind === 'custom_tool_call_input') return item.written
  return item.content[index]
}

function closingEvents(item: OpenItem, place: JsonObject): JsonObject[] {
  const events: JsonObject[] = []
  for (const [index, stretch] of item.summary.entries()) {
    const at = { ...place, summary_index: index }
    if (!stretch.isTextDone) {
      events.push({ type: 'response.reasoning_summary_text.done', ...at, text: stretch.text })
    }
    if (!stretch.isPartDone) {
      events.push({
        type: 'response.reasoning_summary_part.done',
        ...at,
        part: wholePart(stretch),
      })
    }
  }
  for (const [index, stretch] of item.content.entries()) {
    const at = { ...place, content_index: index }
    if (!stretch.isTextDone) events.push(...textDone(stretch, at))
    if (!stretch.isPartDone) {
      events.push({ type: 'response.content_part.done', ...at, part: wholePart(stretch) })
    }
  }
  if (!item.written.isTextDone) events.push(...writtenDone(item, place))
  return events
}

function textDone({ part, text }: Stretch, at: JsonObject): JsonObject[] {
  switch (part?.['type']) {
    case 'output_text':
      return [{ type: 'response.output_text.done', ...at, text, logprobs: [] }]
    case 'refusal':
      return [{ type: 'response.refusal.done', ...at, refusal: text }]
    case 'reasoning_text':
      return [{ type: 'response.reasoning_text.done', ...at, text }]
    default:
      return []
  }
}

function writtenDone({ item, written }: OpenItem, place: JsonObject): JsonObject[] {
  const { text } = written
  switch (item['type']) {
    case 'function_call': {
      const type = 'response.function_call_arguments.done'
      return [{ type, ...place, name: item['name'], arguments: text }]
    }
    case 'custom_tool_call':
      return [{ type: 'response.custom_tool_call_input.done', ...place, input: text }]
    default:
      return []
  }
}

function wholePart({ part, text, isPartDone }: Stretch): JsonObject {
  if (isPartDone) return part ?? {}
  return part?.['type'] === 'refusal' ? { ...part, refusal: text } : { ...part, text }
}

/** Kinds that know no `incomplete`: the hosted calls of which nothing came are failed ones. */
const FAILS_WHEN_CUT = new Set<unknown>(['web_search_call', 'image_generation_call'])

function closedForm({ item, content, summary, written }: OpenItem, isLast: boolean): JsonObject {
  const cut = FAILS_WHEN_CUT.has(item['type']) ? 'failed' : 'incomplete'
  const status = isLast ? cut : 'completed'
  switch (item['type']) {
    case 'message':
      return { ...item, status, content: content.map(wholePart) }
    case 'reasoning':
      return {
        ...item,
        ...('status' in item ? { status } : {}),
        summary: summary.map(wholePart),
        ...(content.length > 0 ? { content: content.map(wholePart) } : {}),
      }
    case 'function_call':
      return { ...item, status, arguments: written.text }
    case 'custom_tool_call':
      return { ...item, status, input: written.text }
    default:
      return { ...item, status }
  }
}
