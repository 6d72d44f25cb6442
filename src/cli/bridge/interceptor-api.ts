/** The interceptor's part of the bridge's API: trials, and the traces of their calls. */
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { BridgeApiError } from './api-error.ts'
import { type BridgeApiOptions, createAsk, toQueryText } from './ask.ts'

export interface TrialRequest {
  readonly job_id: string
  readonly seed: number
  readonly policy: { readonly model: string }
  /** As `--candidate` holds it: the bridge says what is wrong with it. */
  readonly candidate?: Readonly<Record<string, unknown>>
  readonly session_id: string
  readonly ttl_seconds: number
}

const TrialSchema = z.looseObject({
  trial_id: z.string(),
  correlation_id: z.string(),
  inference_url: z.string(),
})
export type TrialAnswer = z.infer<typeof TrialSchema>

const UsageSchema = z.looseObject({
  input_tokens: z.number().nullable(),
  output_tokens: z.number().nullable(),
})

export const TraceSchema = z.looseObject({
  trace_id: z.string(),
  /** How the call ended; null while it runs. */
  outcome: z.string().nullish(),
  /** HTTP status of the call's answer, or a word for it; null where there was none. */
  status: z.union([z.number(), z.string()]).nullish(),
  /** False for an answer that was cut. */
  complete: z.boolean(),
  created_at: z.string(),
  usage: UsageSchema.nullish(),
  cost_usd: z.union([z.string(), z.number()]).nullish(),
  /** Null where only figures are kept. */
  request: z.looseObject({ received: z.unknown() }).nullish(),
  error: z.unknown(),
})
export type TraceAnswer = z.infer<typeof TraceSchema>

const TracePageSchema = z.looseObject({
  data: z.array(TraceSchema),
  next_cursor: z.string().nullish(),
})

/**
 * Every promise rejects with a `BridgeApiError`. One question of thousands that gets no answer is asked
 * again: it is no reason to end a run, and a trial that nobody uses costs nothing.
 */
export interface InterceptorApi {
  registerTrial(request: TrialRequest): Promise<TrialAnswer>
  /** A page at a time, whatever order the bridge has them in: a record may hold a whole conversation. */
  eachTrace(trialId: string): AsyncGenerator<TraceAnswer>
}

const PAGE = 20
const TRIES = 3
const FIRST_PAUSE_MS = 200

/** @throws {UsageError} when `url` is none */
export function createInterceptorApi(options: BridgeApiOptions): InterceptorApi {
  const { ask } = createAsk(options)
  return {
    registerTrial: (request) =>
      again(() => ask(TrialSchema, 'POST', '/api/interceptor/v1/trials', request)),
    async *eachTrace(trialId) {
      let cursor: string | undefined
      do {
        const query = toQueryText({ trial_id: trialId, limit: PAGE, cursor })
        const page = await again(() => ask(TracePageSchema, 'GET', `/api/v1/traces${query}`))
        yield* page.data
        cursor = page.next_cursor ?? undefined
      } while (cursor !== undefined)
    },
  }
}

async function again<T>(question: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await question()
    } catch (cause) {
      const isUnanswered =
        cause instanceof BridgeApiError &&
        (cause.failure === 'unreachable' || cause.failure === 'timeout')
      if (!isUnanswered || tried === TRIES) throw cause
      await pause(FIRST_PAUSE_MS * 2 ** (tried - 1))
    }
  }
}
