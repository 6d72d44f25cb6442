/** One turn of a WebSocket connection: a call like any other, before which stands what the connection remembers. */
import { readResponsesRequest } from '../protocol/responses/request.ts'
import type { TurnRequest } from '../protocol/responses/socket.ts'
import { encodeEvent } from '../protocol/sse.ts'
import { toResponseEcho } from '../translate/echo.ts'
import type { CallPlan } from './call-plan.ts'
import type { CallIdentity } from './identity.ts'
import { type PlanDeps, resolveModel } from './plan.ts'
import { planResponsesTurn } from './plan-responses.ts'
import type { ConnectionMemory } from './state/connection-memory.ts'
import { type Expansion, expandRequest, wireItemsOf } from './state/expand.ts'
import type { WireItem } from './state/stored-item.ts'

export interface SocketTurn {
  readonly responseToGoOnFrom: string | undefined
  /** The whole input: what is remembered with the output. */
  readonly items: readonly WireItem[]
  /** The frames of an answer that nobody is asked for; or the call. */
  readonly does: { readonly warmUp: string } | { readonly call: CallPlan }
}

/** @throws {BridgeError} what a POST of the same would be refused with. */
export async function planSocketTurn(
  { body, generates }: TurnRequest,
  identity: CallIdentity,
  memory: ConnectionMemory,
  deps: PlanDeps,
): Promise<SocketTurn> {
  const asked = readResponsesRequest(body)
  const responseToGoOnFrom = asked.request.previous_response_id || undefined
  const history = memory.historyBefore(deps.history)
  if (generates) {
    const { read, plan } = await planResponsesTurn(asked, identity, { ...deps, history })
    return { responseToGoOnFrom, items: wireItemsOf(read.request), does: { call: plan } }
  }
  const expansion = await expandRequest(asked, identity.caller, history)
  return {
    responseToGoOnFrom,
    items: wireItemsOf(expansion.read.request),
    does: { warmUp: await warmUp(expansion, deps) },
  }
}

/** Costs nothing and asks nobody: the next turn has less to send. */
async function warmUp({ read: { request } }: Expansion, deps: PlanDeps): Promise<string> {
  await resolveModel(request.model, deps.models)
  const now = Math.floor(deps.nowMs() / 1000)
  const running = {
    ...toResponseEcho(request, {
      id: deps.ids.next('resp'),
      createdAt: now,
      model: request.model ?? '',
    }),
    // Only the connection keeps it.
    store: false,
    completed_at: null,
    incomplete_details: null,
    error: null,
    output: [],
    usage: null,
    metadata: request.metadata ?? {},
  }
  const started = { ...running, status: 'in_progress' } as const
  const done = { ...running, status: 'completed', completed_at: now } as const
  return (
    encodeEvent({ type: 'response.created', response: started }, 0) +
    encodeEvent({ type: 'response.in_progress', response: started }, 1) +
    encodeEvent({ type: 'response.completed', response: done }, 2)
  )
}
