/** A call that came in as Responses: translated for a Chat upstream, passed on to a Responses one. */
import type { ResponseEvent } from '../protocol/responses/events.ts'
import { type ResponsesRequest, readResponsesRequest } from '../protocol/responses/request.ts'
import { DONE_FRAME, encodeEvent } from '../protocol/sse.ts'
import { toResponseEcho } from '../translate/echo.ts'
import { TERMINALS } from '../translate/responses-endings.ts'
import { type ChatTranslation, toChatRequest } from '../translate/to-chat/index.ts'
import { createResponseMachine } from '../translate/to-responses/index.ts'
import type { CallPlan, ClientAnswer } from './call.ts'
import { droppedHeader } from './dropped-header.ts'
import type { CallIdentity, ClientKind } from './identity.ts'
import type { ResolvedModel } from './models.ts'
import { limitOutput } from './output-limit.ts'
import { type PlanDeps, resolveModel, targetOf } from './plan.ts'
import { planResponsesRelay } from './plan-responses-relay.ts'
import { type OpenTurn, openTurn } from './state/open-turn.ts'
import type { TurnKeeper } from './state/turn-keeper.ts'

export async function planResponsesCall(
  json: unknown,
  identity: CallIdentity,
  deps: PlanDeps,
): Promise<CallPlan> {
  const asked = readResponsesRequest(json)
  const resolved = await resolveModel(asked.request.model, deps.models)
  const responseId = deps.ids.next('resp')
  const writer = resolved.upstream.wire === 'responses' ? 'upstream' : 'bridge'
  const turn = await openTurn(asked, responseId, identity, writer, deps)
  try {
    return writer === 'upstream'
      ? planResponsesRelay(turn, responseId, resolved, identity, deps)
      : planTranslated(turn, responseId, resolved, identity, deps)
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
  const { request } = read
  const { model, upstream } = resolved
  const translation = toChatRequest(read, {
    model: resolved.upstreamModel,
    dialect: upstream.dialect,
    seal: deps.seal,
    stopTool: model.stopTool,
    maxRepeatedCalls: model.maxRepeatedCalls,
    maxOutputTokens: model.maxOutputTokens,
    strict: deps.strict,
  })
  const chat = { ...translation.chat, stream: true, stream_options: { include_usage: true } }
  const limited = limitOutput(chat, [upstream.dialect.maxTokensField], model.maxOutputTokens)
  return {
    intent: {
      identity,
      responseId,
      resolved,
      body: limited.body,
      maxOutputTokens: limited.maxOutputTokens,
    },
    target: targetOf(resolved, '/chat/completions', deps.userAgent),
    streaming: request.stream === true,
    headers: droppedHeader(translation.dropped),
    canned: cannedAnswer(translation),
    keeper,
    upstreamBody: limited.within,
    createAnswer: (write) =>
      answerOf(
        request,
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
  const emit = (event: ResponseEvent) => {
    const number = sequenceNumber++
    keeper?.record({ ...event }, number)
    if (!streams) return
    const frame = encodeEvent(event, number)
    write(TERMINALS.has(event.type) ? frame + DONE_FRAME : frame)
  }
  const machine = createResponseMachine({
    echo: toResponseEcho(request, {
      id: responseId,
      createdAt: nowSeconds(),
      model: request.model ?? model.name,
    }),
    metadata: request.metadata ?? {},
    tools: translation.tools,
    ids: deps.ids,
    now: nowSeconds,
    // Asked for or not: whoever goes on from the answer, the bridge or the client, has to send it back.
    seal: deps.seal,
    logprobs: include.includes('message.output_text.logprobs'),
    thinkTags: model.thinkTags,
    refusalAsText: clientKind === 'codex',
    redact: deps.redact,
    emit: streams || keeper !== undefined ? emit : () => {},
  })
  keeper?.watch({
    opening: () => ({ ...machine.response }),
    final: () => (machine.phase === 'concluded' ? { ...machine.response } : undefined),
  })
  const body = () => JSON.stringify(machine.response)
  return { answer: machine, body: () => keeper?.told(body()) ?? body(), tellsFailure: true }
}

/** The repeat guard answers in the model's place: one finished message, no tokens. */
function cannedAnswer(translation: ChatTranslation): string | undefined {
  if (translation.stopped === undefined) return undefined
  return JSON.stringify({
    choices: [{ index: 0, delta: { content: translation.stopped }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
  })
}
