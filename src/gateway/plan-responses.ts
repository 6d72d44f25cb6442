/** A call that came in as Responses: translated for a Chat upstream, passed on to a Responses one. */
import type { ResponseEvent } from '../protocol/responses/events.ts'
import {
  type ReadRequest,
  type ResponsesRequest,
  readResponsesRequest,
} from '../protocol/responses/request.ts'
import { DONE_FRAME, encodeEvent } from '../protocol/sse.ts'
import { asksForCompaction, toCompactionRequest } from '../translate/compaction.ts'
import { createCompactionAnswer } from '../translate/compaction-answer.ts'
import { toResponseEcho } from '../translate/echo.ts'
import { padEvent } from '../translate/obfuscation.ts'
import { TERMINALS } from '../translate/responses-endings.ts'
import type { ChatTranslation } from '../translate/to-chat/index.ts'
import { createResponseMachine } from '../translate/to-responses/index.ts'
import type { CallPlan, ClientAnswer } from './call.ts'
import { toChatCall } from './chat-call.ts'
import type { CallIdentity, ClientKind } from './identity.ts'
import type { ResolvedModel } from './models.ts'
import { type PlanDeps, resolveModel } from './plan.ts'
import { planResponsesRelay } from './plan-responses-relay.ts'
import { type OpenTurn, openTurn } from './state/open-turn.ts'
import type { TurnKeeper } from './state/turn-keeper.ts'

export async function planResponsesCall(
  json: unknown,
  identity: CallIdentity,
  deps: PlanDeps,
): Promise<CallPlan> {
  const { plan } = await planResponsesTurn(readResponsesRequest(json), identity, deps)
  return plan
}

export interface ResponsesTurn {
  readonly plan: CallPlan
  /** With its whole input. */
  readonly read: ReadRequest
}

export async function planResponsesTurn(
  asked: ReadRequest,
  identity: CallIdentity,
  deps: PlanDeps,
): Promise<ResponsesTurn> {
  const resolved = await resolveModel(asked.request.model, deps.models)
  const responseId = deps.ids.next('resp')
  const writer = resolved.upstream.wire === 'responses' ? 'upstream' : 'bridge'
  const turn = await openTurn(asked, responseId, identity, writer, deps)
  try {
    const plan =
      writer === 'upstream'
        ? planResponsesRelay(turn, responseId, resolved, identity, deps)
        : planTranslated(turn, responseId, resolved, identity, deps)
    return { plan, read: turn.read }
  } catch (cause) {
    await turn.keeper?.release()
    throw cause
  }
}

function planTranslated(
  { read, keeper }: OpenTurn,
  responseId: string,
  resolved: ResolvedModel,
  identity: CallIdentity,
  deps: PlanDeps,
): CallPlan {
  const compacts = asksForCompaction(read)
  const asked = compacts ? toCompactionRequest(read) : read
  const { translation, plan } = toChatCall(asked, responseId, resolved, identity, deps)
  const { request } = read
  return {
    ...plan,
    streaming: request.stream === true,
    keeper,
    createAnswer: (write) =>
      answerOf(
        request,
        compacts,
        translation,
        keeper,
        identity.clientKind,
        resolved,
        responseId,
        deps,
        write,
      ),
  }
}

function answerOf(
  request: ResponsesRequest,
  compacts: boolean,
  translation: ChatTranslation,
  keeper: TurnKeeper | undefined,
  clientKind: ClientKind,
  { model }: ResolvedModel,
  responseId: string,
  deps: PlanDeps,
  write: (text: string) => void,
): ClientAnswer {
  const nowSeconds = () => Math.floor(deps.nowMs() / 1000)
  const include = request.include ?? []
  let sequenceNumber = 0
  const streams = request.stream === true
  const isPadded = request.stream_options?.include_obfuscation === true
  const emit = (event: ResponseEvent) => {
    const number = sequenceNumber++
    keeper?.record({ ...event }, number)
    if (!streams) return
    const frame = encodeEvent(isPadded ? padEvent(event) : event, number)
    write(TERMINALS.has(event.type) ? frame + DONE_FRAME : frame)
  }
  const common = {
    echo: toResponseEcho(request, {
      id: responseId,
      createdAt: nowSeconds(),
      model: request.model ?? model.name,
    }),
    metadata: request.metadata ?? {},
    tools: translation.tools,
    maxCalls: request.max_tool_calls ?? undefined,
    ids: deps.ids,
    now: nowSeconds,
    // Asked for or not: whoever goes on from the answer, the bridge or the client, has to send it back.
    seal: deps.seal,
    thinkTags: model.thinkTags,
    redact: deps.redact,
    emit: streams || keeper !== undefined ? emit : () => {},
  }
  const machine = compacts
    ? createCompactionAnswer({ ...common, wholeOrFailed: false })
    : createResponseMachine({
        ...common,
        logprobs: include.includes('message.output_text.logprobs'),
        refusalAsText: clientKind === 'codex',
      })
  keeper?.watch({
    opening: () => ({ ...machine.response }),
    final: () => (machine.phase === 'concluded' ? { ...machine.response } : undefined),
  })
  const body = () => JSON.stringify(machine.response)
  return { answer: machine, body: () => keeper?.told(body()) ?? body(), tellsFailure: true }
}
