/**
 * Server-sent events out. Reading them is eventsource-parser's job.
 *
 * A frame is one string, so that whoever writes it can write it at once: clients exist that forget a
 * half-received frame.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */
import type { DeltaEvent, ItemPlace, PartPlace, ResponseEvent } from './responses/events.ts'

/** The last frame of every stream. */
export const DONE_FRAME = 'data: [DONE]\n\n'

/**
 * Separators that JSON allows raw inside a string and that some clients take for the end of a line
 * (Python's `splitlines`, and with it httpx).
 */
const LINE_SEPARATORS = /[\u0085\u2028\u2029]/g

export function toJson(value: unknown): string {
  const json = JSON.stringify(value)
  return json.search(LINE_SEPARATORS) < 0
    ? json
    : json.replace(
        LINE_SEPARATORS,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
      )
}

/**
 * A string as JSON. Looking at each unit first is a third of `JSON.stringify`'s cost for a delta, of
 * which nearly all are a few plain characters.
 */
export function quoteJson(text: string): string {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x20 || unit > 0x7e || unit === 0x22 || unit === 0x5c) return toJson(text)
  }
  return `"${text}"`
}

/** Up to the sequence number, the same for every event of a type. */
const frameHead = (type: ResponseEvent['type']) =>
  `event: ${type}\ndata: {"type":"${type}","sequence_number":`

const TEXT = frameHead('response.output_text.delta')
const REFUSAL = frameHead('response.refusal.delta')
const ARGUMENTS = frameHead('response.function_call_arguments.delta')
const INPUT = frameHead('response.custom_tool_call_input.delta')
const SUMMARY = frameHead('response.reasoning_summary_text.delta')

/**
 * One whole frame of a Responses stream: `event:` equal to `type`, data on one line, LF.
 *
 * The deltas, which are nearly all of a stream, are put together by hand around the one member that
 * needs escaping: 0.25 us a delta, where `JSON.stringify` of the event takes 0.55. Ids are the
 * bridge's own and need no escaping.
 */
export function encodeEvent(event: ResponseEvent, sequenceNumber: number): string {
  switch (event.type) {
    case 'response.output_text.delta':
      return `${TEXT}${sequenceNumber}${inPart(event)},"delta":${quoteJson(event.delta)},"logprobs":${event.logprobs.length === 0 ? '[]' : toJson(event.logprobs)}${end(event)}`
    case 'response.refusal.delta':
      return `${REFUSAL}${sequenceNumber}${inPart(event)},"delta":${quoteJson(event.delta)}${end(event)}`
    case 'response.function_call_arguments.delta':
      return `${ARGUMENTS}${sequenceNumber}${inItem(event)},"delta":${quoteJson(event.delta)}${end(event)}`
    case 'response.custom_tool_call_input.delta':
      return `${INPUT}${sequenceNumber}${inItem(event)},"delta":${quoteJson(event.delta)}${end(event)}`
    case 'response.reasoning_summary_text.delta':
      return `${SUMMARY}${sequenceNumber}${inItem(event)},"summary_index":${event.summary_index},"delta":${quoteJson(event.delta)}${end(event)}`
    default:
      return encodeFrame(event.type, event, sequenceNumber)
  }
}

/** The same for an event of any kind, as a relay meets them; `type` must be a word. */
export function encodeFrame(type: string, event: object, sequenceNumber: number): string {
  const head = { type, sequence_number: sequenceNumber }
  // First for their place, last for their values.
  return `event: ${type}\ndata: ${toJson({ ...head, ...event, ...head })}\n\n`
}

export interface Message {
  /** The event's type. */
  readonly type: string
  /** Its JSON. */
  readonly data: string
}

/**
 * The events of whole frames, as this page writes them, without their framing: what a WebSocket carries.
 * A search for three marks a frame, so that the one machine, and the relays beside it, need not know who
 * listens. `[DONE]` is a matter of the framing.
 */
export function unframe(frames: string): Message[] {
  const messages: Message[] = []
  for (let at = 0; at < frames.length; ) {
    const data = frames.indexOf('data: ', at)
    const end = frames.indexOf('\n\n', data)
    if (data > at) {
      messages.push({ type: frames.slice(at + 7, data - 1), data: frames.slice(data + 6, end) })
    }
    at = end + 2
  }
  return messages
}

function end({ obfuscation }: DeltaEvent): string {
  return obfuscation === undefined ? '}\n\n' : `,"obfuscation":${quoteJson(obfuscation)}}\n\n`
}

function inItem(place: ItemPlace): string {
  return `,"item_id":"${place.item_id}","output_index":${place.output_index}`
}

function inPart(place: PartPlace): string {
  return `${inItem(place)},"content_index":${place.content_index}`
}
