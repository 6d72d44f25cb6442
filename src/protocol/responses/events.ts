/**
 * The events the bridge streams. `sequence_number` is added by the encoder, which alone knows the
 * order of what really left.
 *
 * @see https://www.openresponses.org/specification
 * @see https://platform.openai.com/docs/api-reference/responses-streaming
 */
import type { ContentPart, OutputItem, SummaryPart, TokenLogprob, UrlCitation } from './items.ts'
import type { ResponseObject } from './response.ts'

export type LifecycleEvent = {
  type:
    | 'response.created'
    | 'response.in_progress'
    | 'response.completed'
    | 'response.incomplete'
    | 'response.failed'
  response: ResponseObject
}

export type ItemEvent = {
  type: 'response.output_item.added' | 'response.output_item.done'
  output_index: number
  item: OutputItem
}

/** Where in the output a part's event belongs. */
export interface PartPlace {
  item_id: string
  output_index: number
  content_index: number
}

export interface SummaryPlace {
  item_id: string
  output_index: number
  summary_index: number
}

export interface ItemPlace {
  item_id: string
  output_index: number
}

export type PartEvent = PartPlace & {
  type: 'response.content_part.added' | 'response.content_part.done'
  part: ContentPart
}

/** Padding, where the client asked for it. */
interface Padded {
  obfuscation?: string
}

export type TextDeltaEvent = PartPlace &
  Padded & {
    type: 'response.output_text.delta'
    delta: string
    logprobs: TokenLogprob[]
  }

export type TextDoneEvent = PartPlace & {
  type: 'response.output_text.done'
  text: string
  logprobs: TokenLogprob[]
}

export type RefusalDeltaEvent = PartPlace &
  Padded & { type: 'response.refusal.delta'; delta: string }
export type RefusalDoneEvent = PartPlace & { type: 'response.refusal.done'; refusal: string }

export type AnnotationEvent = PartPlace & {
  type: 'response.output_text.annotation.added'
  annotation_index: number
  annotation: UrlCitation
}

export type SummaryPartEvent = SummaryPlace & {
  type: 'response.reasoning_summary_part.added' | 'response.reasoning_summary_part.done'
  part: SummaryPart
}

export type SummaryDeltaEvent = SummaryPlace &
  Padded & {
    type: 'response.reasoning_summary_text.delta'
    delta: string
  }

export type SummaryDoneEvent = SummaryPlace & {
  type: 'response.reasoning_summary_text.done'
  text: string
}

export type ArgumentsDeltaEvent = ItemPlace &
  Padded & {
    type: 'response.function_call_arguments.delta'
    delta: string
  }

export type ArgumentsDoneEvent = ItemPlace & {
  type: 'response.function_call_arguments.done'
  name: string
  arguments: string
}

export type CustomInputDeltaEvent = ItemPlace &
  Padded & {
    type: 'response.custom_tool_call_input.delta'
    delta: string
  }

export type CustomInputDoneEvent = ItemPlace & {
  type: 'response.custom_tool_call_input.done'
  input: string
}

/** Flat and nested at once, so that it satisfies OpenAI's document and OpenAI's traffic alike. */
export type ErrorEvent = {
  type: 'error'
  code: string
  message: string
  param: string | null
  error: { type: string; code: string; message: string; param: string | null }
}

/** What OpenAI itself sends on a quiet line; it re-arms a client's idle timer. */
export type KeepaliveEvent = { type: 'keepalive' }

/** The events whose text grows. */
export type DeltaEvent =
  | TextDeltaEvent
  | RefusalDeltaEvent
  | SummaryDeltaEvent
  | ArgumentsDeltaEvent
  | CustomInputDeltaEvent

export type ResponseEvent =
  | LifecycleEvent
  | ItemEvent
  | PartEvent
  | TextDeltaEvent
  | TextDoneEvent
  | RefusalDeltaEvent
  | RefusalDoneEvent
  | AnnotationEvent
  | SummaryPartEvent
  | SummaryDeltaEvent
  | SummaryDoneEvent
  | ArgumentsDeltaEvent
  | ArgumentsDoneEvent
  | CustomInputDeltaEvent
  | CustomInputDoneEvent
  | ErrorEvent
  | KeepaliveEvent
