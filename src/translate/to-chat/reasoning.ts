/**
 * Reasoning on its way back to the upstream that made it: out of the seal when this bridge sealed it,
 * else what the item shows openly. A foreign or broken seal is no error; it only holds nothing.
 */
import type { InputReasoning } from '../../protocol/responses/input.ts'
import { isRecord, tryParse } from '../narrow.ts'
import type { Seal, SealedReasoning } from '../seal.ts'

export interface Thought {
  readonly text: string
  /** The upstream's own `reasoning_details`, verbatim. */
  readonly details: readonly unknown[]
}

const SEPARATOR = '\n\n'

export function openReasoning(item: InputReasoning, seal: Seal): Thought {
  const sealed = item.encrypted_content ? readSealed(seal.open(item.encrypted_content)) : undefined
  if (sealed !== undefined) return { text: sealed.text, details: sealed.details ?? [] }
  const parts = item.content?.length ? item.content : (item.summary ?? [])
  return { text: parts.map((part) => part.text).join(SEPARATOR), details: [] }
}

/** Thoughts that go back on one message. */
export function joinThoughts(thoughts: readonly Thought[]): Thought {
  return {
    text: thoughts.flatMap(({ text }) => (text === '' ? [] : [text])).join(SEPARATOR),
    details: thoughts.flatMap(({ details }) => details),
  }
}

function readSealed(plain: string | undefined): SealedReasoning | undefined {
  // Else sealed by this bridge, but not as reasoning: a compaction, a later version.
  const value = plain === undefined ? undefined : tryParse(plain)?.value
  return isSealedReasoning(value) ? value : undefined
}

function isSealedReasoning(value: unknown): value is SealedReasoning & Record<string, unknown> {
  if (!isRecord(value) || value['v'] !== 1 || typeof value['text'] !== 'string') return false
  return value['details'] === undefined || Array.isArray(value['details'])
}
