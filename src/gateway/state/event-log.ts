/**
 * The events of one stream, kept so that the stream can be sent again as it was, from any number on.
 * Deltas are nearly all of it: a row of them is kept as its first event and the texts of the others,
 * and a Response object as what differs from the final one.
 */
import type { ResponseEvent } from '../../protocol/responses/events.ts'
import { DONE_FRAME, encodeEvent, encodeFrame } from '../../protocol/sse.ts'
import { isRecord } from '../../translate/narrow.ts'

type JsonObject = Readonly<Record<string, unknown>>

/** An event; a number in it says nothing. */
export type LoggedEvent = JsonObject & { readonly type: string }

/** Whose events they are: the bridge's own are written by hand where that is faster. */
type Writer = 'bridge' | 'upstream'

interface Entry {
  readonly event: LoggedEvent
  /** Texts of the events that follow and differ in nothing else. */
  more: string[] | undefined
}

const TERMINALS: ReadonlySet<string> = new Set([
  'response.completed',
  'response.incomplete',
  'response.failed',
])

/** What a delta may have for the next one to follow it as a text alone. */
const PLACE = ['item_id', 'output_index', 'content_index', 'summary_index'] as const
const DELTA_MEMBERS: ReadonlySet<string> = new Set([
  ...PLACE,
  'type',
  'sequence_number',
  'delta',
  'logprobs',
])

function isPlainDelta(event: LoggedEvent): boolean {
  if (!event.type.endsWith('.delta') || typeof event['delta'] !== 'string') return false
  for (const name of Object.keys(event)) if (!DELTA_MEMBERS.has(name)) return false
  const { logprobs } = event
  return logprobs === undefined || (Array.isArray(logprobs) && logprobs.length === 0)
}

function follows(event: LoggedEvent, first: LoggedEvent): boolean {
  return event.type === first.type && PLACE.every((name) => event[name] === first[name])
}

/** A place in a log; moved on by `read`. */
export interface LogCursor {
  entry: number
  /** Of the entry's events. */
  offset: number
  /** The number of the event there. */
  number: number
}

export class EventLog {
  readonly #entries: Entry[] = []
  readonly #writer: Writer
  #first = 0
  #isFolding = false

  constructor(writer: Writer) {
    this.#writer = writer
  }

  /** @param number the first event's says where the stream begins to count */
  add(event: LoggedEvent, number: number): void {
    if (this.#entries.length === 0) this.#first = number
    const last = this.#entries.at(-1)
    const isDelta = isPlainDelta(event)
    if (isDelta && this.#isFolding && last !== undefined && follows(event, last.event)) {
      last.more ??= []
      last.more.push(String(event['delta']))
      return
    }
    this.#isFolding = isDelta
    this.#entries.push({ event, more: undefined })
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0
  }

  cursor(): LogCursor {
    return { entry: 0, offset: 0, number: 0 }
  }

  /** The frames from the cursor on, of those numbered above `after`; the cursor then stands at the end. */
  read(cursor: LogCursor, after: number): string {
    let text = ''
    // Where the stream begins to count is known with its first event.
    if (cursor.entry === 0 && cursor.offset === 0) cursor.number = this.#first
    for (;;) {
      const entry = this.#entries[cursor.entry]
      if (entry === undefined) return text
      const { event, more } = entry
      if (cursor.offset > (more?.length ?? 0)) {
        // A row of deltas may still grow while it is the last.
        if (cursor.entry === this.#entries.length - 1) return text
        cursor.entry += 1
        cursor.offset = 0
        continue
      }
      if (cursor.number > after) text += this.#frame(entry, cursor)
      if (TERMINALS.has(event.type)) text += DONE_FRAME
      cursor.offset += 1
      cursor.number += 1
    }
  }

  #frame({ event, more }: Entry, { offset, number }: LogCursor): string {
    const whole = offset === 0 ? event : { ...event, delta: more?.[offset - 1] ?? '' }
    return this.#writer === 'bridge'
      ? // What the bridge wrote is one of its own events.
        encodeEvent(whole as unknown as ResponseEvent, number)
      : encodeFrame(event.type, whole, number)
  }

  /** @param final the Response object that the events' own are told apart from */
  toJson(final: JsonObject): string {
    const entries = this.#entries.map(({ event, more }) => {
      const { response } = event
      const patch = isRecord(response) ? patchOf(final, response) : undefined
      if (patch !== undefined) return { type: event.type, patch }
      return more === undefined ? { event } : { event, more }
    })
    return JSON.stringify({ writer: this.#writer, first: this.#first, entries })
  }

  /** What `toJson` wrote. */
  static fromJson(json: string, final: JsonObject): EventLog {
    const stored = JSON.parse(json) as StoredLog
    const log = new EventLog(stored.writer)
    log.#first = stored.first
    for (const entry of stored.entries) {
      const event =
        'patch' in entry
          ? { type: entry.type, response: { ...final, ...entry.patch } }
          : entry.event
      log.#entries.push({ event, more: 'patch' in entry ? undefined : entry.more })
    }
    return log
  }
}

interface StoredLog {
  readonly writer: Writer
  readonly first: number
  readonly entries: readonly (
    | { readonly type: string; readonly patch: JsonObject }
    | { readonly event: LoggedEvent; readonly more?: string[] }
  )[]
}

/** The members that differ; undefined where the two have other members or another order of them. */
function patchOf(final: JsonObject, response: JsonObject): JsonObject | undefined {
  const names = Object.keys(response)
  if (names.join(' ') !== Object.keys(final).join(' ')) return undefined
  return Object.fromEntries(
    names
      .filter((name) => response[name] !== final[name])
      .filter((name) => JSON.stringify(response[name]) !== JSON.stringify(final[name]))
      .map((name) => [name, response[name]]),
  )
}
