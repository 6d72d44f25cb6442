/**
 * The output items of a Responses answer, said on the Chat wire as they come: texts, refusals,
 * reasoning, calls. What an upstream left out of its deltas is made up from its dones, and from the
 * items themselves; nothing is said twice.
 *
 * @see ../../../docs/mapping-chat.md, "Answers"
 */
import type { Ids } from '../ids.ts'
import { isRecord, listOf, textOf } from '../narrow.ts'
import { SEALED_DETAIL, SEALED_FORMAT } from '../reasoning-details.ts'
import { WellFormedText } from '../to-responses/well-formed.ts'
import { toChatLogprobs } from './logprobs.ts'
import type { CallKind, ChatSink } from './sink.ts'

type JsonObject = Readonly<Record<string, unknown>>

export interface AnswerItemsOptions {
  readonly sink: ChatSink
  readonly ids: Ids
  /** Whether the client asked for log probabilities. */
  readonly logprobs: boolean
}

type TextKind = 'content' | 'refusal' | 'reasoning' | 'summary' | 'call'

/** Of events with text: its kind, the `done`'s member with all of it, its item, which not all announce. */
const TEXT_EVENTS = new Map<string, readonly [kind: TextKind, whole: string, type: string]>([
  ['response.output_text', ['content', 'text', 'message']],
  ['response.refusal', ['refusal', 'refusal', 'message']],
  ['response.reasoning_text', ['reasoning', 'text', 'reasoning']],
  // Open Responses' own spelling.
  ['response.reasoning', ['reasoning', 'text', 'reasoning']],
  ['response.reasoning_summary_text', ['summary', 'text', 'reasoning']],
  ['response.reasoning_summary', ['summary', 'text', 'reasoning']],
  ['response.function_call_arguments', ['call', 'arguments', 'function_call']],
  ['response.custom_tool_call_input', ['call', 'input', 'custom_tool_call']],
])

/** Between two messages, or two stretches of reasoning, that become one text. */
const SEAM = '\n\n'

/** A part, or a call's arguments, as far as it was said. */
interface Stretch {
  said: string
  readonly wellFormed: WellFormedText
  /** Characters of the content in front of it. */
  readonly base: number
  annotations: number
}

interface Slot {
  readonly type: string
  readonly id: string
  readonly stretches: Map<string, Stretch>
  /** Characters that deltas brought, by stretch: said, or held until there is a name to say them under. */
  readonly heard: Map<string, number>
  call: { readonly index: number; readonly kind: CallKind } | undefined
  /** Which of its two tellings of one reasoning is passed on: the one that came first. */
  reasoning: 'reasoning' | 'summary' | undefined
  isSealedSaid: boolean
}

export class AnswerItems {
  readonly #sink: ChatSink
  readonly #ids: Ids
  readonly #logprobs: boolean
  readonly #slots = new Map<number, Slot>()
  #contentChars = 0
  /** The message that was last said; another one begins behind a seam. */
  #speaking: Slot | undefined
  #hasReasoning = false
  #sealed = 0
  #calls = 0
  #outputChars = 0

  constructor({ sink, ids, logprobs }: AnswerItemsOptions) {
    this.#sink = sink
    this.#ids = ids
    this.#logprobs = logprobs
  }

  /** Generated text, reasoning and arguments so far, in UTF-16 units, said or not. */
  get outputChars(): number {
    return this.#outputChars
  }

  get hasCalls(): boolean {
    return this.#calls > 0
  }

  /** One event of the upstream's. Those of other kinds, and broken ones, change nothing. */
  read(event: JsonObject, type: string): void {
    const { delta, item } = event
    if (typeof delta === 'string') this.#outputChars += delta.length
    const index = typeof event['output_index'] === 'number' ? event['output_index'] : 0
    switch (type) {
      case 'response.output_item.added':
        if (isRecord(item)) this.#begin(this.#open(index, item), item)
        return
      case 'response.output_item.done':
        if (isRecord(item)) this.#complete(this.#slots.get(index) ?? this.#open(index, item), item)
        return
      case 'response.output_text.annotation.added':
        this.#annotate(this.#slots.get(index), partIndex(event), [event['annotation']])
        return
    }
    const dot = type.lastIndexOf('.')
    const known = TEXT_EVENTS.get(type.slice(0, dot))
    if (known === undefined) return
    const [kind, whole, itemType] = known
    const named = { type: itemType, id: event['item_id'] }
    const slot = this.#slots.get(index) ?? this.#open(index, named)
    if (type.endsWith('.delta')) {
      const logprobs = this.#logprobs && kind === 'content' ? event['logprobs'] : undefined
      const stretch = `${kind} ${partIndex(event)}`
      slot.heard.set(stretch, (slot.heard.get(stretch) ?? 0) + textOf(delta).length)
      this.#say(slot, kind, partIndex(event), textOf(delta), logprobs)
    } else if (type.endsWith('.done')) {
      this.#fill(slot, kind, partIndex(event), textOf(event[whole]), event['logprobs'])
    }
  }

  /**
   * The output of a last response, or of a body: what no event has told is said now. Items are known by
   * their ids, as lists exist that leave some out; an item of a kind that was streamed is not new.
   */
  readOutput(output: readonly unknown[]): void {
    const streamed = new Set([...this.#slots.values()].map(({ type }) => type))
    const byId = new Map([...this.#slots.values()].map((slot) => [slot.id, slot]))
    for (const [index, item] of output.entries()) {
      if (!isRecord(item)) continue
      const atIndex = this.#slots.get(index)
      const known =
        byId.get(textOf(item['id'])) ?? (atIndex?.type === item['type'] ? atIndex : undefined)
      if (known !== undefined) this.#complete(known, item)
      else if (!streamed.has(textOf(item['type']))) {
        this.#complete(this.#open(this.#slots.size + output.length + index, item), item)
      }
    }
  }

  #open(index: number, item: JsonObject): Slot {
    const slot: Slot = {
      type: textOf(item['type']),
      id: textOf(item['id']) || `at ${index}`,
      stretches: new Map(),
      heard: new Map(),
      call: undefined,
      reasoning: undefined,
      isSealedSaid: false,
    }
    this.#slots.set(index, slot)
    return slot
  }

  /** A call is begun once it has its name; an item that is announced without waits for its end. */
  #begin(slot: Slot, item: JsonObject): void {
    const kind = callKind(item['type'])
    const name = textOf(item['name']).toWellFormed()
    if (kind === undefined || name === '' || slot.call !== undefined) return
    const given = textOf(item['call_id']) || textOf(item['id'])
    const id = given === '' ? this.#ids.next('call') : given.toWellFormed()
    slot.call = { index: this.#calls++, kind }
    this.#sink.beginCall(slot.call.index, kind, id, name)
  }

  #complete(slot: Slot, item: JsonObject): void {
    switch (item['type']) {
      case 'message':
        for (const [index, part] of listOf(item['content']).entries()) {
          if (!isRecord(part)) continue
          if (part['type'] === 'refusal')
            this.#fill(slot, 'refusal', index, textOf(part['refusal']))
          else {
            this.#fill(slot, 'content', index, textOf(part['text']), part['logprobs'])
            const told = slot.stretches.get(`content ${index}`)?.annotations ?? 0
            this.#annotate(slot, index, listOf(part['annotations']).slice(told))
          }
        }
        return
      case 'reasoning':
        this.#completeReasoning(slot, item)
        return
      case 'function_call':
      case 'custom_tool_call':
        this.#begin(slot, item)
        this.#fill(slot, 'call', 0, callText(item))
    }
  }

  #completeReasoning(slot: Slot, item: JsonObject): void {
    for (const [kind, parts] of [
      ['reasoning', item['content']],
      ['summary', item['summary']],
    ] as const) {
      for (const [index, part] of listOf(parts).entries()) {
        if (isRecord(part)) this.#fill(slot, kind, index, textOf(part['text']))
      }
    }
    const data = textOf(item['encrypted_content'])
    if (data === '' || slot.isSealedSaid) return
    slot.isSealedSaid = true
    const id = textOf(item['id'])
    this.#sink.reasoningDetail({
      type: SEALED_DETAIL,
      data,
      ...(id === '' ? {} : { id }),
      format: SEALED_FORMAT,
      index: this.#sealed++,
    })
  }

  /** Says what is missing of a text that is now known whole. */
  #fill(slot: Slot, kind: TextKind, index: number, whole: string, logprobs?: unknown): void {
    this.#count(slot, `${kind} ${index}`, whole.length)
    const said = slot.stretches.get(`${kind} ${index}`)?.said ?? ''
    // Where they differ, what was streamed stands: it cannot be taken back.
    if (whole.length <= said.length || !whole.startsWith(said)) return
    const told = said === '' && this.#logprobs ? logprobs : undefined
    this.#say(slot, kind, index, whole.slice(said.length), told)
  }

  /** What came whole counts as far as no delta has brought it. */
  #count(slot: Slot, stretch: string, chars: number): void {
    const heard = slot.heard.get(stretch) ?? 0
    if (chars <= heard) return
    this.#outputChars += chars - heard
    slot.heard.set(stretch, chars)
  }

  #say(slot: Slot, kind: TextKind, index: number, text: string, logprobs?: unknown): void {
    if (text === '') return
    if (kind === 'call' && slot.call === undefined) return
    if (kind === 'reasoning' || kind === 'summary') {
      slot.reasoning ??= kind
      if (slot.reasoning !== kind) return
    }
    const stretch = this.#stretch(slot, kind, index)
    stretch.said += text
    const piece = stretch.wellFormed.push(text)
    if (piece === '') return
    switch (kind) {
      case 'content':
        this.#contentChars += piece.length
        this.#sink.content(piece, toChatLogprobs(logprobs))
        return
      case 'refusal':
        this.#sink.refusal(piece)
        return
      case 'reasoning':
      case 'summary':
        this.#sink.reasoning(piece)
        return
      case 'call':
        if (slot.call !== undefined) this.#sink.callText(slot.call.index, slot.call.kind, piece)
    }
  }

  /** A stretch is begun by its first text, and with it the seam to what was said before. */
  #stretch(slot: Slot, kind: TextKind, index: number): Stretch {
    const key = `${kind} ${index}`
    const known = slot.stretches.get(key)
    if (known !== undefined) return known
    if (kind === 'content') {
      if (this.#speaking !== undefined && this.#speaking !== slot) {
        this.#contentChars += SEAM.length
        this.#sink.content(SEAM, [])
      }
      this.#speaking = slot
    } else if (kind === 'reasoning' || kind === 'summary') {
      if (this.#hasReasoning) this.#sink.reasoning(SEAM)
      this.#hasReasoning = true
    }
    const base = this.#contentChars
    const stretch = { said: '', wellFormed: new WellFormedText(), base, annotations: 0 }
    slot.stretches.set(key, stretch)
    return stretch
  }

  #annotate(slot: Slot | undefined, index: number, annotations: readonly unknown[]): void {
    const stretch = slot?.stretches.get(`content ${index}`)
    if (stretch === undefined) return
    for (const annotation of annotations) {
      stretch.annotations++
      if (!isRecord(annotation) || annotation['type'] !== 'url_citation') continue
      const { start_index: start, end_index: end } = annotation
      // Chat knows a citation by its place alone.
      if (typeof start !== 'number' || typeof end !== 'number') continue
      this.#sink.annotation({
        url: textOf(annotation['url']),
        title: textOf(annotation['title']),
        start_index: start + stretch.base,
        end_index: end + stretch.base,
      })
    }
  }
}

function callKind(type: unknown): CallKind | undefined {
  if (type === 'function_call') return 'function'
  return type === 'custom_tool_call' ? 'custom' : undefined
}

/** Clients parse the arguments of a whole call: what says nothing becomes an empty object. */
function callText(item: JsonObject): string {
  if (item['type'] === 'custom_tool_call') return textOf(item['input'])
  const written = textOf(item['arguments'])
  return written.trim() === '' && item['status'] === 'completed' ? '{}' : written
}

function partIndex(event: JsonObject): number {
  const index = event['content_index'] ?? event['summary_index']
  return typeof index === 'number' ? index : 0
}
