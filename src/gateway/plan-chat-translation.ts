/** A Chat Completions call for an upstream that speaks Responses: the same gate, then translated. */
import { TranslatedChatRequestSchema } from '../protocol/chat/client-request.ts'
import { readAs } from '../protocol/responses/read.ts'
import { fromChatRequest } from '../translate/from-chat/index.ts'
import { type ChatAnswerWriter, createChatAnswer } from '../translate/to-chat-answer/index.ts'
import type { CallPlan } from './call-plan.ts'
import { droppedHeader } from './dropped-header.ts'
import type { CallIdentity } from './identity.ts'
import type { ResolvedModel } from './models.ts'
import { limitOutput } from './output-limit.ts'
import { answerInText, type PlanDeps, targetOf } from './plan.ts'

/** Apart from the plan, whose closures would all hold the request. */
const completionOf = (answer: ChatAnswerWriter) => answer.completion

export function planChatTranslation(
  json: unknown,
  resolved: ResolvedModel,
  identity: CallIdentity,
  deps: PlanDeps,
): CallPlan {
  const request = readAs(TranslatedChatRequestSchema, json, '')
  const { model, upstream } = resolved
  const { responses, dropped } = fromChatRequest(request, {
    model: resolved.upstreamModel,
    dialect: upstream.dialect,
    strict: deps.strict,
  })
  const responseId = deps.ids.next('resp')
  const limited = limitOutput(responses, ['max_output_tokens'], model.maxOutputTokens)
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
    headers: droppedHeader(dropped),
    dropped,
    canned: undefined,
    upstreamBody: limited.within,
    createAnswer: (write) =>
      answerInText(
        (writeText) =>
          createChatAnswer({
            write: writeText,
            streaming,
            includeUsage: request.stream_options?.include_usage === true,
            obfuscate: request.stream_options?.include_obfuscation === true,
            logprobs: request.logprobs === true,
            head: {
              id: responseId.replace(/^resp_/, 'chatcmpl-'),
              model: request.model ?? model.name,
              created: Math.floor(deps.nowMs() / 1000),
            },
            ids: deps.ids,
            redact: deps.redact,
          }),
        { streaming, write, tellsFailure: false, folded: completionOf },
      ),
  }
}
