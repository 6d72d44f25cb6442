/** What is noted of a call for those who look on: how it stands, and what its report needs. */
import type { CallUsage } from '../budget/hold.ts'
import { type Amounts, add, NOTHING } from '../budget/metric.ts'
import type { BridgeError } from '../errors.ts'
import type { CallPlan } from './call-plan.ts'
import type {
  CallName,
  CallReport,
  CallWatcher,
  FailedAttempt,
  RecentCall,
  UsageTotals,
} from './call-report.ts'
import type { Clock } from './ports.ts'
import type { AttemptFacts, Charge, Hold } from './spending.ts'

export type LivePhase = 'admission' | 'upstream' | 'answer'
export type WatchedPlan = Pick<CallPlan, 'intent' | 'streaming'>

/** Everybody's running calls together. */
export interface LiveCensus {
  readonly calls: Readonly<Record<LivePhase, number>>
  /** Of them, answers that stream to their clients. */
  readonly streams: number
  /** Holds that stand, and what they hold. */
  readonly holds: number
  readonly held: Amounts
}

/** One running call. */
export interface Standing {
  readonly phase: LivePhase
  readonly isStream: boolean
  /** Undefined while it has no hold. */
  readonly held: Amounts | undefined
}

type CallFacts = Pick<
  CallReport,
  | 'route'
  | 'streaming'
  | 'keyName'
  | 'upstreamModel'
  | 'upstreamBaseUrl'
  | 'maxOutputTokens'
  | 'traceParent'
>

export class CallObservation {
  readonly #name: CallName
  /** Not the plan, whose request is often megabytes. */
  readonly #facts: CallFacts
  readonly #beganMs: number
  readonly #clock: Clock
  readonly #watcher: CallWatcher
  readonly #failures: FailedAttempt[] = []
  #usage: UsageTotals = NO_USAGE
  #hold: Pick<Hold, 'held'> | undefined
  #cutBy: string | undefined
  #firstTokenMs: number | undefined
  #outputMs: number | undefined

  constructor(
    { intent, streaming }: WatchedPlan,
    name: CallName,
    beganMs: number,
    clock: Clock,
    watcher: CallWatcher,
  ) {
    const { identity, resolved, maxOutputTokens } = intent
    this.#name = name
    this.#facts = {
      route: identity.route,
      streaming,
      keyName: identity.caller.keyName,
      upstreamModel: resolved.upstreamModel,
      upstreamBaseUrl: resolved.upstream.baseUrl,
      maxOutputTokens,
      traceParent: identity.traceParent,
    }
    this.#beganMs = beganMs
    this.#clock = clock
    this.#watcher = watcher
  }

  admitted(hold: Pick<Hold, 'held'>): void {
    this.#hold = hold
  }

  cut({ budget }: Readonly<Record<string, string>>): void {
    this.#cutBy = budget
  }

  settled(
    charge: Charge | undefined,
    { firstTokenAtMs, outputEndedAtMs = this.#clock.monotonicMs() }: AttemptFacts,
  ): void {
    this.#hold = undefined
    if (charge !== undefined) this.#usage = addUsage(this.#usage, charge.usage)
    if (firstTokenAtMs === undefined) return
    this.#firstTokenMs ??= firstTokenAtMs - this.#beganMs
    this.#outputMs = outputEndedAtMs - firstTokenAtMs
  }

  attemptFailed(error: BridgeError): void {
    this.#failures.push({ atMs: this.#clock.nowMs(), errorCode: error.code })
    this.#watcher.attemptFailed?.(this.#name.model, this.#name.upstream, error)
  }

  retried(): void {
    this.#watcher.retried?.(this.#name.upstream)
  }

  ended(call: RecentCall, error: BridgeError | undefined): void {
    this.#watcher.ended({
      ...call,
      ...this.#facts,
      firstTokenMs: this.#firstTokenMs,
      outputMs: this.#outputMs,
      usage: this.#usage,
      failures: this.#failures,
      cutBy: this.#cutBy,
      error,
    })
  }

  standingAt(phase: LivePhase): Standing {
    const isStream = phase === 'answer' && this.#facts.streaming
    return { phase, isStream, held: this.#hold?.held }
  }
}

const NO_USAGE: UsageTotals = {
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
}

function addUsage(sum: UsageTotals, usage: CallUsage): UsageTotals {
  const reasoning = usage.details['reasoning_tokens']
  return {
    inputTokens: sum.inputTokens + (usage.inputTokens ?? 0),
    cachedInputTokens: sum.cachedInputTokens + (usage.cachedInputTokens ?? 0),
    outputTokens: sum.outputTokens + (usage.outputTokens ?? 0),
    reasoningTokens: sum.reasoningTokens + (typeof reasoning === 'number' ? reasoning : 0),
  }
}

export function censusOf(standings: readonly Standing[]): LiveCensus {
  const calls = { admission: 0, upstream: 0, answer: 0 }
  let streams = 0
  let holds = 0
  let held = NOTHING
  for (const standing of standings) {
    calls[standing.phase]++
    if (standing.isStream) streams++
    if (standing.held === undefined) continue
    holds++
    held = add(held, standing.held)
  }
  return { calls, streams, holds, held }
}
