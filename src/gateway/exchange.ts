/**
 * A call's half towards the upstream: admit, send, settle, and the retries that cannot bill twice. Each
 * attempt has a hold of its own.
 */
import { toBridgeError } from '../errors.ts'
import type { Usage } from '../protocol/usage.ts'
import type { Answer } from '../translate/answer.ts'
import { type Attempt, type AttemptEnd, startAttempt } from './attempt.ts'
import type { CallDeps } from './call-deps.ts'
import type { CallPlan } from './call-plan.ts'
import type { LiveCall } from './live-calls.ts'
import type { ClientStream, Clock } from './ports.ts'
import { retryDelayMs } from './retry.ts'
import type { Hold } from './spending.ts'
import type { CallTrace } from './trace/call-trace.ts'

export interface Exchanged {
  readonly end: AttemptEnd
  /** What clients are told where the upstream reported no usage. */
  readonly estimate: Usage | undefined
}

export interface ExchangeOptions {
  readonly deps: CallDeps
  /** The call's own, whose timers cannot throw. */
  readonly clock: Clock
  readonly client: ClientStream
  readonly live: LiveCall
  readonly trace: CallTrace
  readonly onAdmitted: (hold: Hold) => void
  readonly onAccepted: () => void
}

/** What it takes to send. */
type Sendable = Pick<CallPlan, 'intent' | 'target' | 'upstreamBody'>

export class Exchange {
  /**
   * Let go of once the upstream has accepted for the last time: a history is often megabytes, which
   * every open stream would hold to its end.
   */
  #unsent: Sendable | undefined
  readonly #options: ExchangeOptions
  #attempt: Attempt | undefined
  #wakeRetry: (() => void) | undefined
  /** Only while the call waits for room: aborted when the client goes. */
  #waiting: AbortController | undefined
  #isGone = false

  constructor({ intent, target, upstreamBody }: CallPlan, options: ExchangeOptions) {
    this.#unsent = { intent, target, upstreamBody }
    this.#options = options
  }

  /** Whether anything was handed to the upstream. */
  get hasTried(): boolean {
    return this.#attempt !== undefined
  }

  /**
   * Fills `answer`. Undefined when the client is gone.
   *
   * @param isLast whether nothing will be sent after an accepted attempt
   * @throws {BridgeError} where the call is not admitted
   */
  async run(answer: Answer, isLast: boolean): Promise<Exchanged | undefined> {
    const { deps, live, trace, onAdmitted } = this.#options
    for (let tries = 0; ; tries++) {
      const hold = await this.#admit()
      live.belongsTo(hold.sessionId)
      live.admitted(hold)
      onAdmitted(hold)
      const end = this.#isGone
        ? ({ is: 'gone', facts: NEVER_SENT } as const)
        : await this.#try(hold, answer, isLast)
      const settlement = await hold.settle(end.facts)
      live.settled(settlement.charge, end.facts)
      trace.settled(end.facts)
      const error = end.is === 'failed' ? end.error : end.facts.outcome?.error
      if (error !== undefined && !this.#isGone) live.attemptFailed(error)
      if (this.#isGone) return undefined
      const delayMs = end.is === 'failed' ? this.#retryDelayMs(end, tries) : undefined
      if (end.is !== 'failed' || delayMs === undefined) {
        return { end, estimate: settlement.estimate }
      }
      const { requestId } = this.#sendable().intent.identity
      deps.log({ type: 'retry', requestId, error: end.error })
      live.retried()
      await this.#sleep(delayMs)
      if (this.#isGone) return undefined
    }
  }

  hangUp(): void {
    this.#isGone = true
    this.#waiting?.abort()
    this.#attempt?.hangUp()
    this.#wakeRetry?.()
  }

  #retryDelayMs(end: AttemptEnd & { is: 'failed' }, tries: number): number | undefined {
    if (tries >= this.#sendable().target.maxRetries) return undefined
    return retryDelayMs(end, tries, this.#options.deps.random())
  }

  async #admit(): Promise<Hold> {
    const { intent } = this.#sendable()
    const { deps, trace } = this.#options
    await trace.admit(intent.identity.sessionId ?? null)
    const waiting = new AbortController()
    this.#waiting = waiting
    try {
      return await deps.spending.admit(
        intent,
        (metadata) => {
          this.#options.live.cut(metadata)
          this.#attempt?.cut(metadata)
        },
        waiting.signal,
      )
    } finally {
      this.#waiting = undefined
    }
  }

  /** Never rejects: the hold of an attempt that could not be made has to be settled too. */
  #try(hold: Hold, answer: Answer, isLast: boolean): Promise<AttemptEnd> {
    return new Promise<AttemptEnd>((resolve) => {
      this.#attempt = this.#start(hold, answer, isLast, resolve)
    }).catch((cause: unknown) => ({
      is: 'failed',
      error: toBridgeError(cause),
      facts: NEVER_SENT,
    }))
  }

  #start(hold: Hold, answer: Answer, isLast: boolean, onDone: (end: AttemptEnd) => void): Attempt {
    const { deps, clock, client, live, trace, onAccepted } = this.#options
    const { upstream, timing, redact } = deps
    const { target, upstreamBody } = this.#sendable()
    const body = upstreamBody(hold.maxOutputTokens)
    trace.sending(body, hold.sessionId)
    return startAttempt(body, {
      target,
      answer,
      hold,
      client,
      clock,
      upstream,
      lingerMs: timing.lingerMs,
      redact,
      onAccepted: () => {
        if (isLast) this.#unsent = undefined
        live.answering()
        onAccepted()
      },
      onDone,
    })
  }

  #sendable(): Sendable {
    if (this.#unsent === undefined) throw new Error('sent again though the upstream had accepted')
    return this.#unsent
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(delayMs, resolve)
      this.#wakeRetry = () => {
        cancel()
        resolve()
      }
    })
  }
}

const NEVER_SENT = {
  phase: 'unsent',
  outcome: undefined,
  outputChars: 0,
  upstreamMs: 0,
} as const
