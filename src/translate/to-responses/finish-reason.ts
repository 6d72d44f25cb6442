/**
 * What a `finish_reason` means for the response. Total: a reason nobody knows is a normal end
 * (Together's `eos`), and `""` is none at all (Snowflake), like null.
 *
 * @see ../../../docs/mapping-answers.md, "Endings"
 */

/** How an answer ended. `tool_calls` needs no word of its own: the output says it. */
export type Ending =
  | { readonly status: 'completed' }
  | { readonly status: 'incomplete'; readonly reason: 'max_output_tokens' | 'content_filter' }

/** The upstream says itself that it did not finish. */
export interface FailedFinish {
  readonly status: 'failed'
  readonly finishReason: string
}

export const COMPLETED: Ending = { status: 'completed' }
export const OUT_OF_TOKENS: Ending = { status: 'incomplete', reason: 'max_output_tokens' }
const FILTERED: Ending = { status: 'incomplete', reason: 'content_filter' }

export function mapFinishReason(value: unknown): Ending | FailedFinish | undefined {
  if (typeof value !== 'string' || value === '') return undefined
  switch (value.toLowerCase()) {
    case 'length':
    case 'max_tokens':
    case 'max_output_tokens':
    case 'model_length': // Mistral, when the context window is full
      return OUT_OF_TOKENS
    case 'content_filter':
    case 'safety':
    case 'sensitive': // Z.ai
      return FILTERED
    case 'error': // OpenRouter
    case 'network_error': // Z.ai
    case 'insufficient_system_resource': // DeepSeek
    case 'abort': // vLLM, SGLang
      return { status: 'failed', finishReason: value }
    default:
      return COMPLETED
  }
}
