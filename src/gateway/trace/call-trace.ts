/**
 * One call's trace, as the call tells it. Nothing here is told of chunks, and nothing holds the request
 * once it has left: the store has it then.
 *
 * ```
 *   unwritten ──sending, or admit where required──▶ written ──end──▶ over
 *       │  └──no room──▶ lost ──end──▶ over             ▲
 *       └──end: refused before anything left───────────┘ (at once, then over)
 * ```
 */
import { formatQuantity } from '../../budget/quantity.ts'
import { type BridgeError, toBridgeError } from '../../errors.ts'
import type { Usage } from '../../protocol/usage.ts'
import type { Change } from '../../trace/change.ts'
import type { TraceApi, TraceFacts } from '../../trace/record.ts'
import type { CallTrial } from '../../trial/trial.ts'
import type { CallPlan, ClientAnswer } from '../call-plan.ts'
import type { CallIdentity } from '../identity.ts'
import type { RecentCall } from '../live-calls.ts'
import type { Clock } from '../ports.ts'
import type { AttemptFacts } from '../spending.ts'
import type { TracedRequest, TraceWrite } from './port.ts'
import type { TraceSink } from './sink.ts'

/** The request as its client sent it. */
export interface ReceivedRequest {
  readonly api: TraceApi
  /** JSON. */
  readonly text: string
}

export interface CallTrace {
  /**
   * Before anything is held or sent, once for each attempt.
   *
   * @throws {BridgeError} trace_unavailable where a trace is required and cannot be kept
   */
  admit(sessionId: string | null): Promise<void>
  /** @param body as it leaves */
  sending(body: string, sessionId: string | null): void
  settled(facts: AttemptFacts): void
  /**
   * The call is over. Where a trace is required this resolves when it is kept, or known not to be; else
   * at once. Never rejects; the first time counts.
   */
  end(call: RecentCall, answer: ClientAnswer, error: BridgeError | undefined): Promise<void>
  /** Whether the client's last frames wait for `end`. */
  readonly isRequired: boolean
  /** `x-synth-trace-lost`, while traces are being lost. */
  readonly headers: Readonly<Record<string, string>>
}

export interface Traces {
  begin(plan: CallPlan): CallTrace
}

export interface TracesOptions {
  readonly sink: TraceSink
  readonly clock: Clock
  readonly newTraceId: () => string
  readonly hasContent: boolean
  readonly isRequired: boolean
  readonly redact: (text: string) => string
  /** A required trace could not be finished: its answer had been paid for, and went out. */
  readonly onFault: (error: BridgeError, requestId: string) => void
}

export function createTraces(options: TracesOptions): Traces {
  return { begin: (plan) => new Trace(plan, options) }
}

type OpeningFacts = Omit<TraceFacts, 'session_id'>

class Trace implements CallTrace {
  readonly isRequired: boolean
  readonly #options: TracesOptions
  readonly #identity: CallIdentity
  readonly #createdAtMs: number
  readonly #beganMs: number
  readonly #facts: OpeningFacts
  #state: 'unwritten' | 'written' | 'lost' | 'over' = 'unwritten'
  /** Let go of when it is written. */
  #received: string | undefined
  #body: string | undefined
  readonly #candidate: readonly Change[]
  #firstByteAtMs: number | undefined
  #usage: Usage | undefined
  #isCut = false

  constructor(plan: CallPlan, options: TracesOptions) {
    const { intent, received, dropped = [] } = plan
    const { identity, responseId, resolved } = intent
    const { clock } = options
    this.isRequired = options.isRequired
    this.#options = options
    this.#identity = identity
    this.#candidate = identity.trial?.candidate?.changes ?? []
    this.#createdAtMs = clock.nowMs()
    this.#beganMs = clock.monotonicMs()
    if (options.hasContent) {
      this.#received = received?.text
      this.#body = intent.body
    }
    this.#facts = {
      trace_id: options.newTraceId(),
      request_id: identity.requestId,
      response_id: responseId,
      api: received?.api ?? null,
      ...trialFactsOf(identity.trial),
      model: resolved.model.name,
      upstream: resolved.upstream.name,
      outcome: null,
      status: null,
      attempts: 0,
      complete: false,
      created_at: new Date(this.#createdAtMs).toISOString(),
      first_byte_ms: null,
      total_ms: null,
      usage: null,
      cost_usd: null,
      dropped: [...dropped],
      error: null,
    }
  }

  get headers() {
    return this.#options.sink.headers
  }

  async admit(sessionId: string | null): Promise<void> {
    if (!this.isRequired || this.#state !== 'unwritten') return
    await this.#options.sink.keep(this.#opening(sessionId, this.#body))
    this.#written()
  }

  sending(body: string, sessionId: string | null): void {
    // A required one was written before; the budget's clamp on the output is new.
    const isSaid = this.#state === 'written' && body === this.#body
    if (isSaid || this.#state === 'over' || this.#state === 'lost') return
    if (this.#received === undefined && this.#state === 'written') return
    if (this.#options.sink.offer(this.#opening(sessionId, body))) this.#written(body)
    else this.#lose()
  }

  settled({ firstByteAtMs, outcome, isCut }: AttemptFacts): void {
    this.#firstByteAtMs ??= firstByteAtMs
    this.#usage = outcome?.usage ?? this.#usage
    this.#isCut ||= isCut === true
  }

  async end(call: RecentCall, answer: ClientAnswer, error: BridgeError | undefined): Promise<void> {
    const { sink, onFault } = this.#options
    const state = this.#state
    this.#state = 'over'
    try {
      if (state === 'over' || state === 'lost') return
      if (state === 'unwritten' && !sink.offer(this.#opening(call.sessionId, undefined))) return
      const ending = this.#ending(call, answer, error)
      if (this.isRequired) await sink.keep(ending)
      else sink.offer(ending)
    } catch (cause) {
      onFault(toBridgeError(cause), this.#identity.requestId)
    } finally {
      this.#received = undefined
      this.#body = undefined
    }
  }

  #written(body?: string): void {
    this.#state = 'written'
    // Where it is not required nothing can follow that would need them.
    if (!this.isRequired || body !== undefined) {
      this.#received = undefined
      this.#body = undefined
    }
  }

  #lose(): void {
    this.#state = 'lost'
    this.#received = undefined
    this.#body = undefined
  }

  #opening(sessionId: string | null, sent: string | undefined): TraceWrite {
    const received = this.#received
    const request: TracedRequest | undefined =
      received === undefined ? undefined : { received, sent, candidate: this.#candidate }
    return this.#write({ ...this.#facts, session_id: sessionId }, request, undefined)
  }

  #ending(call: RecentCall, { traced }: ClientAnswer, error: BridgeError | undefined): TraceWrite {
    const { hasContent, redact } = this.#options
    const { outcome, charge, charged } = call
    const ended = outcome === 'completed' || (outcome === 'incomplete' && !this.#isCut)
    // An error that came in place of an answer is in `error`.
    const isAnswered = call.status === 200 || (call.status === null && call.attempts > 0)
    const said = hasContent && isAnswered ? traced?.() : undefined
    const facts: TraceFacts = {
      ...this.#facts,
      session_id: call.sessionId,
      outcome,
      status: call.status,
      attempts: call.attempts,
      complete: ended && error === undefined,
      first_byte_ms:
        this.#firstByteAtMs === undefined ? null : toMs(this.#firstByteAtMs - this.#beganMs),
      total_ms: toMs(call.durationMs),
      usage: this.#usageOf(call),
      cost_usd: charge === undefined ? null : formatQuantity('cost_usd', charged.cost_usd),
      error: errorOf(call, error, hasContent ? redact : undefined),
    }
    return this.#write(facts, undefined, said)
  }

  /** What the upstream reported; else what the ledger counted. */
  #usageOf({ charge }: RecentCall): TraceFacts['usage'] {
    const reported = this.#usage
    if (reported !== undefined) {
      return {
        input_tokens: reported.inputTokens,
        cached_input_tokens: reported.cachedInputTokens,
        output_tokens: reported.outputTokens,
        reasoning_tokens: reported.reasoningTokens,
      }
    }
    if (charge === undefined) return null
    const { inputTokens, cachedInputTokens, outputTokens } = charge.usage
    return {
      input_tokens: inputTokens,
      cached_input_tokens: cachedInputTokens,
      output_tokens: outputTokens,
      reasoning_tokens: null,
    }
  }

  #write(
    facts: TraceFacts,
    request: TracedRequest | undefined,
    response: string | undefined,
  ): TraceWrite {
    const { orgId, userId } = this.#identity.caller
    const owner = { orgId, userId }
    return { owner, createdAtMs: this.#createdAtMs, facts, request, response }
  }
}

/** A candidate's changes stand with the request's others. */
function trialFactsOf(trial: CallTrial | undefined) {
  const candidate = trial?.candidate ?? null
  return {
    trial_id: trial?.trialId ?? null,
    job_id: trial?.jobId ?? null,
    seed: trial?.seed ?? null,
    stage_key: trial?.stageKey ?? null,
    correlation_id: trial?.correlationId ?? null,
    candidate:
      candidate === null
        ? null
        : {
            id: candidate.id,
            changes: candidate.changes.length,
            unmatched: [...candidate.unmatched],
          },
    query: (trial?.query ?? []).map(([name, value]): [string, string] => [name, value]),
  }
}

const toMs = (ms: number): number => Math.round(ms * 1000) / 1000

/** @param redact undefined where texts are not kept: an upstream's error quotes its request */
function errorOf(
  { errorCode }: RecentCall,
  error: BridgeError | undefined,
  redact: ((text: string) => string) | undefined,
): TraceFacts['error'] {
  const code = error?.code ?? errorCode
  if (code === null) return null
  const message = error === undefined || redact === undefined ? null : redact(error.message)
  return { code, message }
}
