/** What a call for a Chat upstream has in common, whatever the client wants of the answer. */
import { estimateInputTokens } from '../budget/input-bound.ts'
import type { ReadRequest } from '../protocol/responses/request.ts'
import { type ChatTranslation, toChatRequest } from '../translate/to-chat/index.ts'
import type { CallPlan } from './call-plan.ts'
import { droppedHeader } from './dropped-header.ts'
import type { CallIdentity } from './identity.ts'
import type { ResolvedModel } from './models.ts'
import { limitOutput } from './output-limit.ts'
import { type PlanDeps, targetOf } from './plan.ts'

export interface ChatCall {
  readonly translation: ChatTranslation
  /** All of the plan but the form of its answer. */
  readonly plan: Omit<CallPlan, 'streaming' | 'createAnswer'>
}

export function translateRead(
  read: ReadRequest,
  { model, upstream, upstreamModel }: ResolvedModel,
  deps: PlanDeps,
): ChatTranslation {
  return toChatRequest(read, {
    model: upstreamModel,
    dialect: upstream.dialect,
    seal: deps.seal,
    stopTool: model.stopTool,
    maxRepeatedCalls: model.maxRepeatedCalls,
    maxOutputTokens: model.maxOutputTokens,
    contextWindow: model.contextWindow,
    estimateTokens: estimateInputTokens,
    strict: deps.strict,
  })
}

export function toChatCall(
  read: ReadRequest,
  responseId: string,
  resolved: ResolvedModel,
  identity: CallIdentity,
  deps: PlanDeps,
): ChatCall {
  const { model, upstream } = resolved
  const translation = translateRead(read, resolved, deps)
  const chat = { ...translation.chat, stream: true, stream_options: { include_usage: true } }
  const dropped = [...translation.dropped, ...(translation.droppedTurns > 0 ? ['input.turns'] : [])]
  const limited = limitOutput(chat, [upstream.dialect.maxTokensField], model.maxOutputTokens)
  return {
    translation,
    plan: {
      intent: {
        identity,
        responseId,
        resolved,
        body: limited.body,
        maxOutputTokens: limited.maxOutputTokens,
      },
      target: targetOf(resolved, '/chat/completions', deps.userAgent),
      headers: droppedHeader(dropped),
      dropped,
      canned: cannedAnswer(translation),
      upstreamBody: limited.within,
    },
  }
}

/** The repeat guard answers in the model's place: one finished message, no tokens. */
function cannedAnswer(translation: ChatTranslation): string | undefined {
  if (translation.stopped === undefined) return undefined
  return JSON.stringify({
    choices: [{ index: 0, delta: { content: translation.stopped }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
  })
}
