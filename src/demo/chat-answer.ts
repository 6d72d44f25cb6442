/**
 * A scripted answer on the Chat Completions wire, in the pieces a real server streams: a role chunk,
 * text by the word, tool arguments split where no JSON ends, the finish, then usage on its own.
 *
 * @see https://platform.openai.com/docs/api-reference/chat-streaming/streaming
 */
import type { ScriptedRequest } from './chat-request.ts'
import type { ScriptedAnswer } from './script.ts'

/** A rough token, for a model without a tokenizer. */
const BYTES_PER_TOKEN = 4
/** Real servers cache prompts in blocks. */
const CACHE_BLOCK_TOKENS = 64
const ARGUMENT_PIECE_CHARS = 11

interface ChatUsageBody {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  readonly prompt_tokens_details: { readonly cached_tokens: number }
}

export interface ChatAnswer {
  readonly id: string
  readonly model: string
  readonly createdAtSeconds: number
  readonly text: string
  readonly calls: readonly ChatAnswerCall[]
  readonly finishReason: 'stop' | 'tool_calls' | 'length'
  readonly usage: ChatUsageBody
}

interface ChatAnswerCall {
  readonly id: string
  readonly type: 'function'
  readonly function: { readonly name: string; readonly arguments: string }
}

export interface ChatAnswerOptions {
  readonly id: string
  readonly model: string
  readonly createdAtSeconds: number
}

/** The answer as this request gets it: cut at its token limit, with ids and usage. */
export function toChatAnswer(
  request: ScriptedRequest,
  answer: ScriptedAnswer,
  options: ChatAnswerOptions,
): ChatAnswer {
  const limit = request.max_completion_tokens ?? request.max_tokens ?? Number.POSITIVE_INFINITY
  const text = answer.text.slice(0, limit * BYTES_PER_TOKEN)
  const cut = text.length < answer.text.length
  const calls = cut ? [] : answer.calls.map((call, index) => toCall(call, request, index))
  return {
    ...options,
    text,
    calls,
    finishReason: cut ? 'length' : calls.length > 0 ? 'tool_calls' : 'stop',
    usage: countUsage(request, [text, ...calls.map((call) => call.function.arguments)]),
  }
}

// The place in the conversation makes the id unique in it, and the same on every replay.
const toCall = (
  call: ScriptedAnswer['calls'][number],
  request: ScriptedRequest,
  index: number,
): ChatAnswerCall => ({
  id: `call_demo_${request.messages.length}_${index}`,
  type: 'function',
  function: { name: call.name, arguments: call.arguments },
})

function countUsage(request: ScriptedRequest, output: readonly string[]): ChatUsageBody {
  const lastAnswer = request.messages.findLastIndex((message) => message.role === 'assistant')
  const seen = request.messages.slice(0, Math.max(lastAnswer, 0))
  const tools = request.tools ?? []
  const prompt = countTokens(JSON.stringify([tools, request.messages]))
  // Whatever came before the last answer was the prompt of the call that gave it.
  const known = seen.length === 0 ? 0 : countTokens(JSON.stringify([tools, seen]))
  const completion = output.reduce((sum, text) => sum + countTokens(text), 0)
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: known - (known % CACHE_BLOCK_TOKENS) },
  }
}

const countTokens = (text: string) => Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN)

/** The body of a non-streaming answer. */
export function toCompletion(answer: ChatAnswer): unknown {
  const message = {
    role: 'assistant',
    content: answer.text === '' ? null : answer.text,
    ...(answer.calls.length > 0 && { tool_calls: answer.calls }),
  }
  return {
    id: answer.id,
    object: 'chat.completion',
    created: answer.createdAtSeconds,
    model: answer.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: answer.finishReason }],
    usage: answer.usage,
  }
}

/** The frames of a streamed answer, `[DONE]` included, each to be written on its own. */
export function toFrames(answer: ChatAnswer, includeUsage: boolean): string[] {
  const deltas: unknown[] = [{ role: 'assistant', content: '' }]
  for (const word of answer.text.match(/\S+\s*|\s+/g) ?? []) deltas.push({ content: word })
  for (const [index, call] of answer.calls.entries()) {
    const { name } = call.function
    deltas.push({ tool_calls: [{ ...call, index, function: { name, arguments: '' } }] })
    for (const piece of pieces(call.function.arguments)) {
      deltas.push({ tool_calls: [{ index, function: { arguments: piece } }] })
    }
  }
  const chunk = (choices: unknown[], usage?: ChatUsageBody) => ({
    id: answer.id,
    object: 'chat.completion.chunk',
    created: answer.createdAtSeconds,
    model: answer.model,
    choices,
    ...(includeUsage && { usage: usage ?? null }),
  })
  const chunks = deltas.map((delta) => chunk([{ index: 0, delta, finish_reason: null }]))
  chunks.push(chunk([{ index: 0, delta: {}, finish_reason: answer.finishReason }]))
  if (includeUsage) chunks.push(chunk([], answer.usage))
  return [...chunks.map((data) => `data: ${JSON.stringify(data)}\n\n`), 'data: [DONE]\n\n']
}

function pieces(text: string): string[] {
  const count = Math.ceil(text.length / ARGUMENT_PIECE_CHARS)
  return Array.from({ length: count }, (_, index) =>
    text.slice(index * ARGUMENT_PIECE_CHARS, (index + 1) * ARGUMENT_PIECE_CHARS),
  )
}
