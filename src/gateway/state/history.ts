/**
 * What was said before, as a request that refers to it needs it. A store of responses is one; so is
 * what a connection remembers of its own turns, in front of it.
 */
import type { Owner } from '../../budget/hold.ts'
import type { ResponseStore, StoredItem } from './port.ts'
import { isId, toWireItem, type WireItem } from './stored-item.ts'

export interface History {
  /** Whether the store has it, if anybody has: what goes on from it need not repeat it. */
  isStored(responseId: string): boolean
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

export function createHistory(store: ResponseStore): History {
  const itemsOf = (items: readonly StoredItem[] | undefined) => items?.map(toWireItem)
  const keyOf = ({ orgId, userId }: Owner): Owner => ({ orgId, userId })
  return {
    isStored: () => true,
    readTurns: async (owner, responseId) =>
      isId(responseId)
        ? itemsOf(await store.readTurns({ owner: keyOf(owner), responseId }))
        : undefined,
    readConversation: async (owner, conversationId) =>
      isId(conversationId)
        ? itemsOf(await store.readConversation({ owner: keyOf(owner), conversationId }))
        : undefined,
    async readItems(owner, itemIds) {
      const items = await store.readItems({
        owner: keyOf(owner),
        itemIds: itemIds.filter(isId),
      })
      return new Map(items.map((item) => [item.id, toWireItem(item)]))
    },
  }
}
