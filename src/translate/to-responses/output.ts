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

export function createOutput({ ids, emit, seal }: OutputOptions): Output {
  const writers: ItemWriter[] = []
  let current: Current = NONE
  let hasAnswer = false
  let hasMessage = false
  let waitingCitations: UrlCitation[] = []

  function open<Writer extends ItemWriter>(
    prefix: IdPrefix,
    create: (place: Place) => Writer,
  ): Writer {
    if (current.kind !== 'none') current.writer.close('completed')
    current = NONE
    const writer = create({ itemId: ids.next(prefix), outputIndex: writers.length })
    writers.push(writer)
    return writer
  }

  function message(): MessageWriter {
    if (current.kind === 'message') return current.writer
    const writer = openMessage()
    current = { kind: 'message', writer }
    return writer
  }

  function openMessage(): MessageWriter {
    hasAnswer = true
    hasMessage = true
    return open('msg', (place) => createMessageItem(place, emit))
  }

  function reasoning(): ReasoningWriter {
    if (current.kind === 'reasoning') return current.writer
    const writer = open('rs', (place) => createReasoningItem(place, emit, seal))
    current = { kind: 'reasoning', writer }
    return writer
  }

  return {
    get hasAnswer() {
      return hasAnswer
    },
    get items() {
      return writers.flatMap((writer) => writer.item ?? [])
    },
    text(piece, logprobs) {
      const writer = message()
      writer.text(piece, logprobs)
      if (waitingCitations.length === 0) return
      for (const citation of waitingCitations) writer.annotate(citation)
      waitingCitations = []
    },
    refusal(piece) {
      message().refusal(piece)
    },
    reasoning(piece) {
      reasoning().text(piece)
    },
    reasoningDetail(detail) {
      if (seal === undefined) return
      // Its readable text opens the item by itself; without any, only what must go back does.
      if (current.kind === 'reasoning') {
        if (isRecord(detail)) current.writer.detail(detail)
      } else if (isBoundDetail(detail)) reasoning().detail(detail)
    },
    annotate(citation) {
      // Its positions are those of this text: none written yet, or being written.
      if (current.kind === 'message') current.writer.annotate(citation)
      else if (!hasMessage) waitingCitations.push(citation)
    },
    openCall(prefix, create) {
      hasAnswer = true
      return open(prefix, create)
    },
    openMessage,
    close(last) {
      writers.forEach((writer, index) => {
        if (writer.item !== undefined) return
        writer.close(index === writers.length - 1 ? last : 'completed')
      })
      current = NONE
    },
  }
}
