/**
 * What a Chat Completions upstream answers, as loosely as it is really sent: every member may be
 * missing, null or of another type (`docs/mapping.md`, "Odd upstreams"), so readers narrow before use.
 *
 * @see https://platform.openai.com/docs/api-reference/chat-streaming/streaming
 */

export interface ChatUsage {
  prompt_tokens?: unknown
  completion_tokens?: unknown
  total_tokens?: unknown
  [extra: string]: unknown
}

export interface ChatToolCallDelta {
  index?: unknown
  id?: unknown
  type?: unknown
  function?: { name?: unknown; arguments?: unknown } | null
  custom?: { name?: unknown; input?: unknown } | null
}

/** `delta` of a chunk's choice, or `message` of a whole completion's: the same members. */
export interface ChatDelta {
  role?: unknown
  content?: unknown
  refusal?: unknown
  reasoning_content?: unknown
  reasoning?: unknown
  reasoning_details?: unknown
  tool_calls?: unknown
  function_call?: unknown
  annotations?: unknown
  [extra: string]: unknown
}

export interface ChatChoice {
  index?: unknown
  delta?: ChatDelta | null
  message?: ChatDelta | null
  finish_reason?: unknown
  logprobs?: unknown
  usage?: unknown
  error?: unknown
}

/** One `chat.completion.chunk`, or one whole `chat.completion`. */
export interface ChatChunk {
  id?: unknown
  model?: unknown
  choices?: unknown
  usage?: unknown
  x_groq?: unknown
  error?: unknown
  citations?: unknown
  [extra: string]: unknown
}
