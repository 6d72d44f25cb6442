/**
 * A request that leans on earlier ones as the complete request it stands for: what a client would have
 * sent that keeps its history itself. Order: prior input, prior output, new input, so that the prompt
 * only ever grows at its end and an upstream's cache of it goes on to hit. Instructions and tools are
 * not carried over, as at OpenAI.
 *
 * @see https://platform.openai.com/docs/guides/conversation-state
 */
import type { Owner } from '../../budget/hold.ts'
import { BridgeError } from '../../errors.ts'
import { type InputItem, readInputItem } from '../../protocol/responses/input.ts'
import type { ReadRequest, ResponsesRequest } from '../../protocol/responses/request.ts'
import type { History } from './history.ts'
import type { WireItem } from './stored-item.ts'

/** What a request adds to what was there: all that has to be kept of its input. */
export interface NewTurn {
  readonly previousResponseId: string | undefined
  readonly conversationId: string | undefined
  /** The new input, references replaced by what they stand for. */
  readonly items: readonly WireItem[]
}

export interface Expansion {
  /**
   * The same request with its whole input. It still names the earlier response or conversation, for
   * the echo.
   */
  readonly read: ReadRequest
  readonly turn: NewTurn
}

/** How much of an id an error repeats. */
const SHOWN_CHARS = 80

/**
 * A request that refers to nothing comes back as it is, and nothing is looked up.
 *
 * @throws {BridgeError} previous_response_not_found; not_found for a conversation or item; invalid_request
 *   for two histories at once
 */
export async function expandRequest(
  read: ReadRequest,
  owner: Owner,
  history: History,
): Promise<Expansion> {
  const { request } = read
  const previousResponseId = request.previous_response_id || undefined
  const conversationId = conversationIdOf(request)
  refuseTwoHistories(previousResponseId, conversationId)
  const given = wireItemsOf(request)
  const named = { previousResponseId, conversationId }
  const refersToItems = read.input.some(({ type }) => type === 'item_reference')
  if (previousResponseId === undefined && conversationId === undefined && !refersToItems) {
    return { read, turn: { ...named, items: given } }
  }
  const prior = await readPrior(previousResponseId, conversationId, owner, history)
  const entries = await resolveReferences(pair(read.input, given), prior, owner, history)
  const turn = { ...named, items: entries.map(({ wire }) => wire) }
  const input = [...prior, ...turn.items]
  const items = [
    ...prior.map((item, index) => readInputItem(item, `input[${index}]`)),
    ...entries.map(({ item }) => item),
  ]
  return { read: { ...read, request: { ...request, input }, input: items }, turn }
}

/** A conversation may be named by its id alone or as `{ id }`. @throws {BridgeError} invalid_request */
export function conversationIdOf({ conversation }: ResponsesRequest): string | undefined {
  if (conversation === undefined || conversation === null) return undefined
  const id = typeof conversation === 'string' ? conversation : conversation['id']
  if (typeof id === 'string' && id !== '') return id
  throw new BridgeError('invalid_request', 'conversation must be an id, or an object with an id.', {
    param: 'conversation',
  })
}

/** Input as items: a text is one message of the user. */
export function wireItemsOf({ input }: ResponsesRequest): readonly WireItem[] {
  if (input === undefined || input === null) return []
  return typeof input === 'string' ? [{ type: 'message', role: 'user', content: input }] : input
}

interface Entry {
  readonly item: InputItem
  readonly wire: WireItem
}

/** `items` was read off `wires`, one by one. */
function pair(items: readonly InputItem[], wires: readonly WireItem[]): readonly Entry[] {
  return items.flatMap((item, index) => {
    const wire = wires[index]
    return wire === undefined ? [] : [{ item, wire }]
  })
}

function refuseTwoHistories(previous: string | undefined, conversation: string | undefined): void {
  if (previous === undefined || conversation === undefined) return
  throw new BridgeError(
    'invalid_request',
    'previous_response_id and conversation cannot be used together: each is a whole history. Send one of them.',
    { param: 'previous_response_id' },
  )
}

async function readPrior(
  previousResponseId: string | undefined,
  conversationId: string | undefined,
  owner: Owner,
  history: History,
): Promise<readonly WireItem[]> {
  if (previousResponseId !== undefined) {
    const turns = await history.readTurns(owner, previousResponseId)
    if (turns === undefined) throw previousNotFound(previousResponseId)
    return turns
  }
  if (conversationId === undefined) return []
  const items = await history.readConversation(owner, conversationId)
  if (items === undefined) throw conversationNotFound(conversationId)
  return items
}

export function previousNotFound(id: string): BridgeError {
  return new BridgeError(
    'previous_response_not_found',
    `Previous response with id '${id.slice(0, SHOWN_CHARS)}' not found. Send the whole input, or name a response that is stored.`,
    { param: 'previous_response_id' },
  )
}

export function conversationNotFound(id: string): BridgeError {
  return new BridgeError(
    'not_found',
    `Conversation with id '${id.slice(0, SHOWN_CHARS)}' not found.`,
    { param: 'conversation' },
  )
}

/** A reference to an item of the prior turns says nothing new, and is left out. */
async function resolveReferences(
  entries: readonly Entry[],
  prior: readonly WireItem[],
  owner: Owner,
  history: History,
): Promise<readonly Entry[]> {
  const wanted = new Set<string>()
  for (const { item } of entries) if (item.type === 'item_reference') wanted.add(item.id)
  if (wanted.size === 0) return entries
  const present = new Set(prior.map((item) => item['id']))
  const missing = [...wanted].filter((id) => !present.has(id))
  const found = missing.length === 0 ? NOTHING : await history.readItems(owner, missing)
  return entries.flatMap((entry, index) => {
    const { item } = entry
    if (item.type !== 'item_reference') return entry
    if (present.has(item.id)) return []
    const wire = found.get(item.id)
    const place = `input[${index}]`
    if (wire === undefined) throw itemNotFound(item.id, place)
    return { item: readInputItem(wire, place), wire }
  })
}

const NOTHING: ReadonlyMap<string, WireItem> = new Map()

function itemNotFound(id: string, place: string): BridgeError {
  return new BridgeError(
    'not_found',
    `${place} refers to the item '${id.slice(0, SHOWN_CHARS)}', but nothing is stored under it. Send the item itself; the AI SDK does with providerOptions: { openai: { store: false } }.`,
    { param: place },
  )
}
