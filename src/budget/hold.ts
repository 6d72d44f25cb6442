/**
 * A hold: what one call may cost at most, kept aside before anything is sent upstream.
 *
 * ```
 *   reserve ─▶ held ──markSent──▶ sent ──settle──▶ settled      spent += charged
 *               │                  │ └───void────▶ voided       spent unchanged
 *               └──────void────────┴─────────────▶ voided
 * ```
 *
 * It leaves `held`/`sent` at most once; everything that arrives later finds it resolved.
 */
import type { Amounts } from './metric.ts'

/**
 * `exact`: the upstream said what it used. `estimated`: it did not; charged by what was seen, never
 * above the hold. `orphaned`: the bridge that ran the call died.
 */
export type Outcome = 'exact' | 'estimated' | 'orphaned'

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }
export type JsonObject = { readonly [key: string]: JsonValue }

/** Whose call it is. */
export interface Owner {
  readonly orgId: string
  readonly userId: string
}

/** What is known of a call before it runs; it goes into the usage record whatever happens. */
export interface CallFacts extends Owner {
  readonly requestId: string
  readonly apiKeyId: string | null
  readonly model: string
  readonly clientRequestId: string | null
  /** Further metadata of the usage record (`upstream`, `attempt`, …). */
  readonly details: JsonObject
}

export interface HoldBase {
  readonly holdId: string
  /** The running bridge that owns it: when that one dies, others settle it. */
  readonly instanceId: string
  /** Null for a call that opted out of sessions. */
  readonly sessionId: string | null
  /** Every account the amounts are held in: the session's, the key's, both or none. */
  readonly accountIds: readonly string[]
  readonly held: Amounts
  readonly call: CallFacts
  readonly createdAtMs: number
}

export type HeldHold = HoldBase & { readonly state: 'held' }
export type SentHold = HoldBase & {
  readonly state: 'sent'
  /** What the call is charged if nothing more is heard of it; null: all that is held. */
  readonly ifOrphaned: Amounts | null
}
export type SettledHold = HoldBase & {
  readonly state: 'settled'
  readonly outcome: Outcome
  readonly charged: Amounts
  readonly resolvedAtMs: number
}
export type VoidedHold = HoldBase & { readonly state: 'voided'; readonly resolvedAtMs: number }

export type OpenHold = HeldHold | SentHold
export type Hold = OpenHold | SettledHold | VoidedHold

/** The hold without what belongs to its present state. */
export function baseOf(hold: Hold): HoldBase {
  const { holdId, instanceId, sessionId, accountIds, held, call, createdAtMs } = hold
  return { holdId, instanceId, sessionId, accountIds, held, call, createdAtMs }
}

export function isOpen(hold: Hold): hold is OpenHold {
  return hold.state === 'held' || hold.state === 'sent'
}

/** What a call used in the end. Token counts are null where the upstream did not say. */
export interface CallUsage {
  readonly responseId: string | null
  readonly inputTokens: number | null
  readonly cachedInputTokens: number | null
  readonly outputTokens: number | null
  /** Further metadata of the usage record. */
  readonly details: JsonObject
}

export const UNKNOWN_USAGE: CallUsage = {
  responseId: null,
  inputTokens: null,
  cachedInputTokens: null,
  outputTokens: null,
  details: {},
}

/** One settled call as the history keeps it; shown as one usage record per metric. */
export interface CallRecord {
  /** A UUID. */
  readonly recordId: string
  readonly holdId: string
  readonly sessionId: string | null
  readonly call: CallFacts
  readonly usage: CallUsage
  readonly charged: Amounts
  readonly outcome: Outcome
  /** The upstream billed more than was held. */
  readonly overrun: boolean
  /** It adds to an earlier record of the same hold, which had been settled too low. */
  readonly correction: boolean
  readonly createdAtMs: number
}
