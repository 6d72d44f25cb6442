/**
 * The ordering rules of a Responses stream, which no schema says, as a list of what breaks them. The
 * shared validator checks more, against both schemas; this one is always there.
 */
import type { ResponseEvent } from '../../../src/protocol/responses/events.ts'
import type { OutputItem } from '../../../src/protocol/responses/items.ts'
import type { ResponseObject } from '../../../src/protocol/responses/response.ts'

const TERMINALS = ['response.completed', 'response.incomplete', 'response.failed']
const ENDS_IN_HALF_A_PAIR = /[\uD800-\uDBFF]$/

interface OpenItem {
  readonly added: OutputItem
  done: OutputItem | undefined
  /** Deltas by event type and part. */
  readonly written: Map<string, string>
}

export function ruleBreaks(events: readonly ResponseEvent[]): string[] {
  const breaks: string[] = []
  const items: OpenItem[] = []
  const note = (text: string) => breaks.push(text)

  if (events[0]?.type !== 'response.created') note(`begins with ${events[0]?.type}`)
  if (events[1]?.type !== 'response.in_progress') note(`goes on with ${events[1]?.type}`)
  const terminals = events.filter(({ type }) => TERMINALS.includes(type))
  if (terminals.length !== 1) note(`${terminals.length} terminal events`)
  if (!TERMINALS.includes(events.at(-1)?.type ?? '')) note(`ends with ${events.at(-1)?.type}`)

  for (const event of events.slice(2)) {
    switch (event.type) {
      case 'response.created':
      case 'response.in_progress':
        note(`a second ${event.type}`)
        break
      case 'response.output_item.added':
        if (event.output_index !== items.length) note(`added at ${event.output_index}`)
        if (items.some(({ added }) => added.id === event.item.id)) note(`id ${event.item.id} again`)
        items.push({ added: event.item, done: undefined, written: new Map() })
        break
      case 'response.output_item.done': {
        const item = items[event.output_index]
        if (item === undefined || item.done !== undefined) {
          note(`done at ${event.output_index} without an open item`)
          break
        }
        item.done = event.item
        if (item.added.id !== event.item.id) note(`${item.added.id} became ${event.item.id}`)
        checkClosed(event.item, item.written, note)
        break
      }
      default:
        if ('output_index' in event) checkInside(event, items, note)
    }
  }
  const last = events.at(-1)
  if (last !== undefined && 'response' in last) checkFinal(last.response, items, note)
  return breaks
}

type InnerEvent = Exclude<
  Extract<ResponseEvent, { output_index: number }>,
  { type: 'response.output_item.added' | 'response.output_item.done' }
>

function checkInside(
  event: InnerEvent,
  items: readonly OpenItem[],
  note: (text: string) => void,
): void {
  const item = items[event.output_index]
  if (item === undefined || item.done !== undefined) {
    note(`${event.type} outside an open item`)
    return
  }
  if (event.item_id !== item.added.id) note(`${event.type} of ${event.item_id}`)
  const part = 'content_index' in event ? event.content_index : 0
  if ('delta' in event) {
    if (event.delta === '') note(`an empty ${event.type}`)
    if (ENDS_IN_HALF_A_PAIR.test(event.delta)) note(`${event.type} ends in half a pair`)
    if (!event.delta.isWellFormed()) note(`${event.type} is not well-formed`)
    const key = `${event.type.replace('.delta', '')}#${part}`
    item.written.set(key, (item.written.get(key) ?? '') + event.delta)
    return
  }
  const whole = doneText(event)
  if (whole === undefined) return
  const written = item.written.get(`${event.type.replace('.done', '')}#${part}`) ?? ''
  if (whole !== written) note(`${event.type} is not what its deltas add up to`)
}

function doneText(event: InnerEvent): string | undefined {
  switch (event.type) {
    case 'response.output_text.done':
    case 'response.reasoning_summary_text.done':
      return event.text
    case 'response.refusal.done':
      return event.refusal
    case 'response.function_call_arguments.done':
      return event.arguments
    case 'response.custom_tool_call_input.done':
      return event.input
    default:
      return undefined
  }
}

function checkClosed(
  item: OutputItem,
  written: ReadonlyMap<string, string>,
  note: (text: string) => void,
): void {
  const wrote = (key: string) => written.get(`response.${key}`) ?? ''
  switch (item.type) {
    case 'message':
      item.content.forEach((part, index) => {
        const [text, key] =
          part.type === 'output_text'
            ? [part.text, `output_text#${index}`]
            : [part.refusal, `refusal#${index}`]
        if (text !== wrote(key)) note(`part ${index} differs from its deltas`)
      })
      break
    case 'reasoning':
      if ((item.summary[0]?.text ?? '') !== wrote('reasoning_summary_text#0')) {
        note('the summary differs from its deltas')
      }
      break
    case 'function_call':
      if (item.arguments !== wrote('function_call_arguments#0')) note('arguments differ')
      break
    case 'custom_tool_call':
      if (item.input !== wrote('custom_tool_call_input#0')) note('the input differs')
      break
    default:
      break
  }
}

function checkFinal(
  response: ResponseObject,
  items: readonly OpenItem[],
  note: (text: string) => void,
): void {
  const closed = items.flatMap(({ done }) => done ?? [])
  if (response.status !== 'failed' && closed.length !== items.length) note('items left open')
  if (JSON.stringify(response.output) !== JSON.stringify(closed)) {
    note('the final output differs from the items sent')
  }
  const callIds = closed.flatMap((item) => ('call_id' in item ? item.call_id : []))
  if (new Set(callIds).size !== callIds.length) note(`call ids repeat: ${callIds.join(', ')}`)
  closed.forEach((item, index) => {
    if (!('status' in item) || item.status !== 'incomplete') return
    if (index !== closed.length - 1) note(`item ${index} is incomplete and not the last`)
    if (response.status === 'completed') note('an incomplete item in a completed response')
  })
  if ((response.status === 'failed') !== (response.error !== null)) note('failed, or with an error')
  if ((response.status === 'incomplete') !== (response.incomplete_details !== null)) {
    note('incomplete, or with details')
  }
}
