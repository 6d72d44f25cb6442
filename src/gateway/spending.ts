/**
 * The one gate in front of whatever costs: a call is admitted before its first upstream byte and
 * settled exactly once after its last.
 */

import type { CallUsage, Outcome } from '../budget/hold.ts'
import type { Amounts } from '../budget/metric.ts'
import type { Usage } from '../protocol/usage.ts'
import type { AnswerOutcome } from '../translate/answer.ts'
import type { CallIdentity } from './identity.ts'
import type { ResolvedModel } from './models.ts'

/** What the gate has to know to hold enough. */
export interface Intent {
  readonly identity: CallIdentity
  readonly responseId: string
  readonly resolved: ResolvedModel
  /** The request as it goes upstream: the bound on its input is read off it. */
  readonly body: string
  /** Output tokens the client or the configuration allows; undefined is the model's own maximum. */
  readonly maxOutputTokens: number | undefined
}

/** What happened to one attempt, for the settle table. */
export interface AttemptFacts {
  readonly phase: 'unsent' | 'sent' | 'rejected' | 'accepted'
  readonly outcome: AnswerOutcome | undefined
  readonly outputChars: number
  /** From the request's first byte to the end, in milliseconds. */
  readonly upstreamMs: number
  /** When the first piece of the answer came, on the monotonic clock; for the trace alone. */
  readonly firstByteAtMs?: number | undefined
  /** Whether the bridge stopped it at a limit; for the trace alone. */
  readonly isCut?: boolean
  /** On the monotonic clock; undefined where no output came. */
  readonly firstTokenAtMs?: number | undefined
  /** When the answer was whole but for its usage, or broken off. */
  readonly outputEndedAtMs?: number | undefined
}

/** What an attempt was charged. */
export interface Charge {
  readonly amounts: Amounts
  readonly outcome: Outcome
  readonly usage: CallUsage
}

export interface Settlement {
  /** Undefined where it cost nothing. One that the store has yet to write counts. */
  readonly charge: Charge | undefined
  /** What to show as usage where the upstream sent none and the model's config wants an estimate. */
  readonly estimate: Usage | undefined
}

/** One attempt's hold. */
export interface Hold {
  /** What it holds at this moment. */
  readonly held: Amounts
  /** Null for a call that opted out of sessions. */
  readonly sessionId: string | null
  /** Clamp for the upstream's own output limit, in tokens; undefined leaves the request's. */
  readonly maxOutputTokens: number | undefined
  /** `x-synth-*` headers of the answer. */
  readonly headers: Readonly<Record<string, string>>
  /** The request is about to leave. */
  sent(): void
  /**
   * Output so far, in characters; cheap, called once per upstream read. Asks for more room in the
   * background and calls the admission's `onExhausted` when there is none.
   */
  meter(outputChars: number): void
  /** Resolves the hold, durably. At most once. */
  settle(facts: AttemptFacts): Promise<Settlement>
}

export interface Spending {
  /**
   * @param onExhausted the limit was reached while the answer ran; the metadata names it.
   * @param signal aborted when the client has gone: a wait for room then ends.
   * @throws {BridgeError} session_cost_limit and its like: nothing may be sent.
   */
  admit(
    intent: Intent,
    onExhausted: (metadata: Readonly<Record<string, string>>) => void,
    signal: AbortSignal,
  ): Promise<Hold>
}
