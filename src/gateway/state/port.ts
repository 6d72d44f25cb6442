/**
 * The port to what is kept of responses and conversations. It is not the ledger's: no call waits for it
 * that keeps nothing, and content that grows by gigabytes stays away from what counts money.
 *
 * Whatever belongs to another owner is as if it were not there.
 */
import type { Owner } from '../../budget/hold.ts'

/** An item and the id it is found by. */
export interface StoredItem {
  readonly id: string
  /** JSON, as the client or the model wrote it. */
  readonly body: string
}

/** What is written of one response when it begins in the background, and when it ends. */
export interface SavedTurn {
  readonly owner: Owner
  readonly responseId: string
  readonly previousResponseId: string | undefined
  /** The conversation the turn is added to when it has ended; that lets go of its lock, too. */
  readonly conversationId: string | undefined
  readonly input: readonly StoredItem[]
  readonly output: readonly StoredItem[]
  /** Undefined: only the conversation is added to, and the response itself is not kept. */
  readonly response: SavedResponse | undefined
  /** Whether the turn's items go into the conversation. */
  readonly joinsConversation: boolean
  /** Until when it counts as running; undefined for one that has ended. */
  readonly leaseUntilMs: number | undefined
  readonly nowMs: number
}

export interface SavedResponse {
  /** The Response object as JSON, with an empty `output` in its place. */
  readonly body: string
  /** The events of its stream (`event-log.ts`), as JSON; undefined where there are none. */
  readonly log: string | undefined
  /** The request without its input, as JSON: what `submit_tool_outputs` goes on with. */
  readonly settings: string
  readonly isBackground: boolean
}

export interface FoundResponse extends SavedResponse {
  readonly output: readonly StoredItem[]
  readonly conversationId: string | undefined
  /** Undefined once it has ended. */
  readonly leaseUntilMs: number | undefined
}

export interface ResponseReference {
  readonly owner: Owner
  readonly responseId: string
}

export interface ConversationReference {
  readonly owner: Owner
  readonly conversationId: string
}

export interface PageRequest {
  readonly order: 'asc' | 'desc'
  /** An item's id: the page begins behind it. */
  readonly after: string | undefined
  readonly limit: number
}

export type ItemPage =
  | { readonly ok: true; readonly items: readonly StoredItem[]; readonly hasMore: boolean }
  | { readonly ok: false; readonly reason: 'not_found' | 'unknown_after' }

export interface FoundConversation {
  readonly createdAtMs: number
  /** JSON. */
  readonly metadata: string
}

export interface Pruned {
  /** Threads (a response with all that follow from it, or a conversation) that were taken out. */
  readonly threads: number
  /** Whether there is more to take out than one round does. */
  readonly more: boolean
}

export interface ResponseStore {
  /** Durable when it resolves. A response that is there already is replaced. */
  save(turn: SavedTurn): Promise<void>
  find(reference: ResponseReference): Promise<FoundResponse | undefined>
  /**
   * The response is gone by its name, and so are its items. What later responses were told of it stays
   * until the last of them goes.
   */
  delete(reference: ResponseReference): Promise<boolean>
  /** Input and output of the response and of those before it, oldest first; undefined if it is not there. */
  readTurns(reference: ResponseReference): Promise<readonly StoredItem[] | undefined>
  /** The latest of each id. */
  readItems(request: {
    readonly owner: Owner
    readonly itemIds: readonly string[]
  }): Promise<readonly StoredItem[]>
  listInput(request: ResponseReference & PageRequest): Promise<ItemPage>

  /**
   * Says that these runs and locks are alive: responses and conversations, by the id of the response.
   * Returns those that were asked to stop.
   */
  extend(request: {
    readonly responseIds: readonly string[]
    readonly untilMs: number
  }): Promise<readonly string[]>
  /** Asks whichever bridge runs it to stop. */
  askCancel(reference: ResponseReference): Promise<void>

  createConversation(
    request: ConversationReference & {
      readonly metadata: string
      readonly items: readonly StoredItem[]
      readonly nowMs: number
    },
  ): Promise<void>
  findConversation(reference: ConversationReference): Promise<FoundConversation | undefined>
  updateConversation(
    request: ConversationReference & { readonly metadata: string },
  ): Promise<boolean>
  /** Its items stay for the responses that were given them. */
  deleteConversation(reference: ConversationReference): Promise<boolean>
  readConversation(reference: ConversationReference): Promise<readonly StoredItem[] | undefined>
  addConversationItems(
    request: ConversationReference & {
      readonly items: readonly StoredItem[]
      readonly nowMs: number
    },
  ): Promise<boolean>
  listConversationItems(request: ConversationReference & PageRequest): Promise<ItemPage>
  findConversationItem(
    request: ConversationReference & { readonly itemId: string },
  ): Promise<StoredItem | undefined>
  deleteConversationItem(
    request: ConversationReference & { readonly itemId: string },
  ): Promise<boolean>
  /** One turn at a time: `busy` while another response holds it. */
  lockConversation(
    request: ConversationReference & {
      readonly responseId: string
      readonly untilMs: number
      readonly nowMs: number
    },
  ): Promise<'locked' | 'busy' | 'not_found'>
  unlockConversation(request: {
    readonly conversationId: string
    readonly responseId: string
  }): Promise<void>

  /** Takes out threads last used before `beforeMs`, then the longest unused until `maxBytes` hold the rest. */
  prune(request: { readonly beforeMs: number; readonly maxBytes: number }): Promise<Pruned>
  close(): Promise<void>
}
