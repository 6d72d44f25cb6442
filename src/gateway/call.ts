/**
 * One call's life: admit, send, relay, settle, conclude; with the retries that cannot bill twice.
 *
 * ```
 *             ┌────────── nothing billed, tries left ──────────┐
 *             ▼                                                │
 *   admit ─▶ send ─▶ relay ─▶ settle ──▶ conclude ─▶ end    settle
 *     │        └── refused or unreachable ─────────────────────┘──▶ settle ─▶ error answer
 *     └── over the limit ─▶ error answer         client gone at any point ─▶ abort ─▶ settle
 * ```
 */
import { type BridgeError, toBridgeError } from '../errors.ts'
import type { Usage } from '../protocol/usage.ts'
import type { Answer } from '../translate/answer.ts'
import { type Attempt, type AttemptEnd, startAttempt } from './attempt.ts'
import { toErrorAnswer } from './error-answer.ts'
import { guardTimers } from './guard-timers.ts'
import type { ClientStream, Clock, Upstream, UpstreamTarget } from './ports.ts'
import { retryDelayMs } from './retry.ts'
import type { Hold, Intent, Spending } from './spending.ts'

/** An answer together with the form in which this client wants it. */
export interface ClientAnswer {
  readonly answer: Answer
  /** The whole body, for a client that does not stream; read once concluded. */
  body(): string
}

export interface CallPlan {
  readonly intent: Intent
  readonly target: UpstreamTarget
  readonly streaming: boolean
  /** Headers of the answer that are known before it runs. */
  readonly headers: Readonly<Record<string, string>>
  /** An answer that needs no upstream and costs nothing: one finished chunk. */
  readonly canned: string | undefined
  /** @param maxOutputTokens the clamp of the budget; undefined leaves the request's own limit */
  upstreamBody(maxOutputTokens: number | undefined): string
  /** @param write takes whole frames; never called for a client that does not stream */
  createAnswer(write: (text: string) => void): ClientAnswer
}

export interface CallTiming {
  /** Silence after which a streaming client gets a sign of life. */
  readonly keepaliveMs: number
  /** Wait for the upstream's head after which the client's stream opens all the same. */
  readonly openAfterMs: number
  /** Wait for late usage once the answer is otherwise over. */
  readonly lingerMs: number
}

export const DEFAULT_TIMING: CallTiming = {
  keepaliveMs: 15_000,
  openAfterMs: 15_000,
  lingerMs: 2_000,
}

export interface CallDeps {
  readonly clock: Clock
  readonly upstream: Upstream
  readonly spending: Spending
  readonly timing: CallTiming
  /** Uniform in [0, 1), for retry jitter. */
  readonly random: () => number
  /** Takes secrets out of whatever the upstream said. */
  readonly redact: (text: string) => string
  readonly log: (event: CallEvent) => void
}

export type CallEvent =
  | { readonly type: 'retry'; readonly requestId: string; readonly error: BridgeError }
  | { readonly type: 'failed'; readonly requestId: string; readonly error: BridgeError }

/**
 * Runs the call to its end. Never rejects: whatever happens reaches the client or, if it is gone, the
 * log. Not `async`: that would hold the plan, often megabytes of history, for as long as the answer runs.
 */
export function runCall(plan: CallPlan, client: ClientStream, deps: CallDeps): Promise<void> {
  const { requestId } = plan.intent.identity
  return new Call(plan, client, deps).run().catch((cause: unknown) => {
    deps.log({ type: 'failed', requestId, error: toBridgeError(cause) })
    client.drop()
  })
}

class Call {
  readonly #plan: CallPlan
  readonly #client: ClientStream
  readonly #deps: CallDeps
  readonly #clock: Clock
  readonly #answer: ClientAnswer
  readonly #cancelTimers: (() => void)[] = []
  #attempt: Attempt | undefined
  #holdHeaders: Readonly<Record<string, string>> = {}
  #clientIs: 'waiting' | 'streaming' | 'gone' = 'waiting'
  #lastWriteMs: number
  #wakeRetry: (() => void) | undefined

  constructor(plan: CallPlan, client: ClientStream, deps: CallDeps) {
    this.#plan = plan
    this.#client = client
    this.#deps = deps
    this.#clock = guardTimers(deps.clock, (cause) => {
      this.#log('failed', toBridgeError(cause))
      // The rest happens as if it had left by itself.
      client.drop()
    })
    this.#lastWriteMs = deps.clock.monotonicMs()
    this.#answer = plan.createAnswer((text) => {
      this.#lastWriteMs = deps.clock.monotonicMs()
      client.write(text)
    })
  }

  async run(): Promise<void> {
    this.#client.onGone(() => this.#hangUp())
    if (this.#plan.canned !== undefined) {
      this.#open()
      this.#answer.answer.message(this.#plan.canned, undefined)
      this.#answer.answer.ended()
      this.#conclude(undefined)
      return
    }
    if (this.#plan.streaming) this.#watchSilence()
    try {
      const result = await this.#exchange()
      if (result === undefined) return
      if (result.end.is === 'failed') this.#refuse(result.end.error)
      else this.#conclude(result.estimate)
    } catch (cause) {
      this.#refuse(toBridgeError(cause))
    } finally {
      for (const cancel of this.#cancelTimers) cancel()
    }
  }

  /** The attempts, each with a hold of its own. Undefined when the client is gone. */
  async #exchange(): Promise<
    { end: AttemptEnd; estimate: Parameters<Answer['conclude']>[0] } | undefined
  > {
    for (let tries = 0; ; tries++) {
      const hold = await this.#deps.spending.admit(this.#plan.intent, (metadata) =>
        this.#attempt?.cut(metadata),
      )
      this.#holdHeaders = hold.headers
      const end = this.#isGone()
        ? ({ is: 'gone', facts: NEVER_SENT } as const)
        : await this.#try(hold)
      const settlement = await hold.settle(end.facts)
      if (this.#isGone()) return undefined
      if (end.is === 'failed' && tries < this.#plan.target.maxRetries) {
        const delayMs = retryDelayMs(end, tries, this.#deps.random())
        if (delayMs !== undefined) {
          this.#log('retry', end.error)
          await this.#sleep(delayMs)
          if (this.#isGone()) return undefined
          continue
        }
      }
      return { end, estimate: settlement.estimate }
    }
  }

  /** Never rejects: the hold of an attempt that could not be made has to be settled too. */
  #try(hold: Hold): Promise<AttemptEnd> {
    const { upstream, timing, redact } = this.#deps
    return new Promise<AttemptEnd>((resolve) => {
      this.#attempt = startAttempt({
        target: this.#plan.target,
        body: this.#plan.upstreamBody(hold.maxOutputTokens),
        answer: this.#answer.answer,
        hold,
        client: this.#client,
        clock: this.#clock,
        upstream,
        lingerMs: timing.lingerMs,
        redact,
        onAccepted: () => this.#open(),
        onDone: resolve,
      })
    }).catch((cause: unknown) => ({
      is: 'failed',
      error: toBridgeError(cause),
      facts: NEVER_SENT,
    }))
  }

  #conclude(estimate: Usage | undefined): void {
    const { answer } = this.#answer
    if (answer.outcome?.error !== undefined) this.#log('failed', answer.outcome.error)
    answer.conclude(estimate)
    if (this.#plan.streaming) this.#client.end()
    else this.#client.respond(200, this.#headers('application/json'), this.#answer.body())
  }

  /** An error before the answer began: a status while there is one to give, else a failed stream. */
  #refuse(error: BridgeError): void {
    this.#log('failed', error)
    if (this.#clientIs === 'gone') return
    if (this.#clientIs === 'streaming') {
      const { answer } = this.#answer
      answer.fail(error)
      answer.conclude()
      this.#client.end()
      return
    }
    const { status, headers, body } = toErrorAnswer(error, this.#plan.intent.identity.clientKind)
    this.#client.respond(status, { ...this.#headers('application/json'), ...headers }, body)
  }

  #open(): void {
    if (!this.#plan.streaming || this.#clientIs !== 'waiting') return
    this.#clientIs = 'streaming'
    this.#client.open(this.#headers('text/event-stream'))
    this.#answer.answer.open()
  }

  #hangUp(): void {
    this.#clientIs = 'gone'
    this.#attempt?.hangUp()
    this.#wakeRetry?.()
  }

  #isGone(): boolean {
    return this.#clientIs === 'gone'
  }

  /** One timer for the whole call, set anew for what is left instead of at every event. */
  #watchSilence(): void {
    const { timing } = this.#deps
    const clock = this.#clock
    const check = () => {
      if (this.#isGone()) return
      const limitMs = this.#clientIs === 'streaming' ? timing.keepaliveMs : timing.openAfterMs
      const leftMs = this.#lastWriteMs + limitMs - clock.monotonicMs()
      if (leftMs <= 0) {
        if (this.#clientIs === 'waiting') this.#open()
        else this.#answer.answer.keepalive()
      }
      this.#cancelTimers[0] = clock.after(leftMs <= 0 ? timing.keepaliveMs : leftMs, check)
    }
    this.#cancelTimers[0] = clock.after(timing.openAfterMs, check)
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(delayMs, resolve)
      this.#wakeRetry = () => {
        cancel()
        resolve()
      }
    })
  }

  #headers(contentType: string): Record<string, string> {
    return { 'content-type': contentType, ...this.#plan.headers, ...this.#holdHeaders }
  }

  #log(type: CallEvent['type'], error: BridgeError): void {
    this.#deps.log({ type, requestId: this.#plan.intent.identity.requestId, error })
  }
}

const NEVER_SENT = {
  phase: 'unsent',
  outcome: undefined,
  outputChars: 0,
  upstreamMs: 0,
} as const
