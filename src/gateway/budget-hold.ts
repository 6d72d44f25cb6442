/**
 * One attempt's hold while it runs: grows as the answer does, is checkpointed about once a second, and
 * is settled or given back once.
 *
 * ```
 *   idle ──three quarters used──▶ asking ──granted──▶ idle
 *                                   └──refused──▶ last ──all used──▶ exhausted ──(the answer is cut)
 *   idle | asking | last | exhausted ──settle──▶ settled
 * ```
 */
import type { LimitWarning } from '../budget/account.ts'
import {
  allowanceAfter,
  type CallTerms,
  chargeOfEstimate,
  chargeOfUsage,
  endOf,
  estimatedUsage,
  nextSlice,
  type Reach,
  reachOf,
  tokensOfOutput,
} from '../budget/call-bounds.ts'
import type { CallUsage } from '../budget/hold.ts'
import type { Amounts } from '../budget/metric.ts'
import type { TopUpResult } from '../budget/operation.ts'
import type { ErrorCode } from '../errors.ts'
import type { Usage } from '../protocol/usage.ts'
import { limitMetadata } from './budget-refusal.ts'
import { type LedgerStore, StoreUnavailable } from './ledger-port.ts'
import type { Clock } from './ports.ts'
import type { AttemptFacts, Charge, Hold, Settlement } from './spending.ts'

const CHECKPOINT_MS = 1_000

export interface BudgetHoldOptions {
  readonly store: LedgerStore
  readonly clock: Clock
  readonly holdId: string
  readonly sessionId: string | null
  readonly terms: CallTerms
  readonly granted: Amounts
  /** Output tokens to allow upstream; undefined leaves the request's own limit. */
  readonly clamp: number | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly responseId: string
  /** Whether clients are told an estimate where the upstream reports nothing. */
  readonly showsEstimate: boolean
  readonly onExhausted: (metadata: Readonly<Record<string, string>>) => void
  readonly onStoreFault: (error: StoreUnavailable) => void
  /** A limit's warning threshold was crossed by this call. */
  readonly onWarning: (warning: LimitWarning) => void
  /** The upstream said how long the input was. */
  readonly onUsage: (inputTokens: number) => void
}

export class BudgetHold implements Hold {
  readonly sessionId: string | null
  readonly maxOutputTokens: number | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly #options: BudgetHoldOptions
  #held: Amounts
  #reach: Reach
  #outputTokens = 0
  #sentAtMs: number | undefined
  #state: 'idle' | 'asking' | 'last' | 'exhausted' | 'settled' = 'idle'
  #refusal: Readonly<Record<string, string>> = {}
  #cancelTick = () => {}

  constructor(options: BudgetHoldOptions) {
    this.#options = options
    this.#held = options.granted
    this.#reach = reachOf(options.terms, options.granted)
    this.sessionId = options.sessionId
    this.maxOutputTokens = options.clamp
    this.headers = options.headers
  }

  get held(): Amounts {
    return this.#held
  }

  sent(): void {
    this.#sentAtMs = this.#options.clock.monotonicMs()
    this.#scheduleTick()
  }

  meter(outputChars: number): void {
    this.#outputTokens = tokensOfOutput(outputChars)
    if (this.#outputTokens > this.#reach.outputTokens) this.#onShort()
  }

  async settle(facts: AttemptFacts): Promise<Settlement> {
    this.#cancelTick()
    this.#state = 'settled'
    const { terms } = this.#options
    this.#outputTokens = tokensOfOutput(facts.outputChars)
    const usage = facts.outcome?.usage
    if (isFree(facts)) {
      await this.#void()
      return { charge: undefined, estimate: undefined }
    }
    if (usage !== undefined) {
      this.#options.onUsage(usage.inputTokens)
      const charge = await this.#charge(
        chargeOfUsage(terms, usage, facts.upstreamMs),
        'exact',
        toCallUsage(usage, this.#options.responseId),
      )
      return { charge, estimate: undefined }
    }
    const estimate = estimatedUsage(terms, this.#outputTokens)
    const charge = await this.#charge(
      this.#estimateOf(facts),
      'estimated',
      toCallUsage(estimate, this.#options.responseId),
    )
    return { charge, estimate: this.#options.showsEstimate ? estimate : undefined }
  }

  /** Nothing is known of an upstream that never answered: all that is held may have been used. */
  #estimateOf(facts: AttemptFacts): Amounts {
    if (facts.phase === 'sent') return this.#held
    const isCut = facts.outcome?.status !== 'completed'
    return chargeOfEstimate(this.#options.terms, this.#outputTokens, isCut, facts.upstreamMs)
  }

  #onShort(): void {
    if (this.#state === 'idle') this.#grow()
    else if (this.#state === 'last') this.#exhaust(this.#refusal)
  }

  #grow(): void {
    const { terms, clock, store, holdId } = this.#options
    const wants = {
      output: this.#outputTokens > this.#reach.outputTokens,
      time: this.#elapsedMs() > this.#reach.upstreamMs,
    }
    this.#state = 'asking'
    store
      .topUp({ holdId, ...nextSlice(terms, this.#held, wants) }, clock.nowMs())
      .then((result) => this.#answered(result))
      .catch((cause: unknown) => this.#faulted(cause))
  }

  #elapsedMs(): number {
    return this.#sentAtMs === undefined ? 0 : this.#options.clock.monotonicMs() - this.#sentAtMs
  }

  #answered(result: TopUpResult): void {
    if (this.#state !== 'asking') return
    if (result.ok) {
      this.#held = result.held
      this.#reach = reachOf(this.#options.terms, result.held)
      this.#state = 'idle'
      return
    }
    // What is held is the answer's own: it goes on to the end of that.
    this.#state = 'last'
    this.#refusal =
      result.reason === 'limit' ? limitMetadata(result.refusal) : { budget: result.reason }
    this.#reach = endOf(this.#options.terms, this.#held)
    if (this.#outputTokens > this.#reach.outputTokens) this.#exhaust(this.#refusal)
  }

  #exhaust(metadata: Readonly<Record<string, string>>): void {
    this.#state = 'exhausted'
    this.#options.onExhausted(metadata)
  }

  /** A store that cannot count any more must not let the answer go on for free. */
  #faulted(cause: unknown): void {
    if (cause instanceof StoreUnavailable) this.#options.onStoreFault(cause)
    if (this.#state !== 'asking') return
    this.#exhaust({ budget: 'store_unavailable' })
  }

  #scheduleTick(): void {
    this.#cancelTick = this.#options.clock.after(CHECKPOINT_MS, () => {
      if (this.#state === 'settled' || this.#state === 'exhausted') return
      if (this.#elapsedMs() > this.#reach.upstreamMs) this.#onShort()
      this.#checkpoint()
      this.#scheduleTick()
    })
  }

  #checkpoint(): void {
    const { store, clock, holdId, terms } = this.#options
    const counted = chargeOfEstimate(terms, this.#outputTokens, true, this.#elapsedMs())
    const allowance = allowanceAfter(terms, this.#outputTokens, 2 * CHECKPOINT_MS)
    store.checkpoint({ holdId, counted, allowance }, clock.nowMs()).catch((cause: unknown) => {
      if (cause instanceof StoreUnavailable) this.#options.onStoreFault(cause)
    })
  }

  async #charge(
    actual: Amounts,
    outcome: 'exact' | 'estimated',
    usage: CallUsage,
  ): Promise<Charge> {
    const { store, clock, holdId } = this.#options
    let amounts = actual
    await this.#durably(async () => {
      const result = await store.settle({ holdId, actual, outcome, usage }, clock.nowMs())
      if (!result.ok) return
      amounts = result.charged
      for (const warning of result.warnings) if (warning.crossed) this.#options.onWarning(warning)
    })
    return { amounts, outcome, usage }
  }

  async #void(): Promise<void> {
    const { store, clock, holdId } = this.#options
    await this.#durably(() => store.void(holdId, clock.nowMs()))
  }

  /** The store goes on trying what it could not write; the hold stands until it can. */
  async #durably(write: () => Promise<unknown>): Promise<void> {
    try {
      await write()
    } catch (cause) {
      if (!(cause instanceof StoreUnavailable)) throw cause
      this.#options.onStoreFault(cause)
    }
  }
}

/** Refusals that some upstreams put into the first frame of a 200 in place of a status. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'upstream_rejected',
  'upstream_auth',
  'upstream_quota',
  'upstream_rate_limit',
  'upstream_error',
  'context_length_exceeded',
])

/** Nothing can have been billed: it never left, or the upstream refused it before it said anything. */
function isFree({ phase, outcome, outputChars }: AttemptFacts): boolean {
  if (phase === 'unsent') return true
  if (outcome?.usage !== undefined) return false
  if (phase === 'rejected') return true
  const code = outcome?.error?.code
  return code !== undefined && REFUSALS.has(code) && outputChars === 0
}

function toCallUsage(usage: Usage, responseId: string): CallUsage {
  return {
    responseId,
    inputTokens: usage.inputTokens,
    cachedInputTokens: usage.cachedInputTokens,
    outputTokens: usage.outputTokens,
    details: { reasoning_tokens: usage.reasoningTokens },
  }
}
