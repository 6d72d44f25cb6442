/** A call that came in as Chat Completions: the same gate, then passed through. */
import { z } from 'zod'
import { BridgeError } from '../errors.ts'
import { readAs } from '../protocol/responses/read.ts'
import { createChatRelay } from '../translate/chat-relay.ts'
import type { CallPlan } from './call.ts'
import type { CallIdentity } from './identity.ts'
import { limitOutput } from './output-limit.ts'
import { answerInText, type PlanDeps, resolveModel, targetOf } from './plan.ts'

/** Only what the bridge reads; the rest is the upstream's to judge. */
const ChatRequestSchema = z.looseObject({
  model: z.string().nullish(),
  messages: z.array(z.looseObject({})),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: z.number().nullish(),
  max_completion_tokens: z.number().nullish(),
})

export async function planChatCall(
  json: unknown,
  identity: CallIdentity,
  deps: PlanDeps,
): Promise<CallPlan> {
  const request = readAs(ChatRequestSchema, json, '')
  const resolved = await resolveModel(request.model, deps.models)
  if (resolved.upstream.wire === 'responses') {
    throw new BridgeError(
      'cannot_carry',
      `The upstream "${resolved.upstream.name}" speaks Responses (wire = "responses"); call POST …/responses for this model.`,
      { param: 'model' },
    )
  }
  const streaming = request.stream === true
  const chat: Record<string, unknown> = { ...request, model: resolved.upstreamModel }
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
        { streaming, write, tellsFailure: false },
      ),
  }
}
