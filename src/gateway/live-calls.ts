/**
 * What is running and what has just ended, in memory, for whoever looks on. A call costs one entry: it
 * is told of the call's turns, and nothing of its chunks; how far an answer is, the entry reads off the
 * answer when somebody asks.
 *
 * ```
 *   begin ─▶ admission ──admitted──▶ upstream ──answering──▶ answer ──end──▶ recent
 *               ▲                       └──tried again──┘                      ▲
 *               └───────────────────────────┘        (end at any point) ───────┘
 * ```
 *
 * Of this process alone, and gone with it: the store keeps what has to last.
 */
import { tokensOfOutput } from '../budget/call-bounds.ts'
import type { Owner } from '../budget/hold.ts'
import { add, NOTHING } from '../budget/metric.ts'
import type { BridgeError } from '../errors.ts'
import {
  CallObservation,
  censusOf,
  type LiveCensus,
  type LivePhase,
  type Standing,
  type WatchedPlan,
} from './call-observation.ts'
import type { CallEnding, CallName, CallWatcher, RecentCall } from './call-report.ts'
import type { Clock } from './ports.ts'
import type { AttemptFacts, Charge, Hold } from './spending.ts'

export type { LiveCensus } from './call-observation.ts'
export type { CallEnding, RecentCall } from './call-report.ts'

/** Calls kept of each owner. Owners are as many as `[[keys]]` has users. */
const CALLS_KEPT = 200
/** Names are the client's, and as long as it likes. */
const MAX_NAME_CHARS = 200
/** Shorter than this, a rate is noise. */
const RATE_MS = 1_000

/** A name at a bearable length. A mere slice would keep all of it: to V8 it is a view. */
function shortened(name: string): string {
  return name.length <= MAX_NAME_CHARS ? name : [...name.slice(0, MAX_NAME_CHARS)].join('')
}

export interface ActiveCall extends CallName {
  readonly sessionId: string | null
  readonly phase: LivePhase
  /** Sendings so far; more than one where it was tried again. */
  readonly attempts: number
  readonly ageMs: number
  readonly outputChars: number
  /** As the budget counts while it does not know better. */
  readonly outputTokensEstimate: number
  /** Since somebody last asked, at least a second; at first, since the answer began. */
  readonly tokensPerSecond: number | undefined
}

/** One call's entry, as the gateway tells it. */
export interface LiveCall {
  /** Which session it turned out to be of; null for one that opted out. */
  belongsTo(sessionId: string | null): void
  admitted(hold: Pick<Hold, 'held'>): void
  answering(): void
  /** The budget is used up; the metadata names it. */
  cut(metadata: Readonly<Record<string, string>>): void
  settled(charge: Charge | undefined, facts: AttemptFacts): void
  /** What came of the attempt that was settled, where that is an error. */
  attemptFailed(error: BridgeError): void
  /** The attempt that failed is followed by another. */
  retried(): void
  /** The call as it would be if it ended like this now. */
  summary(ending: CallEnding): RecentCall
  /** Once. */
  end(ending: CallEnding, error?: BridgeError): void
}

export interface LiveCalls {
  /** @param readOutputChars asked whenever somebody looks, never after `end` */
  begin(plan: WatchedPlan, readOutputChars: () => number): LiveCall
  /** Oldest first. */
  active(owner: Owner): ActiveCall[]
  /** Newest first, at most `limit` and what is kept. */
  recent(owner: Owner, limit: number): RecentCall[]
  census(): LiveCensus
}

interface OwnersCalls {
  readonly active: Set<Entry>
  /** Oldest first. */
  readonly recent: RecentCall[]
}

class Entry implements LiveCall {
  readonly #name: CallName
  readonly #observation: CallObservation
  readonly #beganMs: number
  readonly #clock: Clock
  readonly #calls: OwnersCalls
  readonly #readOutputChars: () => number
  #sessionId: string | null
  #phase: LivePhase = 'admission'
  #attempts = 0
  #charged = NOTHING
  #charge: Charge | undefined
  #rate: number | undefined
  #sample: { readonly atMs: number; readonly chars: number } | undefined

  constructor(
    plan: WatchedPlan,
    readOutputChars: () => number,
    clock: Clock,
    calls: OwnersCalls,
    watcher: CallWatcher,
  ) {
    const { identity, responseId, resolved } = plan.intent
    this.#name = {
      requestId: identity.requestId,
      responseId,
      clientRequestId: identity.clientRequestId,
      model: shortened(resolved.model.name),
      upstream: resolved.upstream.name,
      startedAtMs: clock.nowMs(),
    }
    this.#sessionId = identity.sessionId === undefined ? null : shortened(identity.sessionId)
    this.#beganMs = clock.monotonicMs()
    this.#observation = new CallObservation(plan, this.#name, this.#beganMs, clock, watcher)
    this.#readOutputChars = readOutputChars
    this.#clock = clock
    this.#calls = calls
    calls.active.add(this)
  }

  belongsTo(sessionId: string | null): void {
    this.#sessionId = sessionId
  }

  admitted(hold: Pick<Hold, 'held'>): void {
    this.#phase = 'upstream'
    this.#attempts++
    this.#observation.admitted(hold)
  }

  answering(): void {
    this.#phase = 'answer'
    this.#sample = { atMs: this.#clock.monotonicMs(), chars: this.#readOutputChars() }
  }

  cut(metadata: Readonly<Record<string, string>>): void {
    this.#observation.cut(metadata)
  }

  settled(charge: Charge | undefined, facts: AttemptFacts): void {
    this.#observation.settled(charge, facts)
    if (this.#phase === 'upstream') this.#phase = 'admission'
    if (charge === undefined) return
    this.#charge = charge
    this.#charged = add(this.#charged, charge.amounts)
  }

  attemptFailed(error: BridgeError): void {
    this.#observation.attemptFailed(error)
  }

  retried(): void {
    this.#observation.retried()
  }

  end(ending: CallEnding, error?: BridgeError): void {
    const { active, recent } = this.#calls
    active.delete(this)
    const call = this.summary(ending)
    recent.push(call)
    if (recent.length > CALLS_KEPT) recent.shift()
    this.#observation.ended(call, error)
  }

  summary(ending: CallEnding): RecentCall {
    return {
      ...this.#name,
      ...ending,
      sessionId: this.#sessionId,
      attempts: this.#attempts,
      endedAtMs: this.#clock.nowMs(),
      durationMs: this.#clock.monotonicMs() - this.#beganMs,
      charged: this.#charged,
      charge: this.#charge,
    }
  }

  get standing(): Standing {
    return this.#observation.standingAt(this.#phase)
  }

  read(): ActiveCall {
    const outputChars = this.#readOutputChars()
    return {
      ...this.#name,
      sessionId: this.#sessionId,
      phase: this.#phase,
      attempts: this.#attempts,
      ageMs: this.#clock.monotonicMs() - this.#beganMs,
      outputChars,
      outputTokensEstimate: tokensOfOutput(outputChars),
      tokensPerSecond: this.#readRate(outputChars),
    }
  }

  #readRate(chars: number): number | undefined {
    if (this.#sample === undefined) return undefined
    const atMs = this.#clock.monotonicMs()
    const passedMs = atMs - this.#sample.atMs
    if (passedMs >= RATE_MS) {
      this.#rate = (tokensOfOutput(chars - this.#sample.chars) * 1000) / passedMs
      this.#sample = { atMs, chars }
    }
    return this.#rate
  }
}

const NOBODY: CallWatcher = { ended() {} }

/** @param watcher told of every call's failures and end; must not throw */
export function createLiveCalls(clock: Clock, watcher: CallWatcher = NOBODY): LiveCalls {
  const byOwner = new Map<string, OwnersCalls>()
  const keyOf = ({ orgId, userId }: Owner): string => `${orgId} ${userId}`

  function callsOf(owner: Owner): OwnersCalls {
    const key = keyOf(owner)
    const known = byOwner.get(key)
    if (known !== undefined) return known
    const none: OwnersCalls = { active: new Set(), recent: [] }
    byOwner.set(key, none)
    return none
  }

  return {
    begin: (plan, readOutputChars) =>
      new Entry(plan, readOutputChars, clock, callsOf(plan.intent.identity.caller), watcher),
    active: (owner) => [...(byOwner.get(keyOf(owner))?.active ?? [])].map((entry) => entry.read()),
    recent: (owner, limit) =>
      (byOwner.get(keyOf(owner))?.recent ?? []).toReversed().slice(0, limit),
    census: () =>
      censusOf(
        [...byOwner.values()].flatMap(({ active }) => [...active].map((entry) => entry.standing)),
      ),
  }
}
