/**
 * How much a Chat Completions chunk or body generated, in UTF-16 units: text, reasoning, refusals and
 * the arguments of calls, over all choices, since all of them are billed.
 */
import { isRecord, listOf, textOf } from './narrow.ts'

type JsonObject = Readonly<Record<string, unknown>>

/** Of all choices of a whole body. */
export function countBody(completion: JsonObject): number {
  let chars = 0
  for (const choice of listOf(completion['choices'])) {
    if (isRecord(choice)) chars += countMessage(choice['message'] ?? choice['delta'])
  }
  return chars
}

/** Of one choice of a chunk. Perplexity repeats the whole message beside each delta. */
export function countChoice(choice: JsonObject): number {
  return countMessage(choice['delta'] ?? choice['message'])
}

/** Fields that mirror each other: one server sends its reasoning under two names. */
const REASONING_FIELDS = ['reasoning_content', 'reasoning', 'reasoning_text', 'thinking'] as const

function countMessage(message: unknown): number {
  if (!isRecord(message)) return 0
  let chars = countContent(message['content']) + textOf(message['refusal']).length
  for (const field of REASONING_FIELDS) {
    const { length } = textOf(message[field])
    if (length > 0) {
      chars += length
      break
    }
  }
  for (const call of listOf(message['tool_calls'])) {
    if (isRecord(call)) chars += countFunction(call['function']) + countFunction(call['custom'])
  }
  return chars + countFunction(message['function_call'])
}

function countContent(content: unknown): number {
  if (typeof content === 'string') return content.length
  let chars = 0
  for (const part of listOf(content)) {
    if (!isRecord(part)) continue
    chars += textOf(part['text']).length + countContent(part['thinking'])
  }
  return chars
}

function countFunction(call: unknown): number {
  if (!isRecord(call)) return 0
  const { arguments: written, input } = call
  const text = written ?? input
  return textOf(call['name']).length + textOf(text).length
}
