/**
 * Token usage as upstreams report it, read into one shape, and written as Responses wants it.
 *
 * A count that is not a whole number from 0 to 2^53-1 is taken as not reported: providers send null
 * until the end, and a negative or fractional count must not reach a ledger.
 *
 * @see ../../docs/mapping-answers.md, "Usage"
 */
import type { ResponseUsage } from '../protocol/responses/response.ts'
import type { Usage } from '../protocol/usage.ts'
import { isRecord } from './narrow.ts'

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

/** One `usage` object of an upstream, or undefined when it does not say what was used. */
export function readUsage(value: unknown): Usage | undefined {
  if (!isRecord(value)) return undefined
  const prompt = count(value['prompt_tokens']) ?? count(value['input_tokens'])
  const completion = count(value['completion_tokens']) ?? count(value['output_tokens'])
  const total = count(value['total_tokens'])

  const input = prompt ?? difference(total, completion)
  if (input === undefined) return undefined
  // xAI and Gemini leave reasoning out of `completion_tokens`, but not out of the total:
  // 66 + 6 of 100 is an output of 34.
  const rest = difference(total, input)
  const output = completion === undefined ? rest : Math.max(completion, rest ?? 0)
  if (output === undefined || !Number.isSafeInteger(input + output)) return undefined

  const inputDetails = firstRecord(value, 'prompt_tokens_details', 'input_tokens_details')
  const outputDetails = firstRecord(value, 'completion_tokens_details', 'output_tokens_details')
  const cached = Math.min(
    count(inputDetails['cached_tokens']) ??
      count(value['prompt_cache_hit_tokens']) ??
      count(value['cached_tokens']) ??
      count(value['cache_read_input_tokens']) ??
      0,
    input,
  )
  const cacheWrite =
    count(inputDetails['cache_write_tokens']) ??
    count(inputDetails['cache_creation_tokens']) ??
    count(value['cache_creation_input_tokens']) ??
    0
  const reasoning =
    count(outputDetails['reasoning_tokens']) ?? count(value['reasoning_tokens']) ?? 0
  return {
    inputTokens: input,
    cachedInputTokens: cached,
    cacheWriteTokens: Math.min(cacheWrite, input - cached),
    outputTokens: output,
    reasoningTokens: Math.min(reasoning, output),
  }
}

function difference(total: number | undefined, part: number | undefined): number | undefined {
  return total === undefined || part === undefined || part > total ? undefined : total - part
}

function firstRecord(owner: Record<string, unknown>, ...names: string[]): Record<string, unknown> {
  for (const name of names) {
    const value = owner[name]
    if (isRecord(value)) return value
  }
  return {}
}

/**
 * The better of two reports of one answer. Some upstreams count on every chunk, beginning or ending
 * with zeros, so the last one that counted anything wins; they are never added up.
 */
export function laterUsage(known: Usage | undefined, next: Usage | undefined): Usage | undefined {
  if (next === undefined) return known
  if (known !== undefined && next.inputTokens + next.outputTokens === 0) return known
  return next
}

export function toResponseUsage(usage: Usage): ResponseUsage {
  return {
    input_tokens: usage.inputTokens,
    input_tokens_details: {
      cached_tokens: usage.cachedInputTokens,
      cache_write_tokens: usage.cacheWriteTokens,
    },
    output_tokens: usage.outputTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
    total_tokens: usage.inputTokens + usage.outputTokens,
  }
}
