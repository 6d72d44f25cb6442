/** A call that came in as Responses: translated for a Chat upstream, passed on to a Responses one. */
import { BridgeError } from '../errors.ts'
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
import { expandRequest } from './state/expand.ts'

export async function planResponsesCall(
  json: unknown,
  identity: CallIdentity,
  deps: PlanDeps,
): Promise<CallPlan> {
  const { read } = await expandRequest(readResponsesRequest(json), identity.caller, deps.history)
  const { request } = read
  refuseBackground(request)
  const resolved = await resolveModel(request.model, deps.models)
  const { model, upstream } = resolved
  if (upstream.wire === 'responses') return planResponsesRelay(request, resolved, identity, deps)
  const translation = toChatRequest(read, {
    model: resolved.upstreamModel,
    dialect: upstream.dialect,
    seal: deps.seal,
    stopTool: model.stopTool,
    maxRepeatedCalls: model.maxRepeatedCalls,
    maxOutputTokens: model.maxOutputTokens,
    strict: deps.strict,
  })
  const responseId = deps.ids.next('resp')
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
    upstreamBody: limited.within,
    createAnswer: (write) =>
      answerOf(request, translation, identity.clientKind, resolved, responseId, deps, write),
  }
}

function answerOf(
  request: ResponsesRequest,
  translation: ChatTranslation,
  clientKind: ClientKind,
  { model }: ResolvedModel,
  responseId: string,
  deps: PlanDeps,
  write: (text: string) => void,
): ClientAnswer {
  const nowSeconds = () => Math.floor(deps.nowMs() / 1000)
  const include = request.include ?? []
  let sequenceNumber = 0
  const stream = (event: ResponseEvent) => {
    const frame = encodeEvent(event, sequenceNumber++)
    write(TERMINALS.has(event.type) ? frame + DONE_FRAME : frame)
  }
  const machine = createResponseMachine({
    echo: {
      ...toResponseEcho(request, {
        id: responseId,
        createdAt: nowSeconds(),
        model: request.model ?? model.name,
      }),
      // Whatever was asked for: nothing is kept, and a client that believes otherwise asks in vain.
      store: false,
    },
    metadata: request.metadata ?? {},
    tools: translation.tools,
    ids: deps.ids,
    now: nowSeconds,
    seal: carriesReasoning(request) ? deps.seal : undefined,
    logprobs: include.includes('message.output_text.logprobs'),
    thinkTags: model.thinkTags,
    refusalAsText: clientKind === 'codex',
    redact: deps.redact,
    emit: request.stream === true ? stream : () => {},
  })
  return { answer: machine, body: () => JSON.stringify(machine.response), tellsFailure: true }
}

/**
 * Who stores nothing carries the reasoning himself, asked or not: the AI SDK asks only for models it
 * knows, and leaves out reasoning that came unsealed; some upstreams then refuse the next turn.
 */
function carriesReasoning({ include, store }: ResponsesRequest): boolean {
  return store === false || (include ?? []).includes('reasoning.encrypted_content')
}

function refuseBackground({ background }: ResponsesRequest): void {
  if (background !== true) return
  throw new BridgeError('cannot_carry', 'background needs stored responses, which are off.', {
    param: 'background',
  })
}

/** The repeat guard answers in the model's place: one finished message, no tokens. */
function cannedAnswer(translation: ChatTranslation): string | undefined {
  if (translation.stopped === undefined) return undefined
  return JSON.stringify({
    choices: [{ index: 0, delta: { content: translation.stopped }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
  })
}
