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
import { SESSION_HEADER } from './budget-headers.ts'
import { toErrorAnswer } from './error-answer.ts'
import { guardTimers } from './guard-timers.ts'
import type { CallIdentity } from './identity.ts'
import type { CallEnding, LiveCall, LiveCalls } from './live-calls.ts'
import type { ClientStream, Clock, Upstream, UpstreamTarget } from './ports.ts'
import { retryDelayMs } from './retry.ts'
import type { Hold, Intent, Spending } from './spending.ts'
import type { KeptAnswer, TurnKeeper } from './state/turn-keeper.ts'

/** An answer together with the form in which this client wants it. */
export interface ClientAnswer {
  readonly answer: Answer
  /** The whole body, for a client that does not stream; read once concluded. */
  body(): string
  /** Whether the body of a failed answer says so itself; else its status has to. */
  readonly tellsFailure: boolean
  /** Whether the finished answer is worth asking for once more. */
  readonly isFlawed?: () => boolean
  /** What whoever keeps the call sees of it. */
  readonly kept?: KeptAnswer
}

export interface CallPlan {
  readonly intent: Intent
  readonly target: UpstreamTarget
  readonly streaming: boolean
  /** Headers of the answer that are known before it runs. */
  readonly headers: Readonly<Record<string, string>>
  /** An answer that needs no upstream and costs nothing: one finished chunk. */
  readonly canned: string | undefined
  /** Keeps the answer before its end leaves; undefined for a call of which nothing is kept. */
  readonly keeper?: TurnKeeper | undefined
  /** @param maxOutputTokens the clamp of the budget; undefined leaves the request's own limit */
  upstreamBody(maxOutputTokens: number | undefined): string
  /** Whether a flawed answer is asked for once more; never one that streams, as it has left. */
  readonly asksAgain?: boolean
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
  readonly calls: Pick<LiveCalls, 'begin'>
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
  const { keeper } = plan
  const over = new Call(plan, client, deps).run().catch((cause: unknown) => {
    deps.log({ type: 'failed', requestId, error: toBridgeError(cause) })
    client.drop()
  })
  return keeper === undefined || keeper.isBackground ? over : over.then(() => keeper.release())
}

interface Exchanged {
  readonly end: AttemptEnd
  readonly estimate: Usage | undefined
}

/** What it takes to send. */
type Sendable = Pick<CallPlan, 'intent' | 'target' | 'upstreamBody'>

class Call {
  /**
   * Let go of once the upstream has accepted: nothing is sent again then, and a history is often
   * megabytes, which every open stream would hold to its end.
   */
  #unsent: Sendable | undefined
  readonly #identity: CallIdentity
  readonly #canned: string | undefined
  readonly #streaming: boolean
  readonly #maxRetries: number
  readonly #planHeaders: Readonly<Record<string, string>>
  readonly #client: ClientStream
  readonly #deps: CallDeps
  readonly #clock: Clock
  #answer: ClientAnswer
  /** Makes the answer of a second asking, while there may be one. */
  #another: (() => ClientAnswer) | undefined
  readonly #live: LiveCall
  readonly #keeper: TurnKeeper | undefined
  /** The last frames while they wait for the answer to be kept. */
  #heldBack: string | undefined
  readonly #cancelTimers: (() => void)[] = []
  #attempt: Attempt | undefined
  #holdHeaders: Readonly<Record<string, string>> = {}
  #clientIs: 'waiting' | 'streaming' | 'gone' = 'waiting'
  #lastWriteMs: number
  #wakeRetry: (() => void) | undefined
  /** Only while the call waits for room: aborted when the client goes. */
  #waiting: AbortController | undefined
  /** What stands unless something else is said to the client. */
  #ending: CallEnding = { outcome: 'client_gone', status: null, errorCode: null }

  constructor(plan: CallPlan, client: ClientStream, deps: CallDeps) {
    const { intent, target, upstreamBody } = plan
    this.#unsent = { intent, target, upstreamBody }
    this.#identity = intent.identity
    this.#canned = plan.canned
    this.#streaming = plan.streaming
    this.#maxRetries = target.maxRetries
    this.#planHeaders = plan.headers
    this.#keeper = plan.keeper
    this.#client = client
    this.#deps = deps
    this.#clock = guardTimers(deps.clock, (cause) => {
      this.#log('failed', toBridgeError(cause))
      // The rest happens as if it had left by itself.
      client.drop()
    })
    this.#lastWriteMs = deps.clock.monotonicMs()
    const write = (text: string) => {
      this.#lastWriteMs = deps.clock.monotonicMs()
      if (this.#heldBack === undefined) client.write(text)
      else this.#heldBack += text
    }
    this.#answer = this.#watched(plan.createAnswer(write))
    if (plan.asksAgain && !plan.streaming) {
      this.#another = () => plan.createAnswer(write)
    }
    this.#live = deps.calls.begin(intent, () => this.#answer.answer.outputChars)
  }

  async run(): Promise<void> {
    try {
      this.#client.onGone(() => this.#hangUp())
      if (this.#canned === undefined) await this.#relay()
      else await this.#can(this.#canned)
    } catch (cause) {
      this.#ending = { ...this.#ending, outcome: 'failed', errorCode: toBridgeError(cause).code }
      throw cause
    } finally {
      this.#live.end(this.#ending)
    }
  }

  #can(message: string): Promise<void> {
    this.#open()
    this.#answer.answer.message(message, undefined)
    this.#answer.answer.ended()
    return this.#conclude(undefined)
  }

  async #relay(): Promise<void> {
    if (this.#streaming) this.#watchSilence()
    try {
      const result = await this.#exchange()
      if (result === undefined) return
      if (result.end.is === 'failed') await this.#refuse(result.end.error)
      else await this.#conclude(result.estimate)
    } catch (cause) {
      await this.#refuse(toBridgeError(cause))
    } finally {
      for (const cancel of this.#cancelTimers) cancel()
    }
  }

  /**
   * A flawed answer is asked for once more, with holds of its own. The first stands where the second is
   * refused, fails, or is no better: it has been paid for.
   */
  async #exchange(): Promise<Exchanged | undefined> {
    const first = await this.#attempts()
    const another = this.#another
    const flawed = this.#answer
    if (first?.end.is !== 'answered' || another === undefined || !flawed.isFlawed?.()) return first
    this.#another = undefined
    this.#answer = this.#watched(another())
    const second = await this.#attempts().catch((cause: unknown) => {
      this.#log('retry', toBridgeError(cause))
      return first
    })
    if (this.#isGone()) return undefined
    const { answer, isFlawed } = this.#answer
    if (answer.outcome?.status === 'completed' && !isFlawed?.()) return second
    this.#answer = this.#watched(flawed)
    return first
  }

  #watched(answer: ClientAnswer): ClientAnswer {
    if (answer.kept !== undefined) this.#keeper?.watch(answer.kept)
    return answer
  }

  /** The attempts, each with a hold of its own. Undefined when the client is gone. */
  async #attempts(): Promise<Exchanged | undefined> {
    for (let tries = 0; ; tries++) {
      const hold = await this.#admit()
      this.#holdHeaders = hold.headers
      this.#live.belongsTo(hold.sessionId)
      this.#live.admitted()
      // Its client has been told of it, so that only an event can say what comes of it.
      if (this.#keeper?.isBackground === true) this.#open()
      const end = this.#isGone()
        ? ({ is: 'gone', facts: NEVER_SENT } as const)
        : await this.#try(hold)
      const settlement = await hold.settle(end.facts)
      this.#live.settled(settlement.charge)
      if (this.#isGone()) return undefined
      if (end.is === 'failed' && tries < this.#maxRetries) {
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

  async #admit(): Promise<Hold> {
    const { intent } = this.#sendable()
    const waiting = new AbortController()
    this.#waiting = waiting
    try {
      return await this.#deps.spending.admit(
        intent,
        (metadata) => this.#attempt?.cut(metadata),
        waiting.signal,
      )
    } finally {
      this.#waiting = undefined
    }
  }

  /** Never rejects: the hold of an attempt that could not be made has to be settled too. */
  #try(hold: Hold): Promise<AttemptEnd> {
    return new Promise<AttemptEnd>((resolve) => this.#start(hold, resolve)).catch(
      (cause: unknown) => ({ is: 'failed', error: toBridgeError(cause), facts: NEVER_SENT }),
    )
  }

  #start(hold: Hold, onDone: (end: AttemptEnd) => void): void {
    const { upstream, timing, redact } = this.#deps
    const { target, upstreamBody } = this.#sendable()
    const attempt = startAttempt(upstreamBody(hold.maxOutputTokens), {
      target,
      answer: this.#answer.answer,
      hold,
      client: this.#client,
      clock: this.#clock,
      upstream,
      lingerMs: timing.lingerMs,
      redact,
      onAccepted: () => {
        if (this.#another === undefined) this.#unsent = undefined
        this.#live.answering()
        this.#open()
      },
      onDone,
    })
    this.#attempt = attempt
  }

  #sendable(): Sendable {
    if (this.#unsent === undefined) throw new Error('sent again though the upstream had accepted')
    return this.#unsent
  }

  async #conclude(estimate: Usage | undefined): Promise<void> {
    const { answer, tellsFailure } = this.#answer
    const error = answer.outcome?.error
    if (error !== undefined && !this.#streaming && !tellsFailure) {
      await this.#refuse(error)
      return
    }
    if (error !== undefined) this.#log('failed', error)
    const outcome = answer.outcome?.status ?? 'completed'
    this.#ending = { outcome, status: 200, errorCode: error?.code ?? null }
    await this.#finish(estimate)
    if (this.#streaming) this.#client.end()
    else this.#client.respond(200, this.#headers('application/json'), this.#answer.body())
  }

  /** The last events leave once the answer they belong to is kept. */
  async #finish(estimate?: Usage): Promise<void> {
    const { answer } = this.#answer
    if (this.#keeper === undefined) {
      answer.conclude(estimate)
      return
    }
    this.#heldBack = ''
    answer.conclude(estimate)
    const lastFrames = await this.#keeper.keep(this.#heldBack)
    if (lastFrames !== '') this.#client.write(lastFrames)
  }

  /** An error before the answer began: a status while there is one to give, else a failed stream. */
  async #refuse(error: BridgeError): Promise<void> {
    this.#log('failed', error)
    if (this.#clientIs === 'gone') return
    const outcome = this.#attempt === undefined ? 'refused' : 'failed'
    const sessionId = error.headers[SESSION_HEADER]
    if (sessionId !== undefined) this.#live.belongsTo(sessionId)
    if (this.#clientIs === 'streaming') {
      this.#ending = { outcome, status: 200, errorCode: error.code }
      this.#answer.answer.fail(error)
      await this.#finish()
      this.#client.end()
      return
    }
    const { status, headers, body } = toErrorAnswer(error, this.#identity.clientKind)
    this.#ending = { outcome, status, errorCode: error.code }
    this.#client.respond(status, { ...this.#headers('application/json'), ...headers }, body)
  }

  #open(): void {
    if (!this.#streaming || this.#clientIs !== 'waiting') return
    this.#clientIs = 'streaming'
    this.#ending = { ...this.#ending, status: 200 }
    this.#client.open(this.#headers('text/event-stream'))
    this.#answer.answer.open()
  }

  #hangUp(): void {
    this.#clientIs = 'gone'
    this.#waiting?.abort()
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
        const writtenMs = this.#lastWriteMs
        if (this.#clientIs === 'waiting') this.#open()
        // A relay has nothing of its own to open with, but the client has waited long enough.
        if (this.#lastWriteMs === writtenMs) this.#answer.answer.keepalive()
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
    return { 'content-type': contentType, ...this.#planHeaders, ...this.#holdHeaders }
  }

  #log(type: CallEvent['type'], error: BridgeError): void {
    this.#deps.log({ type, requestId: this.#identity.requestId, error })
  }
}

const NEVER_SENT = {
  phase: 'unsent',
  outcome: undefined,
  outputChars: 0,
  upstreamMs: 0,
} as const
