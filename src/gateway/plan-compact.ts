/** `POST …/responses/compact`: a conversation in, the window to go on from out. */
import type { InputItem } from '../protocol/responses/input.ts'
import {
  type ReadRequest,
  type ResponsesRequest,
  readResponsesRequest,
} from '../protocol/responses/request.ts'
import { asksForCompaction, toCompactionRequest } from '../translate/compaction.ts'
import { createCompactionAnswer } from '../translate/compaction-answer.ts'
import { keptMessages } from '../translate/compaction-window.ts'
import { toResponseEcho } from '../translate/echo.ts'
import { createResponsesRelay } from '../translate/responses-relay.ts'
import type { CallPlan } from './call-plan.ts'
import { toChatCall } from './chat-call.ts'
import type { CallIdentity } from './identity.ts'
import type { ResolvedModel } from './models.ts'
import { answerInText, type PlanDeps, resolveModel, targetOf } from './plan.ts'
import { upstreamRequestOf } from './plan-responses-relay.ts'
import { expandRequest } from './state/expand.ts'

const TRIGGER: InputItem = { type: 'compaction_trigger' }

/**
 * Answers with a `response.compaction`, whole: what the user and the developer said, as it was, and one
 * compaction item for the rest.
 */
export async function planCompactCall(
  json: unknown,
  identity: CallIdentity,
  deps: PlanDeps,
): Promise<CallPlan> {
  const { read } = await expandRequest(readResponsesRequest(json), identity.caller, deps.history)
  const { request } = read
  const resolved = await resolveModel(request.model, deps.models)
  if (resolved.upstream.wire === 'responses') return relay(request, resolved, identity, deps)
  const responseId = deps.ids.next('resp')
  const asked: ReadRequest = asksForCompaction(read)
    ? read
    : { ...read, input: [...read.input, TRIGGER] }
  const call = toChatCall(toCompactionRequest(asked), responseId, resolved, identity, deps)
  const nowSeconds = () => Math.floor(deps.nowMs() / 1000)
  const createdAt = nowSeconds()
  return {
    ...call.plan,
    streaming: false,
    createAnswer() {
      const answer = createCompactionAnswer({
        echo: toResponseEcho(request, {
          id: responseId,
          createdAt,
          model: request.model ?? resolved.model.name,
        }),
        metadata: {},
        tools: call.translation.tools,
        ids: deps.ids,
        now: nowSeconds,
        seal: deps.seal,
        thinkTags: resolved.model.thinkTags,
        redact: deps.redact,
        wholeOrFailed: true,
        emit: () => {},
      })
      const body = () =>
        JSON.stringify({
          id: responseId,
          object: 'response.compaction',
          created_at: createdAt,
          output: [...keptMessages(request.input, deps.ids), ...answer.response.output],
          usage: answer.response.usage,
        })
      return {
        answer,
        body,
        traced: body,
        tellsFailure: false,
      }
    },
  }
}

/** An upstream that speaks Responses compacts by itself. There is no limit on it that one could send. */
function relay(
  request: ResponsesRequest,
  resolved: ResolvedModel,
  identity: CallIdentity,
  deps: PlanDeps,
): CallPlan {
  const { stream: _, ...asked } = request
  const responseId = deps.ids.next('resp')
  const body = JSON.stringify(upstreamRequestOf(asked, resolved))
  const echo = toResponseEcho(asked, {
    id: responseId,
    createdAt: Math.floor(deps.nowMs() / 1000),
    model: request.model ?? resolved.model.name,
  })
  return {
    intent: {
      identity,
      responseId,
      resolved,
      body,
      maxOutputTokens: resolved.model.maxOutputTokens,
    },
    target: targetOf(resolved, '/responses/compact', deps.userAgent),
    streaming: false,
    headers: {},
    canned: undefined,
    upstreamBody: () => body,
    createAnswer: (write) =>
      answerInText(
        (writeText) =>
          createResponsesRelay({ write: writeText, streaming: false, echo, metadata: {} }),
        { streaming: false, write, tellsFailure: true },
      ),
  }
}
