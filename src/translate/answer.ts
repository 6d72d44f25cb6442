/**
 * An upstream's answer on its way to a client: what the gateway pushes into, whichever wires are on
 * either side. Pure and synchronous; the text it produces goes to the `write` it was made with.
 *
 * ```
 *   open ──message──▶ open ──[DONE] or finish, usage unknown──▶ lingering ──usage | ended──▶ finished
 *     └──fail | cut | ended──────────────────────────────────────────────────────────────────▶ finished
 *                                                                     finished ──conclude──▶ concluded
 * ```
 *
 * The step between `finished` and `concluded` is where the gateway settles the call: no terminal
 * event leaves before the spend is durable.
 */
import type { BridgeError } from '../errors.ts'
import type { Usage } from '../protocol/usage.ts'

export type AnswerPhase = 'open' | 'lingering' | 'finished' | 'concluded'

export interface AnswerOutcome {
  readonly status: 'completed' | 'incomplete' | 'failed'
  /** Undefined when the upstream sent none, or sent something that is not a usage. */
  readonly usage: Usage | undefined
  /** Why it failed; set exactly when `status` is `failed`. */
  readonly error: BridgeError | undefined
}

export interface Answer {
  readonly phase: AnswerPhase
  /** Set from `finished` on. */
  readonly outcome: AnswerOutcome | undefined
  /** UTF-16 units of generated text, reasoning and arguments seen so far; what the budget meters. */
  readonly outputChars: number

  /** The upstream accepted, or took too long to: the client's stream opens. Idempotent. */
  open(): void
  /** One server-sent message of the upstream. Bad ones fail the answer. */
  message(data: string, event: string | undefined): void
  /** A whole JSON body, for an upstream that does not stream. Finishes the answer. */
  body(json: unknown): void
  /** The upstream's body ended. */
  ended(): void
  /** It broke. Ignored once finished. */
  fail(error: BridgeError): void
  /** The bridge itself stops it at a limit; `metadata` says which. Ignored once finished. */
  cut(metadata: Readonly<Record<string, string>>): void
  /** A sign of life for a client that has heard nothing for a while. Ignored once finished. */
  keepalive(): void
  /** Sends the terminal event. `usage` fills in what the upstream left out (an estimate). Once. */
  conclude(usage?: Usage): void
}
