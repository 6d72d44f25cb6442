/**
 * Conversations: made, changed and read by clients; turns on them are the calls' own business.
 *
 * @see https://platform.openai.com/docs/api-reference/conversations
 */
import { z } from 'zod'
import type { Owner } from '../../budget/hold.ts'
import { BridgeError } from '../../errors.ts'
import { readInputItem } from '../../protocol/responses/input.ts'
import { invalidRequest, readAs } from '../../protocol/responses/read.ts'
import type { ConversationReference, ItemPage, PageRequest, StoredItem } from './port.ts'
import { isId, toListedItem, toStoredItems, type WireItem } from './stored-item.ts'
import { pageOrThrow } from './stored-responses.ts'
import type { StateDeps } from './turn-keeper.ts'

/** As OpenAI limits them: items added at once, and metadata. */
const MAX_ITEMS = 20
const MAX_PAIRS = 16
const MAX_KEY_CHARS = 64
const MAX_VALUE_CHARS = 512

const MetadataSchema = z.record(z.string(), z.string())
const Items = z.array(z.looseObject({}))
const CreateSchema = z.looseObject({ metadata: MetadataSchema.nullish(), items: Items.nullish() })
const UpdateSchema = z.looseObject({ metadata: MetadataSchema.nullable() })
const AddSchema = z.looseObject({ items: Items.min(1) })

type Metadata = z.infer<typeof MetadataSchema>

/** All throw {BridgeError} not_found for what the owner does not have, and invalid_request. */
export interface StoredConversations {
  create(owner: Owner, json: unknown): Promise<WireItem>
  retrieve(owner: Owner, conversationId: string): Promise<WireItem>
  update(owner: Owner, conversationId: string, json: unknown): Promise<WireItem>
  delete(owner: Owner, conversationId: string): Promise<void>
  addItems(owner: Owner, conversationId: string, json: unknown): Promise<readonly StoredItem[]>
  listItems(
    owner: Owner,
    conversationId: string,
    page: PageRequest,
  ): Promise<ItemPage & { ok: true }>
  retrieveItem(owner: Owner, conversationId: string, itemId: string): Promise<WireItem>
  /** The conversation without it. */
  deleteItem(owner: Owner, conversationId: string, itemId: string): Promise<WireItem>
}

export function createStoredConversations({ store, clock, ids }: StateDeps): StoredConversations {
  const referenceOf = ({ orgId, userId }: Owner, conversationId: string): ConversationReference => {
    if (!isId(conversationId)) throw notFound(conversationId)
    return { owner: { orgId, userId }, conversationId }
  }

  async function retrieve(owner: Owner, conversationId: string): Promise<WireItem> {
    const found = await store.findConversation(referenceOf(owner, conversationId))
    if (found === undefined) throw notFound(conversationId)
    return toJson(conversationId, found.createdAtMs, JSON.parse(found.metadata))
  }

  const toItems = (
    items: readonly WireItem[],
    taken?: ReadonlySet<unknown>,
  ): readonly StoredItem[] => {
    if (items.length > MAX_ITEMS) {
      throw new BridgeError(
        'invalid_request',
        `items has ${items.length} items; at most ${MAX_ITEMS} can be added at once.`,
        { param: 'items' },
      )
    }
    for (const [index, item] of items.entries()) {
      const at = `items[${index}]`
      if (readInputItem(item, at).type === 'item_reference') {
        throw invalidRequest(at, 'an item, not a reference to one', item)
      }
    }
    return toStoredItems(items, ids, taken)
  }

  /** Which of the items' ids stand for items of the conversation already. */
  const idsIn = async (
    reference: ConversationReference,
    items: readonly WireItem[],
  ): Promise<ReadonlySet<unknown>> => {
    const given = items.flatMap(({ id }) => (typeof id === 'string' && isId(id) ? id : []))
    const found = await Promise.all(
      given.map((itemId) => store.findConversationItem({ ...reference, itemId })),
    )
    return new Set(found.map((item) => item?.id))
  }

  return {
    async create(owner, json) {
      const { metadata, items } = readAs(CreateSchema, json, '')
      const conversationId = ids.next('conv')
      const nowMs = clock.nowMs()
      const kept = checkMetadata(metadata ?? {})
      await store.createConversation({
        ...referenceOf(owner, conversationId),
        metadata: JSON.stringify(kept),
        items: toItems(items ?? []),
        nowMs,
      })
      return toJson(conversationId, nowMs, kept)
    },

    retrieve,

    async update(owner, conversationId, json) {
      const metadata = checkMetadata(readAs(UpdateSchema, json, '').metadata ?? {})
      const reference = referenceOf(owner, conversationId)
      await store.updateConversation({ ...reference, metadata: JSON.stringify(metadata) })
      return retrieve(owner, conversationId)
    },

    async delete(owner, conversationId) {
      if (!(await store.deleteConversation(referenceOf(owner, conversationId)))) {
        throw notFound(conversationId)
      }
    },

    async addItems(owner, conversationId, json) {
      const reference = referenceOf(owner, conversationId)
      const given = readAs(AddSchema, json, '').items
      const items = toItems(given, await idsIn(reference, given.slice(0, MAX_ITEMS)))
      const isThere = await store.addConversationItems({
        ...reference,
        items,
        nowMs: clock.nowMs(),
      })
      if (!isThere) throw notFound(conversationId)
      return items
    },

    async listItems(owner, conversationId, page) {
      const listed = await store.listConversationItems({
        ...referenceOf(owner, conversationId),
        ...page,
      })
      return pageOrThrow(listed, page, () => notFound(conversationId))
    },

    async retrieveItem(owner, conversationId, itemId) {
      const reference = referenceOf(owner, conversationId)
      const item = isId(itemId)
        ? await store.findConversationItem({ ...reference, itemId })
        : undefined
      if (item === undefined) throw itemNotFound(conversationId, itemId)
      return toListedItem(item)
    },

    async deleteItem(owner, conversationId, itemId) {
      const reference = referenceOf(owner, conversationId)
      const isGone = isId(itemId) && (await store.deleteConversationItem({ ...reference, itemId }))
      if (!isGone) throw itemNotFound(conversationId, itemId)
      return retrieve(owner, conversationId)
    },
  }
}

function toJson(conversationId: string, createdAtMs: number, metadata: Metadata): WireItem {
  return {
    id: conversationId,
    object: 'conversation',
    created_at: Math.floor(createdAtMs / 1000),
    metadata,
  }
}

function checkMetadata(metadata: Metadata): Metadata {
  const pairs = Object.entries(metadata)
  const refuse = (what: string) =>
    new BridgeError('invalid_request', `metadata ${what}.`, { param: 'metadata' })
  if (pairs.length > MAX_PAIRS) throw refuse(`has ${pairs.length} pairs; at most ${MAX_PAIRS} fit`)
  for (const [key, value] of pairs) {
    if (key.length > MAX_KEY_CHARS)
      throw refuse(`has a key of ${key.length} characters; at most ${MAX_KEY_CHARS} fit`)
    if (value.length > MAX_VALUE_CHARS)
      throw refuse(`has a value of ${value.length} characters; at most ${MAX_VALUE_CHARS} fit`)
  }
  return metadata
}

function notFound(conversationId: string): BridgeError {
  return new BridgeError(
    'not_found',
    `Conversation with id '${conversationId.slice(0, 80)}' not found.`,
  )
}

function itemNotFound(conversationId: string, itemId: string): BridgeError {
  return new BridgeError(
    'not_found',
    `Conversation '${conversationId.slice(0, 80)}' has no item '${itemId.slice(0, 80)}'.`,
  )
}
