/**
 * Output items and their parts, as the bridge writes them.
 *
 * @see https://www.openresponses.org/specification
 * @see https://platform.openai.com/docs/api-reference/responses/object
 */

export type ItemStatus = 'in_progress' | 'completed' | 'incomplete'

export interface TokenLogprob {
  token: string
  logprob: number
  bytes: number[]
  top_logprobs: { token: string; logprob: number; bytes: number[] }[]
}

export interface UrlCitation {
  type: 'url_citation'
  url: string
  title: string
  start_index: number
  end_index: number
}

export interface OutputTextPart {
  type: 'output_text'
  text: string
  annotations: UrlCitation[]
  logprobs: TokenLogprob[]
}

export interface RefusalPart {
  type: 'refusal'
  refusal: string
}

export type ContentPart = OutputTextPart | RefusalPart

export interface SummaryPart {
  type: 'summary_text'
  text: string
}

export interface MessageItem {
  type: 'message'
  id: string
  status: ItemStatus
  role: 'assistant'
  content: ContentPart[]
}

export interface ReasoningItem {
  type: 'reasoning'
  id: string
  summary: SummaryPart[]
  /** Absent unless asked for; never null (Open Responses allows no null here). */
  encrypted_content?: string
}

export interface FunctionCallItem {
  type: 'function_call'
  id: string
  status: ItemStatus
  call_id: string
  name: string
  /** Only for a tool that was declared inside a `namespace`. */
  namespace?: string
  arguments: string
}

export interface CustomToolCallItem {
  type: 'custom_tool_call'
  id: string
  status: ItemStatus
  call_id: string
  name: string
  namespace?: string
  input: string
}

/** Codex's client-side tool search; `arguments` is an object here, not a string. */
export interface ToolSearchCallItem {
  type: 'tool_search_call'
  id: string
  status: ItemStatus
  call_id: string
  execution: 'client'
  arguments: unknown
}

/** The conversation so far, for the client to carry: it stands for the items before it. */
export interface CompactionItem {
  type: 'compaction'
  id: string
  encrypted_content: string
}

export type OutputItem =
  | MessageItem
  | ReasoningItem
  | FunctionCallItem
  | CustomToolCallItem
  | ToolSearchCallItem
  | CompactionItem
