/** A call that came in as Chat Completions: passed on to a Chat upstream, translated for a Responses one. */
import { PassedChatRequestSchema } from '../protocol/chat/client-request.ts'
import { readAs } from '../protocol/responses/read.ts'
import { type ChatRelay, createChatRelay } from '../translate/chat-relay.ts'
import type { CallPlan } from './call-plan.ts'
import type { CallIdentity } from './identity.ts'
import { limitOutput } from './output-limit.ts'
import { answerInText, type PlanDeps, resolveModel, targetOf, toPassedRequest } from './plan.ts'
import { planChatTranslation } from './plan-chat-translation.ts'

/** Apart from the plan, whose closures would all hold the request. */
const completionOf = (relay: ChatRelay) => relay.completion

export async function planChatCall(
  json: unknown,
  identity: CallIdentity,
  deps: PlanDeps,
): Promise<CallPlan> {
  const request = readAs(PassedChatRequestSchema, json, '')
  const resolved = await resolveModel(request.model, deps.models)
  if (resolved.upstream.wire === 'responses') {
    return planChatTranslation(json, resolved, identity, deps)
  }
  const streaming = request.stream === true
  const chat = toPassedRequest(request, resolved)
  if (streaming) chat['stream_options'] = { ...request.stream_options, include_usage: true }
  const { maxTokensField } = resolved.upstream.dialect
  const limited = limitOutput(
    chat,
    [maxTokensField, 'max_tokens', 'max_completion_tokens'],
    resolved.model.maxOutputTokens,
  )
  const responseId = deps.ids.next('resp')
  return {
    intent: {
      identity,
      responseId,
      resolved,
      body: limited.body,
      maxOutputTokens: limited.maxOutputTokens,
    },
    target: targetOf(resolved, '/chat/completions', deps.userAgent),
    streaming,
    headers: {},
    canned: undefined,
    upstreamBody: limited.within,
    createAnswer: (write) =>
      answerInText(
        (writeText) =>
          createChatRelay({
            write: writeText,
            streaming,
            includeUsage: request.stream_options?.include_usage === true,
            head: {
              id: responseId.replace(/^resp_/, 'chatcmpl-'),
              model: request.model ?? resolved.model.name,
              created: Math.floor(deps.nowMs() / 1000),
            },
          }),
        { streaming, write, tellsFailure: false, folded: completionOf },
      ),
  }
}
