/** Log probabilities of a Responses upstream; the entries are the same on both wires. */
import { isRecord, listOf, textOf } from '../narrow.ts'

export interface ChatLogprob {
  readonly token: string
  readonly logprob: number
  readonly bytes: readonly number[] | null
  readonly top_logprobs: readonly Omit<ChatLogprob, 'top_logprobs'>[]
}

export function toChatLogprobs(value: unknown): readonly ChatLogprob[] {
  return listOf(value).flatMap((entry) => {
    const read = readOne(entry)
    if (read === undefined || !isRecord(entry)) return []
    const top = listOf(entry['top_logprobs']).flatMap((other) => readOne(other) ?? [])
    return [{ ...read, top_logprobs: top }]
  })
}

function readOne(entry: unknown): Omit<ChatLogprob, 'top_logprobs'> | undefined {
  if (!isRecord(entry) || typeof entry['logprob'] !== 'number') return undefined
  const { bytes } = entry
  return {
    token: textOf(entry['token']),
    logprob: entry['logprob'],
    bytes: Array.isArray(bytes) ? bytes.filter((byte) => typeof byte === 'number') : null,
  }
}
