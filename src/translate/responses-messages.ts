/** What one server-sent message, or a whole body, of a Responses upstream is. */
import type { BridgeError } from '../errors.ts'
import { badAnswer } from './answer-faults.ts'
import { isRecord, textOf, tryParse, tryStringify } from './narrow.ts'
import { excerptOf, isErrorValue, toUpstreamError } from './upstream-error.ts'

type JsonObject = Readonly<Record<string, unknown>>

export type UpstreamMessage =
  | { readonly is: 'event'; readonly type: string; readonly event: JsonObject }
  /** An `error` event: a failed response should follow it. */
  | { readonly is: 'announcement'; readonly error: BridgeError }
  | { readonly is: 'done' | 'nothing' }
  /** No event of this wire. */
  | { readonly is: 'fault'; readonly error: BridgeError }

/** A word: a type with a line break would end its frame early. */
const EVENT_TYPE = /^[a-z][\w.:-]{0,127}$/i
/** Shorter data cannot be nested so deeply that it can be read but not written again. */
const MAX_SHALLOW_CHARS = 4096

const NOTHING: UpstreamMessage = { is: 'nothing' }

/** @param name The message's own `event:`, where it had one. */
export function readResponsesMessage(data: string, name: string | undefined): UpstreamMessage {
  const parsed = tryParse(data)
  if (parsed !== undefined) return readEvent(parsed.value, data, name)
  const text = data.trim()
  if (text === '[DONE]') return { is: 'done' }
  if (name === 'error') {
    return announcement(`The upstream reported an error: ${excerptOf(data)}.`)
  }
  if (text === '') return NOTHING
  return fault(`The upstream sent something that is not an event: ${excerptOf(data)}.`)
}

function readEvent(value: unknown, data: string, name: string | undefined): UpstreamMessage {
  if (value === null) return NOTHING
  const isTooDeep = data.length > MAX_SHALLOW_CHARS && tryStringify(value) === undefined
  if (!isRecord(value) || isTooDeep) return fault('The upstream sent JSON that is not an event.')
  const type = textOf(value['type']) || (name ?? '')
  if (type === 'error' || (type === '' && isErrorValue(value['error']))) {
    return announcement(isRecord(value['error']) ? value['error'] : value)
  }
  if (EVENT_TYPE.test(type)) return { is: 'event', type, event: value }
  return fault('The upstream sent an event without a type.')
}

function announcement(said: unknown): UpstreamMessage {
  return { is: 'announcement', error: toUpstreamError(said) }
}

function fault(message: string): UpstreamMessage {
  return { is: 'fault', error: badAnswer(message) }
}

/** The response that a body is, or why it is none. */
export function readResponsesBody(
  json: unknown,
): { readonly response: JsonObject } | { readonly error: BridgeError } {
  if (isRecord(json) && tryStringify(json) !== undefined) {
    if (Array.isArray(json['output'])) return { response: json }
    if (isErrorValue(json['error'])) return { error: toUpstreamError(json['error']) }
  }
  return { error: badAnswer('The upstream answered with JSON that is not a response.') }
}
