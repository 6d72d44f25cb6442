/**
 * The Response object: all 31 fields that Open Responses requires, in every lifecycle event.
 *
 * @see https://www.openresponses.org/specification
 */
import type { OutputItem } from './items.ts'

export type ResponseStatus = 'in_progress' | 'completed' | 'incomplete' | 'failed'

export interface ResponseUsage {
  input_tokens: number
  input_tokens_details: { cached_tokens: number; cache_write_tokens: number }
  output_tokens: number
  output_tokens_details: { reasoning_tokens: number }
  total_tokens: number
}

/** `error.code` is a closed set in OpenAI's document. */
export type ResponseErrorCode = 'server_error' | 'rate_limit_exceeded' | 'invalid_prompt'

export interface ResponseFailure {
  code: ResponseErrorCode
  message: string
}

/** The members that do not change while a response runs: the echo of the request. */
export interface ResponseEcho {
  id: string
  object: 'response'
  created_at: number
  model: string
  previous_response_id: string | null
  /** Only where the response is part of one. */
  conversation?: { id: string }
  instructions: string | null
  tools: unknown[]
  tool_choice: unknown
  truncation: 'auto' | 'disabled'
  parallel_tool_calls: boolean
  text: unknown
  top_p: number
  presence_penalty: number
  frequency_penalty: number
  top_logprobs: number
  temperature: number
  reasoning: unknown
  max_output_tokens: number | null
  max_tool_calls: number | null
  store: boolean
  background: boolean
  service_tier: string
  safety_identifier: string | null
  prompt_cache_key: string | null
}

/** The members that do. */
export interface ResponseProgress {
  status: ResponseStatus
  completed_at: number | null
  incomplete_details: { reason: 'max_output_tokens' | 'content_filter' } | null
  error: ResponseFailure | null
  output: OutputItem[]
  usage: ResponseUsage | null
  metadata: Record<string, string>
}

export type ResponseObject = ResponseEcho & ResponseProgress
