/**
 * What a connection remembers of its own turns: the latest response that was not to be stored, so that
 * the next turn can go on from it. It ends with the connection.
 */
import type { History } from './history.ts'
import type { WireItem } from './stored-item.ts'

export interface RememberedTurn {
  readonly responseId: string
  /** Its whole input, then its output. */
  readonly items: readonly WireItem[]
  /** Length of the items as JSON, about. */
  readonly chars: number
}

export interface ConnectionMemory {
  readonly latest: RememberedTurn | undefined
  /** What `behind` has, and in front of it what is remembered here. */
  historyBefore(behind: History): History
  /** In place of the one before; one that is too long is not kept, and the client has to send it whole. */
  keep(turn: RememberedTurn): void
  /**
   * A turn that went on from it has failed: the client must not build on it unawares.
   *
   * @param responseId as the client named it; any other than the latest's changes nothing
   */
  forget(responseId: unknown): void
}

/** @param maxChars beyond which a request that holds the turn would be refused as well */
export function createConnectionMemory(maxChars: number): ConnectionMemory {
  let latest: RememberedTurn | undefined
  return {
    get latest() {
      return latest
    },
    historyBefore: (behind) => ({
      ...behind,
      isStored: (id) => latest?.responseId !== id && behind.isStored(id),
      readTurns: async (owner, id) =>
        latest?.responseId === id ? latest.items : behind.readTurns(owner, id),
    }),
    keep(turn) {
      latest = turn.chars > maxChars ? undefined : turn
    },
    forget(responseId) {
      if (latest?.responseId === responseId) latest = undefined
    },
  }
}
