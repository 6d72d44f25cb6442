/**
 * `POST …/responses/input_tokens`: how long a request's input is. Exact where the upstream is one that
 * counts and the configuration says so; else an estimate from its bytes, from above, and said to be one.
 */
import { z } from 'zod'
import { boundInputTokens, measureRequest } from '../budget/input-bound.ts'
import { BridgeError, toBridgeError } from '../errors.ts'
import { readResponsesRequest } from '../protocol/responses/request.ts'
import { askUpstream } from './ask-upstream.ts'
import { type Calibrations, calibrationKey } from './calibrations.ts'
import { translateRead } from './chat-call.ts'
import { droppedHeader } from './dropped-header.ts'
import type { CallIdentity } from './identity.ts'
import type { ResolvedModel } from './models.ts'
import { type PlanDeps, resolveModel, targetOf } from './plan.ts'
import { upstreamRequestOf } from './plan-responses-relay.ts'
import type { Upstream } from './ports.ts'
import { expandRequest } from './state/expand.ts'

export interface CountDeps extends PlanDeps {
  readonly upstream: Upstream
  readonly calibrations: Calibrations
  /** Told why an upstream that should count did not. */
  readonly onUncounted: (error: BridgeError, requestId: string) => void
}

/** The request as it would go upstream. */
type Question = Readonly<Record<string, unknown>>

export interface InputTokens {
  readonly headers: Readonly<Record<string, string>>
  readonly body: {
    readonly object: 'response.input_tokens'
    readonly input_tokens: number
    /** The bridge's own member: whether the number is an estimate. */
    readonly estimated: boolean
  }
}

/** Counting is a lookup; whoever waits longer for it is better served by the estimate. */
const TIMEOUTS = { headersMs: 10_000, idleMs: 10_000 }

export async function countInputTokens(
  json: unknown,
  identity: CallIdentity,
  deps: CountDeps,
): Promise<InputTokens> {
  const { read } = await expandRequest(readResponsesRequest(json), identity.caller, deps.history)
  const resolved = await resolveModel(read.request.model, deps.models)
  const isRelayed = resolved.upstream.wire === 'responses'
  const translation = isRelayed ? undefined : translateRead(read, resolved, deps)
  const request: Question = translation?.chat ?? upstreamRequestOf(read.request, resolved)
  const counted = await count(request, resolved, identity, deps)
  return {
    headers: droppedHeader(translation?.dropped ?? []),
    body: {
      object: 'response.input_tokens',
      input_tokens: counted ?? estimate(request, resolved, identity, deps),
      estimated: counted === undefined,
    },
  }
}

function estimate(
  request: Question,
  resolved: ResolvedModel,
  { sessionId, caller }: CallIdentity,
  { calibrations }: CountDeps,
): number {
  const body = JSON.stringify(request)
  const size = measureRequest(body, Buffer.byteLength(body))
  return boundInputTokens(
    size,
    calibrations.get(calibrationKey(sessionId, caller.keyName, resolved.upstreamModel)),
  )
}

/** Undefined where nobody counts; a count that fails is worth an estimate, not an error. */
async function count(
  request: Question,
  resolved: ResolvedModel,
  { requestId }: CallIdentity,
  deps: CountDeps,
): Promise<number | undefined> {
  const { countTokens } = resolved.upstream
  if (countTokens === undefined) return undefined
  const { baseUrl } = resolved.upstream
  const ask: Ask = async (place, question, schema) => {
    const url = place(baseUrl)
    const target = { ...targetOf(resolved, '/responses', deps.userAgent), url, timeouts: TIMEOUTS }
    const read = schema.safeParse(await askUpstream(deps.upstream, target, question))
    if (read.success) return read.data
    throw new BridgeError('upstream_bad_answer', `${url} did not answer with a count of tokens.`)
  }
  try {
    return await COUNTERS[countTokens](request, ask)
  } catch (cause) {
    deps.onUncounted(toBridgeError(cause), requestId)
    return undefined
  }
}

/** @param place the route, as made of the upstream's base URL */
type Ask = <T>(
  place: (baseUrl: string) => string,
  question: object,
  schema: z.ZodType<T>,
) => Promise<T>

/** Routes beside the OpenAI ones stand at the server's root. */
const atRoot = (path: string) => (baseUrl: string) => baseUrl.replace(/\/v1$/, '') + path
const below = (path: string) => (baseUrl: string) => baseUrl + path

const CountSchema = z.looseObject({ count: z.int().min(0) })
const InputTokensSchema = z.looseObject({ input_tokens: z.int().min(0) })
const PromptSchema = z.looseObject({ prompt: z.string() })
const TokensSchema = z.looseObject({ tokens: z.array(z.unknown()) })

const COUNTERS = {
  /** @see https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html */
  async vllm({ model, messages, tools }: Question, ask: Ask): Promise<number> {
    const question = { model, messages, tools, add_generation_prompt: true }
    return (await ask(atRoot('/tokenize'), question, CountSchema)).count
  },
  /** @see https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md */
  async 'llama.cpp'(request: Question, ask: Ask): Promise<number> {
    try {
      const route = below('/chat/completions/input_tokens')
      return (await ask(route, request, InputTokensSchema)).input_tokens
    } catch (cause) {
      if (!(cause instanceof BridgeError) || cause.status !== 404) throw cause
    }
    // A server from before that route: its template first, then its tokenizer.
    const { prompt } = await ask(atRoot('/apply-template'), request, PromptSchema)
    const question = { content: prompt, add_special: true, parse_special: true }
    return (await ask(atRoot('/tokenize'), question, TokensSchema)).tokens.length
  },
  /** @see https://platform.openai.com/docs/api-reference/responses/input-tokens */
  async responses(request: Question, ask: Ask): Promise<number> {
    return (await ask(below('/responses/input_tokens'), request, InputTokensSchema)).input_tokens
  },
} as const
