/**
 * A message while it is written: text and refusal parts, one open at a time, their deltas and dones.
 */
import type { PartPlace, ResponseEvent } from '../../protocol/responses/events.ts'
import type {
  ContentPart,
  MessageItem,
  OutputTextPart,
  TokenLogprob,
  UrlCitation,
} from '../../protocol/responses/items.ts'
import type { ClosedStatus, ItemWriter, Place } from './item-writer.ts'
import { WellFormedText } from './well-formed.ts'

export interface MessageWriter extends ItemWriter {
  text(piece: string, logprobs: readonly TokenLogprob[]): void
  refusal(piece: string): void
  /** Adds it to the text part being written; left out when there is none. */
  annotate(citation: UrlCitation): void
}

type OpenPart =
  | {
      readonly type: 'output_text'
      text: string
      annotations: UrlCitation[]
      logprobs: TokenLogprob[]
    }
  | { readonly type: 'refusal'; text: string }

/** Shared by every delta without any, which is nearly all of them. Never written to. */
const NO_LOGPROBS: TokenLogprob[] = []

export function createMessageItem(
  place: Place,
  emit: (event: ResponseEvent) => void,
): MessageWriter {
  return new MessageItemWriter(place, emit)
}

class MessageItemWriter implements MessageWriter {
  readonly #itemId: string
  readonly #outputIndex: number
  readonly #emit: (event: ResponseEvent) => void
  readonly #wellFormed = new WellFormedText()
  readonly #content: ContentPart[] = []
  #part: OpenPart | undefined
  #waitingLogprobs: TokenLogprob[] = NO_LOGPROBS
  #item: MessageItem | undefined

  constructor({ itemId, outputIndex }: Place, emit: (event: ResponseEvent) => void) {
    this.#itemId = itemId
    this.#outputIndex = outputIndex
    this.#emit = emit
    emit({
      type: 'response.output_item.added',
      output_index: outputIndex,
      item: { type: 'message', id: itemId, status: 'in_progress', role: 'assistant', content: [] },
    })
  }

  get item(): MessageItem | undefined {
    return this.#item
  }

  text(piece: string, logprobs: readonly TokenLogprob[]): void {
    const to = this.#openPart('output_text')
    if (logprobs.length > 0) this.#waitingLogprobs = [...this.#waitingLogprobs, ...logprobs]
    this.#emitText(to, this.#wellFormed.push(piece))
  }

  refusal(piece: string): void {
    this.#emitRefusal(this.#openPart('refusal'), this.#wellFormed.push(piece))
  }

  annotate(citation: UrlCitation): void {
    const part = this.#part
    if (part?.type !== 'output_text') return
    part.annotations.push(citation)
    this.#emit({
      type: 'response.output_text.annotation.added',
      ...this.#partPlace(),
      annotation_index: part.annotations.length - 1,
      annotation: citation,
    })
  }

  close(status: ClosedStatus): void {
    this.#closePart()
    const item: MessageItem = {
      type: 'message',
      id: this.#itemId,
      status,
      role: 'assistant',
      content: this.#content,
    }
    this.#item = item
    this.#emit({ type: 'response.output_item.done', output_index: this.#outputIndex, item })
  }

  #openPart<Type extends OpenPart['type']>(type: Type): Extract<OpenPart, { type: Type }>
  #openPart(type: OpenPart['type']): OpenPart {
    if (this.#part?.type === type) return this.#part
    this.#closePart()
    const opened: OpenPart =
      type === 'output_text'
        ? { type, text: '', annotations: [], logprobs: [] }
        : { type, text: '' }
    this.#part = opened
    this.#emit({
      type: 'response.content_part.added',
      ...this.#partPlace(),
      part:
        type === 'output_text'
          ? { type, text: '', annotations: [], logprobs: [] }
          : { type, refusal: '' },
    })
    return opened
  }

  #partPlace(): PartPlace {
    return {
      item_id: this.#itemId,
      output_index: this.#outputIndex,
      content_index: this.#content.length,
    }
  }

  #emitText(to: Extract<OpenPart, { type: 'output_text' }>, delta: string): void {
    if (delta === '') return
    const logprobs = this.#waitingLogprobs
    this.#waitingLogprobs = NO_LOGPROBS
    to.text += delta
    for (const logprob of logprobs) to.logprobs.push(logprob)
    this.#emit({
      type: 'response.output_text.delta',
      item_id: this.#itemId,
      output_index: this.#outputIndex,
      content_index: this.#content.length,
      delta,
      logprobs,
    })
  }

  #emitRefusal(to: Extract<OpenPart, { type: 'refusal' }>, delta: string): void {
    if (delta === '') return
    to.text += delta
    this.#emit({ type: 'response.refusal.delta', ...this.#partPlace(), delta })
  }

  #closePart(): void {
    const closing = this.#part
    if (closing === undefined) return
    if (closing.type === 'output_text') {
      const done: OutputTextPart = {
        type: 'output_text',
        text: closing.text,
        annotations: closing.annotations,
        logprobs: closing.logprobs,
      }
      const { text, logprobs } = done
      this.#emit({ type: 'response.output_text.done', ...this.#partPlace(), text, logprobs })
      this.#emit({ type: 'response.content_part.done', ...this.#partPlace(), part: done })
      this.#content.push(done)
    } else {
      const done = { type: 'refusal', refusal: closing.text } as const
      this.#emit({ type: 'response.refusal.done', ...this.#partPlace(), refusal: closing.text })
      this.#emit({ type: 'response.content_part.done', ...this.#partPlace(), part: done })
      this.#content.push(done)
    }
    this.#part = undefined
  }
}
