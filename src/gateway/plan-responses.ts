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
import type { GrammarCheck } from '../translate/grammar.ts'
import { padEvent } from '../translate/obfuscation.ts'
import { TERMINALS } from '../translate/responses-endings.ts'
import type { ChatTranslation } from '../translate/to-chat/index.ts'
import { createResponseMachine } from '../translate/to-responses/index.ts'
import type { CallPlan, ClientAnswer } from './call-plan.ts'
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
        : await planTranslated(turn, responseId, resolved, identity, deps)
    return { plan, read: turn.read }
  } catch (cause) {
    await turn.keeper?.release()
    throw cause
  }
}

async function planTranslated(
  { read, keeper }: OpenTurn,
  responseId: string,
  resolved: ResolvedModel,
  identity: CallIdentity,
  deps: PlanDeps,
): Promise<CallPlan> {
  const compacts = asksForCompaction(read)
  const asked = compacts ? toCompactionRequest(read) : read
  const { translation, plan } = toChatCall(asked, responseId, resolved, identity, deps)
  const { grammars } = translation
  const matchesGrammar = grammars.length === 0 ? undefined : await deps.compileGrammars(grammars)
  const { request } = read
  const asksAgain =
    resolved.upstream.grammarRetry && matchesGrammar !== undefined && !keeper?.isBackground
  return {
    ...plan,
    streaming: request.stream === true,
    keeper,
    asksAgain,
    createAnswer: (write) =>
      answerOf({
        request,
        compacts,
        translation,
        matchesGrammar,
        keeper,
        // What may be asked for twice has no one stream that could be replayed.
        isRecorded: keeper !== undefined && !(asksAgain && request.stream !== true),
        clientKind: identity.clientKind,
        modelName: request.model ?? resolved.model.name,
        thinkTags: resolved.model.thinkTags,
        responseId,
        deps,
        write,
      }),
  }
}

interface AnswerParts {
  readonly request: ResponsesRequest
  readonly compacts: boolean
  readonly translation: ChatTranslation
  readonly matchesGrammar: GrammarCheck | undefined
  readonly keeper: TurnKeeper | undefined
  /** Whether the keeper is told each event. */
  readonly isRecorded: boolean
  readonly clientKind: ClientKind
  readonly modelName: string
  readonly thinkTags: ResolvedModel['model']['thinkTags']
  readonly responseId: string
  readonly deps: PlanDeps
  readonly write: (text: string) => void
}

function answerOf({
  request,
  compacts,
  translation,
  matchesGrammar,
  keeper,
  isRecorded,
  clientKind,
  modelName,
  thinkTags,
  responseId,
  deps,
  write,
}: AnswerParts): ClientAnswer {
  const nowSeconds = () => Math.floor(deps.nowMs() / 1000)
  const include = request.include ?? []
  let sequenceNumber = 0
  const streams = request.stream === true
  const isPadded = request.stream_options?.include_obfuscation === true
  const emit = (event: ResponseEvent) => {
    const number = sequenceNumber++
    if (isRecorded) keeper?.record({ ...event }, number)
    if (!streams) return
    const frame = encodeEvent(isPadded ? padEvent(event) : event, number)
    write(TERMINALS.has(event.type) ? frame + DONE_FRAME : frame)
  }
  const common = {
    echo: toResponseEcho(request, {
      id: responseId,
      createdAt: nowSeconds(),
      model: modelName,
    }),
    metadata: request.metadata ?? {},
    tools: translation.tools,
    textIsCallOf: translation.textIsCallOf,
    matchesGrammar,
    maxCalls: request.max_tool_calls ?? undefined,
    ids: deps.ids,
    now: nowSeconds,
    // Asked for or not: whoever goes on from the answer, the bridge or the client, has to send it back.
    seal: deps.seal,
    thinkTags,
    redact: deps.redact,
    emit: streams || isRecorded ? emit : () => {},
  }
  const machine = compacts
    ? createCompactionAnswer({ ...common, wholeOrFailed: false })
    : createResponseMachine({
        ...common,
        logprobs: include.includes('message.output_text.logprobs'),
        refusalAsText: clientKind === 'codex',
      })
  const body = () => JSON.stringify(machine.response)
  return {
    answer: machine,
    body: () => keeper?.told(body()) ?? body(),
    tellsFailure: true,
    isFlawed: () => machine.mismatches.length > 0,
    traced: () => JSON.stringify(machine.response),
    kept: {
      opening: () => ({ ...machine.response }),
      final: () => (machine.phase === 'concluded' ? { ...machine.response } : undefined),
    },
  }
}
