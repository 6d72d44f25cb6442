/**
 * `truncation: "auto"`: a conversation that is longer than the model's window loses its oldest turns,
 * whole, so that no call is parted from its output and no answer from its question. What the developer
 * said stays, and the last turn always does, however long it is.
 */
import type { InlineItem } from '../../protocol/responses/input.ts'
import { tryStringify } from '../narrow.ts'

export interface TruncationOptions {
  /** Tokens that the conversation may take: the window, less what else has to fit into it. */
  readonly roomTokens: number
  /** Tokens of some JSON, as an estimate. */
  readonly estimateTokens: (json: string) => number
}

export interface Truncated {
  readonly items: readonly InlineItem[]
  /** How many turns were left out. */
  readonly droppedTurns: number
}

export function truncate(
  items: readonly InlineItem[],
  { roomTokens, estimateTokens }: TruncationOptions,
): Truncated {
  const turns = toTurns(items)
  const sizes = turns.map((turn) => turn.map((item) => estimateTokens(tryStringify(item) ?? '')))
  let tokens = sizes.flat().reduce((sum, size) => sum + size, 0)
  let droppedTurns = 0
  const kept = turns.flatMap((turn, index) => {
    if (tokens <= roomTokens || index === turns.length - 1 || !isTurn(turn)) return turn
    droppedTurns++
    return turn.filter((item, position) => {
      const stays = staysAlways(item)
      if (!stays) tokens -= sizes[index]?.[position] ?? 0
      return stays
    })
  })
  return { items: droppedTurns === 0 ? items : kept, droppedTurns }
}

/**
 * A turn begins where the user speaks after the model has, once every call before it has its output:
 * several messages in a row are one question, and one between a call and its output interrupts none.
 */
function toTurns(items: readonly InlineItem[]): InlineItem[][] {
  const answeredAt = outputPlaces(items)
  const turns: InlineItem[][] = [[]]
  let hasAnswer = false
  let openUntil = -1
  for (const [index, item] of items.entries()) {
    if (isOfUser(item) && hasAnswer && openUntil < index) {
      turns.push([])
      hasAnswer = false
    }
    turns.at(-1)?.push(item)
    hasAnswer ||= !isOfUser(item) && !staysAlways(item)
    openUntil = Math.max(openUntil, answeredAt.get(index) ?? -1)
  }
  return turns
}

/** By the place of a call, the place of its last output. Of calls that share an id, the latest is meant. */
function outputPlaces(items: readonly InlineItem[]): ReadonlyMap<number, number> {
  const callAt = new Map<string, number>()
  const places = new Map<number, number>()
  for (const [index, item] of items.entries()) {
    const id = 'call_id' in item ? item.call_id : undefined
    if (typeof id !== 'string') continue
    if (!item.type.endsWith('_output')) callAt.set(id, index)
    else {
      const call = callAt.get(id)
      if (call !== undefined) places.set(call, index)
    }
  }
  return places
}

/** Whether leaving it out leaves anything out. */
function isTurn(turn: readonly InlineItem[]): boolean {
  return !turn.every(staysAlways)
}

function isOfUser(item: InlineItem): boolean {
  return item.type === 'message' && item.role === 'user'
}

/** Instructions, and tools, which are declared from the whole list in any case. */
function staysAlways(item: InlineItem): boolean {
  if (item.type === 'additional_tools') return true
  return item.type === 'message' && (item.role === 'system' || item.role === 'developer')
}
