/**
 * A reasoning item while it is written.
 *
 * Reasoning goes out as one summary part, never as `reasoning_text`: the summary events are the ones
 * on which OpenAI's document and Open Responses agree, and the ones every client shows.
 */
import type { ResponseEvent } from '../../protocol/responses/events.ts'
import type { ReasoningItem, SummaryPart } from '../../protocol/responses/items.ts'
import { isRecord, textOf, tryStringify } from '../narrow.ts'
import type { Seal, SealedReasoning } from '../seal.ts'
import type { ItemWriter, Place } from './item-writer.ts'
import { createWellFormedText } from './well-formed.ts'

export interface ReasoningWriter extends ItemWriter {
  text(piece: string): void
  /** One entry of `reasoning_details`, kept for the seal. */
  detail(detail: Record<string, unknown>): void
}

export function createReasoningItem(
  place: Place,
  emit: (event: ResponseEvent) => void,
  seal: Seal | undefined,
): ReasoningWriter {
  const { itemId, outputIndex } = place
  const wellFormed = createWellFormedText()
  const details: Record<string, unknown>[] = []
  let text: string | undefined
  let item: ReasoningItem | undefined

  emit({
    type: 'response.output_item.added',
    output_index: outputIndex,
    item: { type: 'reasoning', id: itemId, summary: [] },
  })

  function summaryPlace() {
    return { item_id: itemId, output_index: outputIndex, summary_index: 0 }
  }

  function emitDelta(delta: string): void {
    if (delta === '') return
    text += delta
    emit({
      type: 'response.reasoning_summary_text.delta',
      item_id: itemId,
      output_index: outputIndex,
      summary_index: 0,
      delta,
    })
  }

  function closeSummary(): SummaryPart[] {
    if (text === undefined) return []
    const part = { type: 'summary_text', text } as const
    emit({ type: 'response.reasoning_summary_text.done', ...summaryPlace(), text })
    emit({ type: 'response.reasoning_summary_part.done', ...summaryPlace(), part })
    return [part]
  }

  return {
    get item() {
      return item
    },
    text(piece) {
      if (text === undefined) {
        text = ''
        emit({
          type: 'response.reasoning_summary_part.added',
          ...summaryPlace(),
          part: { type: 'summary_text', text: '' },
        })
      }
      emitDelta(wellFormed(piece))
    },
    detail(detail) {
      addDetail(details, detail)
    },
    close() {
      const summary = closeSummary()
      item = { type: 'reasoning', id: itemId, summary }
      if (seal !== undefined) {
        item.encrypted_content = seal.seal(sealedText(text ?? '', details))
      }
      emit({ type: 'response.output_item.done', output_index: outputIndex, item })
    },
  }
}

/** Whether an upstream wants the entry back as it was: it is signed, or not readable at all. */
export function isBoundDetail(detail: unknown): detail is Record<string, unknown> {
  return isRecord(detail) && (textOf(detail['data']) !== '' || textOf(detail['signature']) !== '')
}

const FRAGMENT_MEMBERS = { 'reasoning.text': 'text', 'reasoning.summary': 'summary' } as const

function fragmentMember(detail: Record<string, unknown>): 'text' | 'summary' | undefined {
  const type = detail['type']
  return type === 'reasoning.text' || type === 'reasoning.summary'
    ? FRAGMENT_MEMBERS[type]
    : undefined
}

/** Streams send an entry in fragments under one `index`; the upstream wants it back in one piece. */
function addDetail(details: Record<string, unknown>[], detail: Record<string, unknown>): void {
  const last = details.at(-1)
  const member = fragmentMember(detail)
  const continues =
    last !== undefined &&
    member !== undefined &&
    last['type'] === detail['type'] &&
    last['index'] === detail['index'] &&
    textOf(last['signature']) === ''
  if (!continues) {
    details.push({ ...detail })
    return
  }
  for (const [key, value] of Object.entries(detail)) {
    if (key === member) last[key] = textOf(last[key]) + textOf(value)
    else if (value !== null && value !== undefined) last[key] = value
  }
}

function sealedText(text: string, details: Record<string, unknown>[]): string {
  const plain: SealedReasoning = { v: 1, text }
  const whole: SealedReasoning = details.some(isBoundDetail) ? { ...plain, details } : plain
  // A detail nested past the stack's depth cannot be sent back by anyone; the text still can.
  return tryStringify(whole) ?? JSON.stringify(plain)
}
