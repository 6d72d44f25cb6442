/**
 * The rules of a stream that no schema says: its beginning and its one end, its numbering, and that the
 * final output is what was streamed. What holds inside one item: `stream-item.ts`.
 *
 * @see https://www.openresponses.org/specification
 * @see https://platform.openai.com/docs/api-reference/responses-streaming
 */
import { isDeepStrictEqual } from 'node:util'
import { isRecord, listOf } from '../translate/narrow.ts'
import { checkResponse } from './check-response.ts'
import { type Report, shown } from './rules.ts'
import type { StreamEvent } from './stream-frames.ts'
import { createItemTrack, type ItemTrack } from './stream-item.ts'

type Fields = Readonly<Record<string, unknown>>

export interface StreamReading {
  /** The response of the terminal event; undefined where none came. */
  readonly final: Fields | undefined
  /** Items in the order of their output_index. */
  readonly items: readonly ItemTrack[]
}

const TERMINAL = new Map([
  ['response.completed', 'completed'],
  ['response.incomplete', 'incomplete'],
  ['response.failed', 'failed'],
])

/** A sign of life, which may come anywhere between the first event and the last. */
const KEEPALIVE = 'keepalive'

export function checkStream(events: readonly StreamEvent[], report: Report): StreamReading {
  checkSequence(events, report)
  checkBeginning(events, report)
  checkIdentity(events, report)
  const final = checkEnd(events, report)
  const items = trackItems(events, report)
  if (final !== undefined) {
    checkResponse(final, report)
    if (final['status'] !== 'failed') checkOutput(final, items, report)
  }
  return { final, items }
}

function checkSequence(events: readonly StreamEvent[], report: Report): void {
  const wrong = events.findIndex(({ fields }, index) => fields['sequence_number'] !== index)
  const event = events[wrong]
  if (event === undefined) return
  report(
    'stream.sequence',
    `${event.type} has ${shown(event.fields['sequence_number'])}, not ${wrong}`,
  )
}

function checkBeginning(events: readonly StreamEvent[], report: Report): void {
  const types = events.map(({ type }) => type).filter((type) => type !== KEEPALIVE)
  if (types.length === 0) return
  if (types[0] !== 'response.created') report('stream.first', `${types[0]} comes first`)
  const second = types[1]
  const mayFollow = ['response.in_progress', 'response.queued', 'response.failed', 'error']
  if (second !== undefined && !mayFollow.includes(second)) {
    report('stream.first', `${second} comes before response.in_progress`)
  }
  for (const type of ['response.created', 'response.in_progress']) {
    const times = types.filter((other) => other === type).length
    if (times > 1) report('stream.first', `${type} comes ${times} times`)
  }
}

function checkIdentity(events: readonly StreamEvent[], report: Report): void {
  const responses = events.flatMap(({ fields: { response } }) =>
    isRecord(response) ? [response] : [],
  )
  const [first] = responses
  for (const field of ['id', 'created_at']) {
    const other = responses.find((response) => response[field] !== first?.[field])
    if (first === undefined || other === undefined) continue
    report('stream.same-response', `${field} ${shown(first[field])} became ${shown(other[field])}`)
  }
  for (const { type, fields } of events) {
    const { response } = fields
    if (type !== 'response.created' && type !== 'response.in_progress') continue
    const status = isRecord(response) ? response['status'] : undefined
    if (status !== 'in_progress' && status !== 'queued') {
      report('stream.status', `${type} has the status ${shown(status)}`)
    }
  }
}

function checkEnd(events: readonly StreamEvent[], report: Report): Fields | undefined {
  const index = events.findIndex(({ type }) => TERMINAL.has(type))
  const terminal = events[index]
  if (terminal === undefined) {
    report('stream.terminal', `none came; the last event is ${events.at(-1)?.type ?? 'none'}`)
    return undefined
  }
  const behind = events.slice(index + 1).map(({ type }) => type)
  if (behind.length > 0) {
    report('stream.terminal', `${behind.join(', ')} behind ${terminal.type}`)
  }
  const { response } = terminal.fields
  if (!isRecord(response)) {
    report('stream.status', `${terminal.type} has no response`)
    return undefined
  }
  if (response['status'] !== TERMINAL.get(terminal.type)) {
    report('stream.status', `${terminal.type} has the status ${shown(response['status'])}`)
  }
  if (events.some(({ type }) => type === 'error') && terminal.type !== 'response.failed') {
    report('stream.error', `${terminal.type} behind an error event`)
  }
  return response
}

function trackItems(events: readonly StreamEvent[], report: Report): ItemTrack[] {
  const tracks: ItemTrack[] = []
  for (const { type, fields } of events) {
    const index = fields['output_index']
    if (index === undefined) {
      const isPlaced = !type.startsWith('response.') || isRecord(fields['response'])
      if (!isPlaced) report('item.index', `${type} has none`)
      continue
    }
    if (type === 'response.output_item.added') {
      if (index !== tracks.length) {
        report('item.index', `an item is added at ${shown(index)}, not ${tracks.length}`)
      }
      tracks.push(createItemTrack(fields['item'], index, report))
      continue
    }
    const track = tracks.findLast((candidate) => candidate.outputIndex === index)
    if (track === undefined)
      report('item.added', `${type} for ${shown(index)}, which was not added`)
    else track.take(type, fields)
  }
  return tracks
}

/** `encrypted_content` may differ between the two: OpenAI seals it anew. */
function comparable(item: unknown): unknown {
  if (!isRecord(item)) return item
  const { encrypted_content: _sealed, ...rest } = item
  return rest
}

function checkOutput(final: Fields, items: readonly ItemTrack[], report: Report): void {
  for (const { outputIndex, type, closedAs } of items) {
    if (closedAs === undefined) {
      report('item.done', `item ${shown(outputIndex)} (${type}) was never closed`)
    }
  }
  const closed = items.flatMap(({ closedAs }) => (closedAs === undefined ? [] : [closedAs]))
  const output = listOf(final['output'])
  if (output.length !== closed.length) {
    report('output.same', `it has ${output.length} items; ${closed.length} were closed`)
    return
  }
  for (const [index, item] of output.entries()) {
    if (!isDeepStrictEqual(comparable(item), comparable(closed[index]))) {
      report('output.same', `output[${index}] is not the item that was closed: ${shown(item)}`)
    }
  }
}
