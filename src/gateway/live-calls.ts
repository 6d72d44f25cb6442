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
import { type Amounts, add, NOTHING } from '../budget/metric.ts'
import type { ErrorCode } from '../errors.ts'
import type { Clock } from './ports.ts'
import type { Charge, Intent } from './spending.ts'

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

export type LivePhase = 'admission' | 'upstream' | 'answer'

export interface CallEnding {
  /** `refused`: by the bridge itself, before anything was sent. */
  readonly outcome: 'completed' | 'incomplete' | 'failed' | 'refused' | 'client_gone'
  /** HTTP status of the answer; null when the client had gone before it. */
  readonly status: number | null
  readonly errorCode: ErrorCode | null
}

interface CallName {
  readonly requestId: string
  readonly responseId: string
  readonly clientRequestId: string | undefined
  readonly model: string
  readonly upstream: string
  readonly startedAtMs: number
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

export interface RecentCall extends CallName, CallEnding {
  readonly sessionId: string | null
  readonly attempts: number
  readonly endedAtMs: number
  readonly durationMs: number
  /** Of all attempts together. */
  readonly charged: Amounts
  /** Of the last attempt that cost something. */
  readonly charge: Charge | undefined
}

/** One call's entry, as the gateway tells it. */
export interface LiveCall {
  /** Which session it turned out to be of; null for one that opted out. */
  belongsTo(sessionId: string | null): void
  admitted(): void
  answering(): void
  settled(charge: Charge | undefined): void
  /** The call as it would be if it ended like this now. */
  summary(ending: CallEnding): RecentCall
  /** Once. */
  end(ending: CallEnding): void
}

export interface LiveCalls {
  /** @param readOutputChars asked whenever somebody looks, never after `end` */
  begin(intent: Intent, readOutputChars: () => number): LiveCall
  /** Oldest first. */
  active(owner: Owner): ActiveCall[]
  /** Newest first, at most `limit` and what is kept. */
  recent(owner: Owner, limit: number): RecentCall[]
}

interface OwnersCalls {
  readonly active: Set<Entry>
  /** Oldest first. */
  readonly recent: RecentCall[]
}

class Entry implements LiveCall {
  readonly #name: CallName
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
    { identity, responseId, resolved }: Intent,
    readOutputChars: () => number,
    clock: Clock,
    calls: OwnersCalls,
  ) {
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
    this.#readOutputChars = readOutputChars
    this.#clock = clock
    this.#calls = calls
    calls.active.add(this)
  }

  belongsTo(sessionId: string | null): void {
    this.#sessionId = sessionId
  }

  admitted(): void {
    this.#phase = 'upstream'
    this.#attempts++
  }

  answering(): void {
    this.#phase = 'answer'
    this.#sample = { atMs: this.#clock.monotonicMs(), chars: this.#readOutputChars() }
  }

  settled(charge: Charge | undefined): void {
    if (this.#phase === 'upstream') this.#phase = 'admission'
    if (charge === undefined) return
    this.#charge = charge
    this.#charged = add(this.#charged, charge.amounts)
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

  end(ending: CallEnding): void {
    const { active, recent } = this.#calls
    active.delete(this)
    recent.push(this.summary(ending))
    if (recent.length > CALLS_KEPT) recent.shift()
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

export function createLiveCalls(clock: Clock): LiveCalls {
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
    begin: (intent, readOutputChars) =>
      new Entry(intent, readOutputChars, clock, callsOf(intent.identity.caller)),
    active: (owner) => [...(byOwner.get(keyOf(owner))?.active ?? [])].map((entry) => entry.read()),
    recent: (owner, limit) =>
      (byOwner.get(keyOf(owner))?.recent ?? []).toReversed().slice(0, limit),
  }
}
