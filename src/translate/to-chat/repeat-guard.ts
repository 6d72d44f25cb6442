/**
 * Stops a model that goes in circles: the same call with the same output, again and again, at the end
 * of the history. What the user says breaks the row; what the model says between its calls does not.
 */
import type { InputContent, InputPart } from '../../protocol/responses/input.ts'
import type { CallEntry, HistoryEntry } from './history.ts'
import type { Pairing } from './pairing.ts'

interface AnsweredCall {
  readonly call: CallEntry
  readonly output: InputContent
}

/** What to answer instead of asking the upstream, or undefined while the model may go on. */
export function stopRepetition(
  history: readonly HistoryEntry[],
  pairing: Pairing,
  maxRepeatedCalls: number,
): string | undefined {
  if (maxRepeatedCalls <= 0) return undefined
  let count = 0
  let latest: AnsweredCall | undefined
  for (const answered of walkBack(history, pairing)) {
    if (latest !== undefined && !isSame(answered, latest)) break
    latest = answered
    count++
  }
  if (latest === undefined || count < maxRepeatedCalls) return undefined
  return (
    `Stopped: the tool ${latest.call.chatName} was called ${count} times in a row with the same ` +
    'arguments and gave the same output each time, so asking again would not get further. ' +
    'Please change the request, or say how to go on.'
  )
}

/** The answered calls at the end of the history, latest first, up to what breaks the row. */
function* walkBack(history: readonly HistoryEntry[], pairing: Pairing): Generator<AnsweredCall> {
  let found = false
  for (let index = history.length - 1; index >= 0; index--) {
    const entry = history[index]
    if (entry === undefined) return
    if (entry.kind === 'call') {
      const outputIndex = pairing.answerOf(index)
      const output = outputIndex === undefined ? undefined : history[outputIndex]
      if (output?.kind !== 'output') return
      yield { call: entry, output: output.content }
      found = true
    } else if (breaksRow(entry, index, pairing, found)) {
      return
    }
  }
}

function breaksRow(
  entry: Exclude<HistoryEntry, CallEntry>,
  index: number,
  pairing: Pairing,
  found: boolean,
): boolean {
  if (entry.kind === 'output') return !pairing.isAnswer(index)
  if (entry.kind === 'reasoning') return false
  // A last word without a call after it: the model has left the circle.
  return entry.role === 'user' || (entry.role === 'assistant' && !found)
}

function isSame(one: AnsweredCall, other: AnsweredCall): boolean {
  return (
    one.call.chatName === other.call.chatName &&
    one.call.arguments === other.call.arguments &&
    isSameContent(one.output, other.output)
  )
}

function isSameContent(one: InputContent, other: InputContent): boolean {
  if (typeof one === 'string' || typeof other === 'string') return one === other
  return (
    one.length === other.length &&
    one.every((part, index) => {
      const match = other[index]
      const body = bodyOf(part)
      return match !== undefined && body !== undefined && body === bodyOf(match)
    })
  )
}

/**
 * What a part holds, as one string to compare; its type in front keeps a text from equalling an image.
 * Undefined for what the bridge cannot read, which therefore equals nothing.
 */
function bodyOf(part: InputPart): string | undefined {
  switch (part.type) {
    case 'input_image': {
      const url = typeof part.image_url === 'string' ? part.image_url : part.image_url?.url
      return `${part.type} ${url ?? part.file_id ?? ''}`
    }
    case 'input_file':
      return `${part.type} ${part.file_data ?? part.file_url ?? part.file_id ?? ''}`
    case 'input_audio':
      return `${part.type} ${part.input_audio.data}`
    case 'refusal':
      return `${part.type} ${part.refusal}`
    case 'unknown':
      return undefined
    default:
      return `${part.type} ${part.text}`
  }
}
