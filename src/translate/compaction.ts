/**
 * Compaction: a conversation as a summary that the chat model writes, sealed so that the client carries
 * it without reading it. In a later input the summary stands, as a message of the user, where the
 * compaction item stands.
 *
 * @see https://platform.openai.com/docs/guides/compaction
 */
import type { InlineItem, InputCompaction, InputItem } from '../protocol/responses/input.ts'
import type { ReadRequest } from '../protocol/responses/request.ts'
import { isRecord, tryParse } from './narrow.ts'
import type { Seal } from './seal.ts'

/** What is inside the seal of a compaction. */
interface SealedCompaction {
  /** Version of this shape. */
  readonly v: 1
  readonly summary: string
}

/** What a `compaction_trigger` says to a model that knows no such item. */
export const CHECKPOINT_PROMPT = `Stop here and write a handover note on this conversation. It will replace everything above, and whoever continues has nothing but the note and the user's own messages.

Put down, as far as it applies:
- what the user wants, with every constraint and preference that still holds
- what has been done and what came of it: decisions with their reasons, files and commands with their exact names, errors and how they were solved
- facts that took work to find out, word for word where the wording matters
- what is unfinished, and the next steps in order

Answer with the note alone. Call no tools and ask nothing.`

export function introduceSummary(summary: string): string {
  return `[The conversation before this point was replaced by this handover note on it.]\n\n${summary}`
}

export function sealCompaction(summary: string, seal: Seal): string {
  const plain: SealedCompaction = { v: 1, summary }
  return seal.seal(JSON.stringify(plain))
}

/** The summary, or undefined for a compaction that another bridge or provider sealed. */
export function openCompaction(
  { encrypted_content }: InputCompaction,
  seal: Seal,
): string | undefined {
  const plain = encrypted_content ? seal.open(encrypted_content) : undefined
  const value = plain === undefined ? undefined : tryParse(plain)?.value
  return isSealedCompaction(value) ? value.summary : undefined
}

function isSealedCompaction(value: unknown): value is SealedCompaction & Record<string, unknown> {
  return isRecord(value) && value['v'] === 1 && typeof value['summary'] === 'string'
}

/** Whether the request is for a compaction in place of an answer. */
export function asksForCompaction({ input }: ReadRequest): boolean {
  return input.at(-1)?.type === 'compaction_trigger'
}

/**
 * The request as the model is asked it: the tools stay, for the upstream's cache, and may not be
 * called; a format would bend the note.
 */
export function toCompactionRequest(read: ReadRequest): ReadRequest {
  const { text, ...request } = read.request
  const free = text?.verbosity ? { text: { verbosity: text.verbosity } } : {}
  return { ...read, request: { ...request, ...free, tool_choice: 'none' } }
}

/**
 * The items without what a compaction among them replaced: a chain of stored turns still holds what was
 * said before the trigger. Of that, messages stay that are not the model's own.
 */
export function withoutCompacted<Item extends InputItem | InlineItem>(
  items: readonly Item[],
  seal: Seal,
): readonly Item[] {
  const trigger = items.findLastIndex(
    (item, index) => item.type === 'compaction_trigger' && index < items.length - 1,
  )
  if (trigger < 0) return items
  const rest = items.slice(trigger + 1)
  const earlier = items.slice(0, trigger).filter(({ type }) => type !== 'compaction_trigger')
  // It failed, or was somebody else's: then what was said is all there is.
  const isReplaced = rest.some((item) => isCompaction(item) && openCompaction(item, seal))
  return [...(isReplaced ? earlier.filter(isKept) : earlier), ...rest]
}

function isCompaction(item: InputItem): item is InputCompaction {
  return item.type === 'compaction' || item.type === 'compaction_summary'
}

function isKept(item: InputItem): boolean {
  return item.type === 'message' && item.role !== 'assistant'
}
