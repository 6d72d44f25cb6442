/** A Responses call for an upstream that speaks Responses itself: the same gate, then passed through. */
import type { ResponsesRequest } from '../protocol/responses/request.ts'
import { toResponseEcho } from '../translate/echo.ts'
import { createResponsesRelay } from '../translate/responses-relay.ts'
import type { CallPlan } from './call.ts'
import type { CallIdentity } from './identity.ts'
import type { ResolvedModel } from './models.ts'
import { limitOutput } from './output-limit.ts'
import { answerInText, type PlanDeps, targetOf } from './plan.ts'

/**
 * What clients address to the bridge alone; an upstream must not see it. The bridge's own responses and
 * conversations are unknown to it, and the input is whole without them.
 */
const BRIDGE_FIELDS = [
  'client_metadata',
  'api_base',
  'base_url',
  'api_key',
  'previous_response_id',
  'conversation',
]

export function planResponsesRelay(
  request: ResponsesRequest,
  resolved: ResolvedModel,
  identity: CallIdentity,
  deps: PlanDeps,
): CallPlan {
  const { model } = resolved
  const responseId = deps.ids.next('resp')
  const passed: Record<string, unknown> = { ...request, model: resolved.upstreamModel }
  for (const field of BRIDGE_FIELDS) delete passed[field]
  const limited = limitOutput(passed, ['max_output_tokens'], model.maxOutputTokens)
  const streaming = request.stream === true
  return {
    intent: {
      identity,
      responseId,
      resolved,
      body: limited.body,
      maxOutputTokens: limited.maxOutputTokens,
    },
    target: targetOf(resolved, '/responses', deps.userAgent),
    streaming,
    headers: {},
    canned: undefined,
    upstreamBody: limited.within,
    createAnswer: (write) =>
      answerInText(
        (writeText) =>
          createResponsesRelay({
            write: writeText,
            streaming,
            echo: toResponseEcho(request, {
              id: responseId,
              createdAt: Math.floor(deps.nowMs() / 1000),
              model: request.model ?? model.name,
            }),
            metadata: request.metadata ?? {},
          }),
        { streaming, write, tellsFailure: true },
      ),
  }
}
