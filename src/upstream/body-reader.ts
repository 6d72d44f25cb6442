/**
 * What a 2xx body is, and its messages: a server-sent stream, one JSON value, or neither. The
 * content type decides; where it is absent or wrong (it often is), the first byte does.
 */
import { createParser, type EventSourceParser } from 'eventsource-parser'
import { BridgeError } from '../errors.ts'
import { excerptOf } from '../translate/upstream-error.ts'
import { Utf8Reader } from './utf8.ts'

/** A line or an event longer than this is an attack or a fault, not a delta. */
const MAX_EVENT_CHARS = 8 * 1024 * 1024
const MAX_JSON_CHARS = 64 * 1024 * 1024

export interface BodyListener {
  onMessage(data: string, event: string | undefined): void
  onBody(json: unknown): void
}

type Shape =
  | { is: 'unknown'; held: string }
  | { is: 'events'; parser: EventSourceParser }
  | { is: 'json'; text: string }

function isWhole(data: string): boolean {
  if (data === '[DONE]') return true
  try {
    JSON.parse(data)
    return true
  } catch {
    return false
  }
}

function badAnswer(what: string): BridgeError {
  return new BridgeError('upstream_bad_answer', `The upstream's answer ${what}.`)
}

export class BodyReader {
  readonly #listener: BodyListener
  readonly #utf8 = new Utf8Reader()
  #shape: Shape
  #overflowed = false
  #ending = false

  constructor(contentType: string, listener: BodyListener) {
    this.#listener = listener
    this.#shape = contentType.includes('text/event-stream')
      ? this.#events()
      : { is: 'unknown', held: '' }
  }

  #events(): Shape {
    const parser = createParser({
      maxBufferSize: MAX_EVENT_CHARS,
      onEvent: (message) => {
        if (this.#ending && !isWhole(message.data)) return
        this.#listener.onMessage(message.data, message.event)
      },
      onError: (error) => {
        // Unknown fields are allowed by the format; only an overflow is a fault.
        this.#overflowed ||= error.type === 'max-buffer-size-exceeded'
      },
    })
    return { is: 'events', parser }
  }

  /** @throws {BridgeError} upstream_bad_answer */
  read(bytes: Buffer): void {
    const text = this.#utf8.read(bytes)
    if (text === undefined) throw badAnswer('holds bytes that are not UTF-8')
    this.#take(text)
  }

  #take(text: string): void {
    const shape = this.#shape
    if (shape.is === 'events') {
      shape.parser.feed(text)
      if (this.#overflowed) {
        throw badAnswer(`has an event longer than ${MAX_EVENT_CHARS} characters`)
      }
    } else if (shape.is === 'json') {
      shape.text += text
      if (shape.text.length > MAX_JSON_CHARS) {
        throw badAnswer(`is longer than ${MAX_JSON_CHARS} characters`)
      }
    } else {
      const held = (shape.held + text).trimStart()
      const first = held[0]
      if (first === undefined) return
      if (first === '{' || first === '[') {
        this.#shape = { is: 'json', text: '' }
      } else if (/^(?:data|event|id|retry|:|\uFEFF)/.test(held)) {
        this.#shape = this.#events()
      } else if (held.length < 8 && /^[a-z\uFEFF:]*$/.test(held)) {
        shape.held = held
        return
      } else {
        throw badAnswer(`is neither JSON nor a stream of events; it begins with ${excerptOf(held)}`)
      }
      this.#take(held)
    }
  }

  /** The body is over. @throws {BridgeError} upstream_bad_answer */
  end(): void {
    if (this.#utf8.midCharacter) throw badAnswer('stops inside a character')
    const shape = this.#shape
    if (shape.is === 'events') {
      // A last frame without its blank line still counts if it is whole: some servers close right
      // after `[DONE]`. One that is not was cut.
      this.#ending = true
      shape.parser.feed('\n\n')
      return
    }
    if (shape.is === 'unknown') throw badAnswer('has an empty body')
    let json: unknown
    try {
      json = JSON.parse(shape.text)
    } catch (cause) {
      throw new BridgeError(
        'upstream_bad_answer',
        `The upstream's answer is not valid JSON; it begins with ${excerptOf(shape.text)}.`,
        { cause },
      )
    }
    this.#listener.onBody(json)
  }
}
