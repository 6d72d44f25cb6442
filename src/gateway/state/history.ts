/**
 * What was said before, as a request that refers to it needs it. A store of responses is one; so is
 * what a connection remembers of its own turns, in front of it.
 */
import type { Owner } from '../../budget/hold.ts'

/** An item as a client or the bridge wrote it. */
export type WireItem = Readonly<Record<string, unknown>>

export interface History {
  /**
   * The items of a response and of every turn before it: oldest turn first, of each its input, then
   * its output. Undefined when the owner has no such response.
   */
  readTurns(owner: Owner, responseId: string): Promise<readonly WireItem[] | undefined>
  /** The items of a conversation, oldest first. Undefined when the owner has no such conversation. */
  readConversation(owner: Owner, conversationId: string): Promise<readonly WireItem[] | undefined>
  /** Single items of whatever the owner has, by id; those that are not there are missing. */
  readItems(owner: Owner, itemIds: readonly string[]): Promise<ReadonlyMap<string, WireItem>>
}

/** Where nothing is kept. */
export const NO_HISTORY: History = {
  readTurns: async () => undefined,
  readConversation: async () => undefined,
  readItems: async () => new Map(),
}
