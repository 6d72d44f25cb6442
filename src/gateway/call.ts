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
import { SESSION_HEADER } from './budget-headers.ts'
import type { CallDeps, CallEvent } from './call-deps.ts'
import type { CallPlan, ClientAnswer } from './call-plan.ts'
import { toErrorAnswer } from './error-answer.ts'
import { Exchange, type Exchanged } from './exchange.ts'
import { guardTimers } from './guard-timers.ts'
import type { CallIdentity } from './identity.ts'
import type { CallEnding, LiveCall } from './live-calls.ts'
import type { ClientStream, Clock } from './ports.ts'
import type { Hold } from './spending.ts'
import type { TurnKeeper } from './state/turn-keeper.ts'
import type { CallTrace } from './trace/call-trace.ts'

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

/** Apart from `Call`, whose closures would all hold the plan if one of them named it. */
function anotherOf(
  { asksAgain, streaming, createAnswer }: CallPlan,
  write: (text: string) => void,
): (() => ClientAnswer) | undefined {
  return asksAgain && !streaming ? () => createAnswer(write) : undefined
}

class Call {
  readonly #identity: CallIdentity
  readonly #canned: string | undefined
  readonly #streaming: boolean
  readonly #planHeaders: Readonly<Record<string, string>>
  readonly #client: ClientStream
  readonly #deps: CallDeps
  readonly #clock: Clock
  #answer: ClientAnswer
  /** Makes the answer of a second asking, while there may be one. */
  readonly #another: (() => ClientAnswer) | undefined
  readonly #live: LiveCall
  readonly #trace: CallTrace
  readonly #exchange: Exchange
  readonly #keeper: TurnKeeper | undefined
  /** The last frames while they wait for the answer to be kept. */
  #heldBack: string | undefined
  readonly #cancelTimers: (() => void)[] = []
  #holdHeaders: Readonly<Record<string, string>> = {}
  #clientIs: 'waiting' | 'streaming' | 'gone' = 'waiting'
  #lastWriteMs: number
  /** What stands unless something else is said to the client. */
  #ending: CallEnding = { outcome: 'client_gone', status: null, errorCode: null }
  /** What went wrong last. */
  #error: BridgeError | undefined

  constructor(plan: CallPlan, client: ClientStream, deps: CallDeps) {
    this.#identity = plan.intent.identity
    this.#canned = plan.canned
    this.#streaming = plan.streaming
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
    this.#another = anotherOf(plan, write)
    this.#live = deps.calls.begin(plan, () => this.#answer.answer.outputChars)
    this.#trace = deps.traces.begin(plan)
    this.#exchange = new Exchange(plan, {
      deps,
      clock: this.#clock,
      client,
      live: this.#live,
      trace: this.#trace,
      onAdmitted: (hold) => this.#admitted(hold),
      onAccepted: () => this.#open(),
    })
  }

  async run(): Promise<void> {
    try {
      this.#client.onGone(() => this.#hangUp())
      if (this.#canned === undefined) await this.#relay()
      else await this.#can(this.#canned)
    } catch (cause) {
      this.#error = toBridgeError(cause)
      this.#ending = { ...this.#ending, outcome: 'failed', errorCode: this.#error.code }
      throw cause
    } finally {
      this.#live.end(this.#ending, this.#error)
      await this.#endTrace()
    }
  }

  /** The trace of a call that was left has what there was of its answer. */
  #endTrace(): Promise<void> {
    if (this.#isGone() && this.#keeper?.isBackground !== true) {
      const { answer } = this.#answer
      this.#heldBack = ''
      answer.cut({})
      answer.conclude()
    }
    return this.#trace.end(this.#live.summary(this.#ending), this.#answer, this.#error)
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
      const result = await this.#fill()
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
  async #fill(): Promise<Exchanged | undefined> {
    const another = this.#another
    const flawed = this.#answer
    const first = await this.#exchange.run(flawed.answer, another === undefined)
    if (first?.end.is !== 'answered' || another === undefined || !flawed.isFlawed?.()) return first
    this.#answer = this.#watched(another())
    const second = await this.#exchange.run(this.#answer.answer, true).catch((cause: unknown) => {
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

  #admitted(hold: Hold): void {
    this.#holdHeaders = hold.headers
    // Its client has been told of it, so that only an event can say what comes of it.
    if (this.#keeper?.isBackground === true) this.#open()
  }

  async #conclude(estimate: Usage | undefined): Promise<void> {
    const { answer, tellsFailure } = this.#answer
    const error = answer.outcome?.error
    if (error !== undefined && !this.#streaming && !tellsFailure) {
      await this.#refuse(error)
      return
    }
    if (error !== undefined) this.#log('failed', error)
    this.#error = error
    const outcome = answer.outcome?.status ?? 'completed'
    this.#ending = { outcome, status: 200, errorCode: error?.code ?? null }
    await this.#finish(estimate)
    if (this.#streaming) this.#client.end()
    else this.#client.respond(200, this.#headers('application/json'), this.#answer.body())
  }

  /** The last events leave once the answer they belong to is kept, and its trace where one is required. */
  async #finish(estimate?: Usage): Promise<void> {
    const { answer } = this.#answer
    if (this.#keeper === undefined && !this.#trace.isRequired) {
      answer.conclude(estimate)
      return
    }
    this.#heldBack = ''
    answer.conclude(estimate)
    if (this.#trace.isRequired) await this.#endTrace()
    const lastFrames = (await this.#keeper?.keep(this.#heldBack)) ?? this.#heldBack
    if (lastFrames !== '') this.#client.write(lastFrames)
  }

  /** An error before the answer began: a status while there is one to give, else a failed stream. */
  async #refuse(error: BridgeError): Promise<void> {
    this.#log('failed', error)
    this.#error = error
    if (this.#clientIs === 'gone') return
    const outcome = this.#exchange.hasTried ? 'failed' : 'refused'
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
    if (this.#trace.isRequired) await this.#endTrace()
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
    this.#exchange.hangUp()
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

  #headers(contentType: string): Record<string, string> {
    return {
      'content-type': contentType,
      ...this.#planHeaders,
      ...this.#holdHeaders,
      ...this.#trace.headers,
    }
  }

  #log(type: CallEvent['type'], error: BridgeError): void {
    if (type === 'failed') this.#error = error
    this.#deps.log({ type, requestId: this.#identity.requestId, error })
  }
}
