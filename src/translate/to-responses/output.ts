/**
 * The output of a response: which item has which index, which one is being written, and in which
 * order they close.
 *
 * One reasoning or message item is open at a time; it closes when an item of another kind begins, and
 * later text opens a new one. Calls, and the stop tool's message, stay open beside it to the end.
 */
import type { ResponseEvent } from '../../protocol/responses/events.ts'
import type { OutputItem, TokenLogprob, UrlCitation } from '../../protocol/responses/items.ts'
import type { IdPrefix, Ids } from '../ids.ts'
import { isRecord } from '../narrow.ts'
import type { Seal } from '../seal.ts'
import type { CallWriter } from './call-items.ts'
import type { ClosedStatus, ItemWriter, Place } from './item-writer.ts'
import { createMessageItem, type MessageWriter } from './message-item.ts'
import { createReasoningItem, isBoundDetail, type ReasoningWriter } from './reasoning-item.ts'

export interface OutputOptions {
  readonly ids: Ids
  readonly emit: (event: ResponseEvent) => void
  readonly seal: Seal | undefined
}

export interface Output {
  /** Whether there is anything a client can act on: reasoning alone is nothing. */
  readonly hasAnswer: boolean
  /** The items that are closed, in order. */
  readonly items: OutputItem[]
  text(piece: string, logprobs: readonly TokenLogprob[]): void
  refusal(piece: string): void
  reasoning(piece: string): void
  reasoningDetail(detail: unknown): void
  annotate(citation: UrlCitation): void
  openCall(prefix: IdPrefix, create: (place: Place) => CallWriter): CallWriter
  /** A message of its own, which stays open beside others. */
  openMessage(): MessageWriter
  /** Closes all that is open, in order. Only the last item can be cut off. */
  close(last: ClosedStatus): void
}

type Current =
  | { readonly kind: 'none' }
  | { readonly kind: 'reasoning'; readonly writer: ReasoningWriter }
  | { readonly kind: 'message'; readonly writer: MessageWriter }

const NONE: Current = { kind: 'none' }
/** Shared by all answers that wait for none. */
const NO_CITATIONS: readonly UrlCitation[] = []

export function createOutput(options: OutputOptions): Output {
  return new OutputWriter(options)
}

class OutputWriter implements Output {
  readonly #ids: Ids
  readonly #emit: (event: ResponseEvent) => void
  readonly #seal: Seal | undefined
  readonly #writers: ItemWriter[] = []
  #current: Current = NONE
  #hasAnswer = false
  #hasMessage = false
  #waitingCitations: readonly UrlCitation[] = NO_CITATIONS

  constructor({ ids, emit, seal }: OutputOptions) {
    this.#ids = ids
    this.#emit = emit
    this.#seal = seal
  }

  get hasAnswer(): boolean {
    return this.#hasAnswer
  }

  get items(): OutputItem[] {
    return this.#writers.flatMap((writer) => writer.item ?? [])
  }

  text(piece: string, logprobs: readonly TokenLogprob[]): void {
    const writer = this.#message()
    writer.text(piece, logprobs)
    if (this.#waitingCitations.length === 0) return
    for (const citation of this.#waitingCitations) writer.annotate(citation)
    this.#waitingCitations = NO_CITATIONS
  }

  refusal(piece: string): void {
    this.#message().refusal(piece)
  }

  reasoning(piece: string): void {
    this.#reasoning().text(piece)
  }

  reasoningDetail(detail: unknown): void {
    if (this.#seal === undefined) return
    // Its readable text opens the item by itself; without any, only what must go back does.
    if (this.#current.kind === 'reasoning') {
      if (isRecord(detail)) this.#current.writer.detail(detail)
    } else if (isBoundDetail(detail)) this.#reasoning().detail(detail)
  }

  annotate(citation: UrlCitation): void {
    // Its positions are those of this text: none written yet, or being written.
    if (this.#current.kind === 'message') this.#current.writer.annotate(citation)
    else if (!this.#hasMessage) this.#waitingCitations = [...this.#waitingCitations, citation]
  }

  openCall(prefix: IdPrefix, create: (place: Place) => CallWriter): CallWriter {
    this.#hasAnswer = true
    return this.#open(prefix, create)
  }

  openMessage(): MessageWriter {
    this.#hasAnswer = true
    this.#hasMessage = true
    return this.#open('msg', (place) => createMessageItem(place, this.#emit))
  }

  close(last: ClosedStatus): void {
    this.#writers.forEach((writer, index) => {
      if (writer.item !== undefined) return
      writer.close(index === this.#writers.length - 1 ? last : 'completed')
    })
    this.#current = NONE
  }

  #open<Writer extends ItemWriter>(prefix: IdPrefix, create: (place: Place) => Writer): Writer {
    if (this.#current.kind !== 'none') this.#current.writer.close('completed')
    this.#current = NONE
    const writer = create({ itemId: this.#ids.next(prefix), outputIndex: this.#writers.length })
    this.#writers.push(writer)
    return writer
  }

  #message(): MessageWriter {
    if (this.#current.kind === 'message') return this.#current.writer
    const writer = this.openMessage()
    this.#current = { kind: 'message', writer }
    return writer
  }

  #reasoning(): ReasoningWriter {
    if (this.#current.kind === 'reasoning') return this.#current.writer
    const writer = this.#open('rs', (place) => createReasoningItem(place, this.#emit, this.#seal))
    this.#current = { kind: 'reasoning', writer }
    return writer
  }
}
