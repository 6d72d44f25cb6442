/**
 * A message while it is written: text and refusal parts, one open at a time, their deltas and dones.
 */
import type { ResponseEvent } from '../../protocol/responses/events.ts'
import type {
  ContentPart,
  MessageItem,
  OutputTextPart,
  TokenLogprob,
  UrlCitation,
} from '../../protocol/responses/items.ts'
import type { ClosedStatus, ItemWriter, Place } from './item-writer.ts'
import { createWellFormedText } from './well-formed.ts'

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
  const itemId = place.itemId
  const outputIndex = place.outputIndex
  const wellFormed = createWellFormedText()
  const content: ContentPart[] = []
  let part: OpenPart | undefined
  let waitingLogprobs: TokenLogprob[] = NO_LOGPROBS
  let item: MessageItem | undefined

  emit({
    type: 'response.output_item.added',
    output_index: outputIndex,
    item: { type: 'message', id: itemId, status: 'in_progress', role: 'assistant', content: [] },
  })

  function openPart<Type extends OpenPart['type']>(type: Type): Extract<OpenPart, { type: Type }>
  function openPart(type: OpenPart['type']): OpenPart {
    if (part?.type === type) return part
    closePart()
    const opened: OpenPart =
      type === 'output_text'
        ? { type, text: '', annotations: [], logprobs: [] }
        : { type, text: '' }
    part = opened
    emit({
      type: 'response.content_part.added',
      ...partPlace(),
      part:
        type === 'output_text'
          ? { type, text: '', annotations: [], logprobs: [] }
          : { type, refusal: '' },
    })
    return opened
  }

  function partPlace() {
    return { item_id: itemId, output_index: outputIndex, content_index: content.length }
  }

  function emitText(to: Extract<OpenPart, { type: 'output_text' }>, delta: string): void {
    if (delta === '') return
    const logprobs = waitingLogprobs
    waitingLogprobs = NO_LOGPROBS
    to.text += delta
    for (const logprob of logprobs) to.logprobs.push(logprob)
    emit({
      type: 'response.output_text.delta',
      item_id: itemId,
      output_index: outputIndex,
      content_index: content.length,
      delta,
      logprobs,
    })
  }

  function emitRefusal(to: Extract<OpenPart, { type: 'refusal' }>, delta: string): void {
    if (delta === '') return
    to.text += delta
    emit({ type: 'response.refusal.delta', ...partPlace(), delta })
  }

  function closePart(): void {
    if (part === undefined) return
    const closing = part
    if (closing.type === 'output_text') {
      const done: OutputTextPart = {
        type: 'output_text',
        text: closing.text,
        annotations: closing.annotations,
        logprobs: closing.logprobs,
      }
      const { text, logprobs } = done
      emit({ type: 'response.output_text.done', ...partPlace(), text, logprobs })
      emit({ type: 'response.content_part.done', ...partPlace(), part: done })
      content.push(done)
    } else {
      const done = { type: 'refusal', refusal: closing.text } as const
      emit({ type: 'response.refusal.done', ...partPlace(), refusal: closing.text })
      emit({ type: 'response.content_part.done', ...partPlace(), part: done })
      content.push(done)
    }
    part = undefined
  }

  return {
    get item() {
      return item
    },
    text(piece, logprobs) {
      const to = openPart('output_text')
      if (logprobs.length > 0) waitingLogprobs = [...waitingLogprobs, ...logprobs]
      emitText(to, wellFormed(piece))
    },
    refusal(piece) {
      emitRefusal(openPart('refusal'), wellFormed(piece))
    },
    annotate(citation) {
      if (part?.type !== 'output_text') return
      part.annotations.push(citation)
      emit({
        type: 'response.output_text.annotation.added',
        ...partPlace(),
        annotation_index: part.annotations.length - 1,
        annotation: citation,
      })
    },
    close(status: ClosedStatus) {
      closePart()
      item = { type: 'message', id: itemId, status, role: 'assistant', content }
      emit({ type: 'response.output_item.done', output_index: outputIndex, item })
    },
  }
}
