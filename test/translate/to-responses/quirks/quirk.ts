/** One row of the table of quirks: what an upstream sends, and what the client must get. */
import type { ResponseStatus } from '../../../../src/protocol/responses/response.ts'
import type { Run, TestOptions } from '../harness.ts'

/** As loose as they are really sent. */
type ChatDelta = Readonly<Record<string, unknown>>
type ChatChoice = Readonly<Record<string, unknown>>

type Upstream =
  | { readonly sse: string }
  | { readonly messages: readonly unknown[] }
  | { readonly body: unknown }

export interface Expected {
  readonly text?: string
  readonly reasoning?: string
  readonly refusal?: string
  /** Names and arguments, in order. */
  readonly calls?: readonly (readonly [name: string, args: string])[]
  readonly callIds?: readonly string[]
  readonly status?: ResponseStatus
  readonly reason?: 'max_output_tokens' | 'content_filter'
  readonly error?: string
  /** Types of the final output's items. */
  readonly items?: readonly string[]
  /** Input and output tokens; null for none. */
  readonly usage?: readonly [input: number, output: number] | null
}

export interface Quirk {
  readonly number: number
  readonly name: string
  readonly upstream: Upstream
  readonly options?: TestOptions
  readonly expected: Expected
  /** What the table cannot say. */
  readonly check?: (run: Run) => void
}

export const DONE = '[DONE]'
export const USAGE = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }

export function chunk(delta: ChatDelta, choice: ChatChoice = {}) {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, ...choice }],
  }
}

export function finish(reason: string, delta: ChatDelta = {}) {
  return chunk(delta, { finish_reason: reason })
}

export function usageOnly(usage: unknown = USAGE) {
  return { id: 'chatcmpl-1', object: 'chat.completion.chunk', choices: [], usage }
}

/** The usual end: a reason, the usage, the mark. */
export function ending(reason: string) {
  return [finish(reason), usageOnly(), DONE]
}

function callDelta(
  index: number | undefined,
  id: string | null | undefined,
  name: string | null | undefined,
  args: unknown,
): ChatDelta {
  return {
    tool_calls: [
      {
        ...(index === undefined ? {} : { index }),
        ...(id === undefined ? {} : { id, type: 'function' }),
        function: { ...(name === undefined ? {} : { name }), arguments: args },
      },
    ],
  }
}

export function call(
  index: number | undefined,
  id: string | null | undefined,
  name: string | null | undefined,
  args: unknown,
) {
  return chunk(callDelta(index, id, name, args))
}

export function completion(message: ChatDelta, rest: ChatChoice = { finish_reason: 'stop' }) {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    choices: [{ index: 0, message, ...rest }],
    usage: USAGE,
  }
}
