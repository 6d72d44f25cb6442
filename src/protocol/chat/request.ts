/**
 * What is sent to a Chat Completions upstream. Types only: the bridge writes these, it never parses
 * them.
 *
 * @see https://platform.openai.com/docs/api-reference/chat/create
 */

export type ChatContentPart =
  | { type: 'text'; text: string }
  | { type: 'image_url'; image_url: { url: string; detail?: string } }
  | { type: 'input_audio'; input_audio: { data: string; format: string } }
  | { type: 'file'; file: { filename?: string; file_data?: string; file_id?: string } }

export interface ChatToolCall {
  id: string
  type: 'function'
  function: { name: string; arguments: string }
}

export interface ChatSystemMessage {
  role: 'system' | 'developer'
  content: string
}

export interface ChatUserMessage {
  role: 'user'
  content: string | ChatContentPart[]
}

export interface ChatAssistantMessage {
  role: 'assistant'
  content: string | null
  reasoning_content?: string
  reasoning?: string
  reasoning_details?: unknown[]
  refusal?: string
  tool_calls?: ChatToolCall[]
}

export interface ChatToolMessage {
  role: 'tool'
  tool_call_id: string
  content: string
}

export type ChatMessage =
  | ChatSystemMessage
  | ChatUserMessage
  | ChatAssistantMessage
  | ChatToolMessage

export interface ChatFunctionTool {
  type: 'function'
  function: { name: string; description?: string; parameters?: unknown; strict?: boolean }
}

export type ChatToolChoice =
  | 'none'
  | 'auto'
  | 'required'
  | { type: 'function'; function: { name: string } }

export interface ChatRequest {
  model: string
  messages: ChatMessage[]
  stream?: boolean
  stream_options?: { include_usage: boolean }
  tools?: ChatFunctionTool[]
  tool_choice?: ChatToolChoice
  parallel_tool_calls?: boolean
  response_format?: unknown
  temperature?: number
  top_p?: number
  presence_penalty?: number
  frequency_penalty?: number
  max_tokens?: number
  max_completion_tokens?: number
  reasoning_effort?: string
  verbosity?: string
  logprobs?: boolean
  top_logprobs?: number
  prompt_cache_key?: string
  safety_identifier?: string
  service_tier?: string
  user?: string
  [extra: string]: unknown
}
