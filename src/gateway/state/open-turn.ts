/**
 * The beginning of a call that may lean on what was kept, or be kept itself: whether it is, the lock of
 * its conversation, and its whole input.
 */
import { BridgeError } from '../../errors.ts'
import type { ReadRequest, ResponsesRequest } from '../../protocol/responses/request.ts'
import type { CallIdentity } from '../identity.ts'
import {
  conversationIdOf,
  conversationNotFound,
  type Expansion,
  expandRequest,
  wireItemsOf,
} from './expand.ts'
import type { History } from './history.ts'
import { refuseOrphanOutputs } from './orphan-outputs.ts'
import { type EndedTurn, type StateDeps, settingsOf, TurnKeeper } from './turn-keeper.ts'

export interface OpenTurnDeps {
  readonly state: StateDeps
  /** What earlier responses, conversations and items a request may refer to. */
  readonly history: History
  /** Told of every turn that has ended, kept or not. */
  readonly onEnded?: ((turn: EndedTurn) => void) | undefined
}

export interface OpenTurn {
  /** With its whole input; `store` says what becomes of it. */
  readonly read: ReadRequest
  /** Undefined for a call of which nothing is kept. */
  readonly keeper: TurnKeeper | undefined
}

/**
 * Whoever gets a keeper has to release it, whatever happens.
 *
 * @throws {BridgeError} conversation_locked; invalid_request for a background response that is not kept;
 *   what `expandRequest` throws
 */
export async function openTurn(
  asked: ReadRequest,
  responseId: string,
  identity: CallIdentity,
  writer: 'bridge' | 'upstream',
  deps: OpenTurnDeps,
): Promise<OpenTurn> {
  const { state, history, onEnded } = deps
  const keepsResponse = state.keepsResponses && asked.request.store !== false
  refuseBackground(asked.request, keepsResponse, state.keepsResponses)
  const conversationId = conversationIdOf(asked.request)
  const request = { ...asked.request, store: keepsResponse }
  const isKept = keepsResponse || conversationId !== undefined || onEnded !== undefined
  const options = {
    isBackground: request.background === true,
    settings: keepsResponse ? settingsOf(request) : '{}',
    responseId,
    identity,
    keepsResponse,
    conversationId,
    writer,
    onEnded,
  }
  const keeper = isKept ? new TurnKeeper(options, state) : undefined
  if (conversationId !== undefined) await lock(conversationId, responseId, identity, state)
  try {
    const expansion = await expandRequest({ ...asked, request }, identity.caller, history)
    refuseOrphanOutputs(expansion)
    beginKeeping(keeper, expansion, history)
    return { read: expansion.read, keeper }
  } catch (cause) {
    await keeper?.release()
    throw cause
  }
}

/** A turn is kept as what it adds, unless what it goes on from is remembered elsewhere than in the store. */
function beginKeeping(
  keeper: TurnKeeper | undefined,
  { read, turn }: Expansion,
  history: History,
): void {
  if (keeper === undefined) return
  const whole = wireItemsOf(read.request)
  const { previousResponseId } = turn
  if (previousResponseId === undefined || history.isStored(previousResponseId)) {
    keeper.begins(turn, whole.slice(0, whole.length - turn.items.length))
  } else keeper.begins({ ...turn, previousResponseId: undefined, items: whole }, [])
}

function refuseBackground(
  { background }: ResponsesRequest,
  keepsResponse: boolean,
  canKeep: boolean,
): void {
  if (background !== true || keepsResponse) return
  const way = canKeep
    ? 'Leave store out, or set it to true.'
    : 'The bridge keeps none ([responses] store = false).'
  throw new BridgeError(
    'invalid_request',
    `background needs a response that is stored: it is asked for later. ${way}`,
    { param: 'background' },
  )
}

/** Two turns at once would each not know of the other: the second is refused, as at OpenAI. */
async function lock(
  conversationId: string,
  responseId: string,
  { caller }: CallIdentity,
  { store, leases, clock }: StateDeps,
): Promise<void> {
  const { orgId, userId } = caller
  const result = await store.lockConversation({
    owner: { orgId, userId },
    conversationId,
    responseId,
    untilMs: leases.untilMs(),
    nowMs: clock.nowMs(),
  })
  if (result === 'not_found') throw conversationNotFound(conversationId)
  if (result === 'busy') {
    throw new BridgeError(
      'conversation_locked',
      `Another response is running on the conversation '${conversationId.slice(0, 80)}'. Try again when it has ended.`,
      { param: 'conversation' },
    )
  }
  leases.hold(responseId, () => {})
}
