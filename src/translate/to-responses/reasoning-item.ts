/**
 * A reasoning item while it is written.
 *
 * Reasoning goes out as one summary part, never as `reasoning_text`: the summary events are the ones
 * on which OpenAI's document and Open Responses agree, and the ones every client shows.
 */
import type { ResponseEvent, SummaryPlace } from '../../protocol/responses/events.ts'
import type { ReasoningItem, SummaryPart } from '../../protocol/responses/items.ts'
import { isRecord, textOf, tryStringify } from '../narrow.ts'
import type { Seal, SealedReasoning } from '../seal.ts'
import type { ItemWriter, Place } from './item-writer.ts'
import { WellFormedText } from './well-formed.ts'

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
  return new ReasoningItemWriter(place, emit, seal)
}

class ReasoningItemWriter implements ReasoningWriter {
  readonly #itemId: string
  readonly #outputIndex: number
  readonly #emit: (event: ResponseEvent) => void
  readonly #seal: Seal | undefined
  readonly #wellFormed = new WellFormedText()
  readonly #details: Record<string, unknown>[] = []
  #text: string | undefined
  #item: ReasoningItem | undefined

  constructor(
    { itemId, outputIndex }: Place,
    emit: (event: ResponseEvent) => void,
    seal: Seal | undefined,
  ) {
    this.#itemId = itemId
    this.#outputIndex = outputIndex
    this.#emit = emit
    this.#seal = seal
    emit({
      type: 'response.output_item.added',
      output_index: outputIndex,
      item: { type: 'reasoning', id: itemId, summary: [] },
    })
  }

  get item(): ReasoningItem | undefined {
    return this.#item
  }

  text(piece: string): void {
    if (this.#text === undefined) {
      this.#text = ''
      this.#emit({
        type: 'response.reasoning_summary_part.added',
        ...this.#summaryPlace(),
        part: { type: 'summary_text', text: '' },
      })
    }
    const delta = this.#wellFormed.push(piece)
    if (delta === '') return
    this.#text += delta
    this.#emit({
      type: 'response.reasoning_summary_text.delta',
      item_id: this.#itemId,
      output_index: this.#outputIndex,
      summary_index: 0,
      delta,
    })
  }

  detail(detail: Record<string, unknown>): void {
    addDetail(this.#details, detail)
  }

  close(): void {
    const item: ReasoningItem = {
      type: 'reasoning',
      id: this.#itemId,
      summary: this.#closeSummary(),
    }
    if (this.#seal !== undefined) {
      item.encrypted_content = this.#seal.seal(sealedText(this.#text ?? '', this.#details))
    }
    this.#item = item
    this.#emit({ type: 'response.output_item.done', output_index: this.#outputIndex, item })
  }

  #closeSummary(): SummaryPart[] {
    const text = this.#text
    if (text === undefined) return []
    const part = { type: 'summary_text', text } as const
    this.#emit({ type: 'response.reasoning_summary_text.done', ...this.#summaryPlace(), text })
    this.#emit({ type: 'response.reasoning_summary_part.done', ...this.#summaryPlace(), part })
    return [part]
  }

  #summaryPlace(): SummaryPlace {
    return { item_id: this.#itemId, output_index: this.#outputIndex, summary_index: 0 }
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
