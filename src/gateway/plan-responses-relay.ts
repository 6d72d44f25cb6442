/** A Responses call for an upstream that speaks Responses itself: the same gate, then passed through. */
import type { ResponsesRequest } from '../protocol/responses/request.ts'
import type { ResponseEcho } from '../protocol/responses/response.ts'
import { toResponseEcho } from '../translate/echo.ts'
import { createResponsesRelay } from '../translate/responses-relay.ts'
import { IN_PROGRESS } from '../translate/to-responses/standing.ts'
import type { CallPlan, ClientAnswer } from './call-plan.ts'
import type { CallIdentity } from './identity.ts'
import type { ResolvedModel } from './models.ts'
import { limitOutput } from './output-limit.ts'
import { answerInText, type PlanDeps, targetOf, toPassedRequest } from './plan.ts'
import type { OpenTurn } from './state/open-turn.ts'
import type { WireItem } from './state/stored-item.ts'
import type { TurnKeeper } from './state/turn-keeper.ts'

/** The bridge's own responses and conversations: an upstream knows none, and the input is whole without them. */
const STATE_FIELDS = ['previous_response_id', 'conversation', 'background']

export function planResponsesRelay(
  { read, keeper }: OpenTurn,
  responseId: string,
  resolved: ResolvedModel,
  identity: CallIdentity,
  deps: PlanDeps,
): CallPlan {
  const { request } = read
  const { model } = resolved
  // In the background nobody waits for the whole: the bridge itself keeps the stream.
  const streams = request.stream === true || request.background === true
  const passed: Record<string, unknown> = {
    ...upstreamRequestOf(request, resolved),
    // What is kept is kept here, where it has an owner.
    store: false,
    ...(streams ? { stream: true } : {}),
    ...includeOf(request, keeper !== undefined),
  }
  const limited = limitOutput(passed, ['max_output_tokens'], model.maxOutputTokens)
  return {
    intent: {
      identity,
      responseId,
      resolved,
      body: limited.body,
      maxOutputTokens: limited.maxOutputTokens,
    },
    target: targetOf(resolved, '/responses', deps.userAgent),
    streaming: request.stream === true,
    headers: {},
    canned: undefined,
    keeper,
    upstreamBody: limited.within,
    createAnswer: (write) =>
      relayAnswer(
        toResponseEcho(request, {
          id: responseId,
          createdAt: Math.floor(deps.nowMs() / 1000),
          model: request.model ?? model.name,
        }),
        request.metadata ?? {},
        streams,
        keeper,
        write,
      ),
  }
}

/** Apart from the plan, so that no answer's closures hold the request, which is often megabytes. */
function relayAnswer(
  echo: ResponseEcho,
  metadata: Readonly<Record<string, string>>,
  streaming: boolean,
  keeper: TurnKeeper | undefined,
  write: (text: string) => void,
): ClientAnswer {
  let response = (): WireItem | undefined => undefined
  const given = answerInText(
    (writeText) => {
      const relay = createResponsesRelay({
        write: writeText,
        streaming,
        echo,
        changes: changesOf(echo, keeper !== undefined),
        metadata,
        onEvent: (type, event, number) => keeper?.record({ ...event, type }, number),
      })
      response = () => (relay.phase === 'concluded' ? relay.response : undefined)
      return relay
    },
    { streaming, write, tellsFailure: true, folded: () => response() },
  )
  return {
    ...given,
    body: () => keeper?.told(given.body()) ?? given.body(),
    kept: {
      opening: () => ({ ...echo, ...IN_PROGRESS, output: [], metadata }),
      final: () => response(),
    },
  }
}

/**
 * An upstream that keeps nothing takes reasoning back only sealed, so it has to be asked for it. Models
 * that do not reason refuse to be asked: those are only asked where the client itself sets `reasoning`.
 */
function includeOf(request: ResponsesRequest, isKept: boolean): { include?: string[] } {
  const include = request.include ?? []
  const asksForReasoning = request.reasoning !== undefined && request.reasoning !== null
  if (!isKept || !asksForReasoning || include.includes(SEALED_REASONING)) return {}
  return { include: [...include, SEALED_REASONING] }
}

const SEALED_REASONING = 'reasoning.encrypted_content'

/** What the upstream cannot know of the response, because the bridge keeps it. */
function changesOf(
  { id, store, previous_response_id, conversation, background }: ResponseEcho,
  isKept: boolean,
): Readonly<Record<string, unknown>> | undefined {
  if (!isKept && previous_response_id === null) return undefined
  return {
    ...(isKept ? { id, store, background } : {}),
    previous_response_id,
    ...(conversation === undefined ? {} : { conversation }),
  }
}

/** The request without what is the bridge's alone. */
export function upstreamRequestOf(
  request: ResponsesRequest,
  resolved: ResolvedModel,
): Record<string, unknown> {
  const passed = toPassedRequest(request, resolved)
  for (const field of STATE_FIELDS) delete passed[field]
  return passed
}
