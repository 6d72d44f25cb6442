/**
 * The routes of what is kept: stored responses and conversations. What runs a model is not here.
 *
 * @see ../../docs/guide.md
 */
import { BridgeError } from '../errors.ts'
import type { Caller } from '../gateway/identity.ts'
import type { ClientStream } from '../gateway/ports.ts'
import type { ItemPage, PageRequest, StoredItem } from '../gateway/state/port.ts'
import type { StoredConversations } from '../gateway/state/stored-conversations.ts'
import { toListedItem } from '../gateway/state/stored-item.ts'
import type { StoredResponses } from '../gateway/state/stored-responses.ts'

export interface StateCall {
  readonly caller: Caller
  /** A part of the path. */
  readonly param: (name: 'responseId' | 'conversationId' | 'itemId') => string
  readonly query: (name: string) => string | undefined
  /** Reads the body; not called by routes that have none. */
  readonly json: () => Promise<unknown>
  /** The raw answer, for the one that streams. */
  readonly client: () => ClientStream
  /** Headers of an answer that streams. */
  readonly headers: Readonly<Record<string, string>>
}

/** JSON, a value to be made JSON of, or nothing where the answer has been streamed. */
export type StateAnswer = { readonly json: string } | { readonly body: unknown } | 'streamed'

export type StateHandler = (call: StateCall) => Promise<StateAnswer>

const DEFAULT_PAGE = 20
const MAX_PAGE = 100

function readPage({ query }: StateCall): PageRequest {
  const limit = readWhole(query('limit'), 'limit') ?? DEFAULT_PAGE
  if (limit < 1 || limit > MAX_PAGE) {
    throw new BridgeError('invalid_request', `limit is ${limit}; it must be 1 to ${MAX_PAGE}.`, {
      param: 'limit',
    })
  }
  const order = query('order') ?? 'desc'
  if (order !== 'asc' && order !== 'desc') {
    throw new BridgeError(
      'invalid_request',
      `order must be asc or desc, not "${order.slice(0, 40)}".`,
      { param: 'order' },
    )
  }
  return { order, after: query('after'), limit }
}

function readWhole(text: string | undefined, name: string): number | undefined {
  if (text === undefined || text === '') return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new BridgeError(
    'invalid_request',
    `${name} must be a whole number, not "${text.slice(0, 40)}".`,
    { param: name },
  )
}

function toList(items: readonly StoredItem[], hasMore: boolean) {
  return {
    object: 'list',
    data: items.map(toListedItem),
    first_id: items[0]?.id ?? null,
    last_id: items.at(-1)?.id ?? null,
    has_more: hasMore,
  }
}

const toPage = ({ items, hasMore }: ItemPage & { ok: true }) => ({ body: toList(items, hasMore) })

export interface StateHandlersOptions {
  readonly responses: StoredResponses
  readonly conversations: StoredConversations
}

export function createStateHandlers({ responses, conversations }: StateHandlersOptions) {
  return {
    response: async (call) => {
      const id = call.param('responseId')
      if (call.query('stream') !== 'true') {
        return { json: await responses.retrieve(call.caller, id) }
      }
      const after = readWhole(call.query('starting_after'), 'starting_after') ?? -1
      await responses.stream(call.caller, id, after, call.client(), call.headers)
      return 'streamed'
    },
    deleteResponse: async (call) => {
      const id = call.param('responseId')
      await responses.delete(call.caller, id)
      return { body: { id, object: 'response', deleted: true } }
    },
    inputItems: async (call) =>
      toPage(await responses.listInput(call.caller, call.param('responseId'), readPage(call))),
    cancel: async (call) => ({
      json: await responses.cancel(call.caller, call.param('responseId')),
    }),

    createConversation: async (call) => ({
      body: await conversations.create(call.caller, await call.json()),
    }),
    conversation: async (call) => ({
      body: await conversations.retrieve(call.caller, call.param('conversationId')),
    }),
    updateConversation: async (call) => ({
      body: await conversations.update(
        call.caller,
        call.param('conversationId'),
        await call.json(),
      ),
    }),
    deleteConversation: async (call) => {
      const id = call.param('conversationId')
      await conversations.delete(call.caller, id)
      return { body: { id, object: 'conversation.deleted', deleted: true } }
    },
    addItems: async (call) => {
      const id = call.param('conversationId')
      const items = await conversations.addItems(call.caller, id, await call.json())
      return { body: toList(items, false) }
    },
    items: async (call) =>
      toPage(
        await conversations.listItems(call.caller, call.param('conversationId'), readPage(call)),
      ),
    item: async (call) => ({
      body: await conversations.retrieveItem(
        call.caller,
        call.param('conversationId'),
        call.param('itemId'),
      ),
    }),
    deleteItem: async (call) => ({
      body: await conversations.deleteItem(
        call.caller,
        call.param('conversationId'),
        call.param('itemId'),
      ),
    }),
  } satisfies Record<string, StateHandler>
}

export type StateRouteName = keyof ReturnType<typeof createStateHandlers>
