/**
 * One limit of an account: what it allows, and how much of it is used. A rolling window counts spend
 * in buckets of 1/64 of the window: a bucket counts in full until its end has left the window, so
 * spend leaves up to 1/64 of the window late, never early.
 *
 * ```
 *   window of 64 s, now = 100 s         in it: everything after 36 s
 *   bucket [35 s, 36 s) 5 tokens        left: its end is not after 36 s
 *   bucket [36 s, 37 s) 3 tokens        counts until 101 s, the 3 of 36.0 s included
 * ```
 */
import { lesser, MAX_AMOUNT, type Metric } from './metric.ts'

/** Spend of one stretch of time; `endMs` is exclusive. */
export interface Bucket {
  readonly startMs: number
  readonly endMs: number
  readonly spent: bigint
}

/** What whoever sets a limit says about it. */
export interface LimitTerms {
  readonly metric: Metric
  /** Above 0, in the metric's unit. */
  readonly value: bigint
  /** A share of the limit (0.8) or a percentage (80) from which answers carry a warning. */
  readonly warningThreshold: number | null
  /** From then on the limit no longer counts. */
  readonly expiresAtMs: number | null
  readonly kind:
    | { readonly type: 'hard' }
    /** Refuses nothing; only warns. */
    | { readonly type: 'soft' }
    | { readonly type: 'rolling_window'; readonly windowMs: number }
}

export interface Limit extends LimitTerms {
  readonly limitId: string
  readonly createdAtMs: number
  /** Set when a call was refused because of it, or a soft one was reached; a raise clears it. */
  readonly exceededAtMs: number | null
  readonly exceededReason: string | null
  /** Empty for limits without a window. */
  readonly buckets: readonly Bucket[]
}

const BUCKETS_PER_WINDOW = 64

export function createLimit(terms: LimitTerms, limitId: string, nowMs: number): Limit {
  return {
    ...terms,
    limitId,
    createdAtMs: nowMs,
    exceededAtMs: null,
    exceededReason: null,
    buckets: [],
  }
}

export function isInForce(limit: Limit, nowMs: number): boolean {
  return limit.expiresAtMs === null || limit.expiresAtMs > nowMs
}

/** Whether it refuses calls: a soft limit does not, nor one that has run out. */
export function isEnforced(limit: Limit, nowMs: number): boolean {
  return limit.kind.type !== 'soft' && isInForce(limit, nowMs)
}

/** How much of the limit is used; `spentEver` is the account's whole spend of the metric. */
export function usedOf(limit: Limit, spentEver: bigint, nowMs: number): bigint {
  if (limit.kind.type !== 'rolling_window') return spentEver
  const windowStartMs = nowMs - limit.kind.windowMs
  let used = 0n
  for (const bucket of limit.buckets) if (bucket.endMs > windowStartMs) used += bucket.spent
  return used
}

/** The limit with `amount` spent now. Buckets older than two windows are dropped: a clock set back by less finds them again. */
export function recordSpend(limit: Limit, amount: bigint, nowMs: number): Limit {
  if (limit.kind.type !== 'rolling_window' || amount === 0n) return limit
  const { windowMs } = limit.kind
  const widthMs = Math.max(1, Math.ceil(windowMs / BUCKETS_PER_WINDOW))
  const startMs = Math.floor(nowMs / widthMs) * widthMs
  const kept = limit.buckets.filter((bucket) => bucket.endMs > nowMs - 2 * windowMs)
  const index = kept.findIndex((bucket) => bucket.startMs === startMs)
  const existing = kept[index]
  if (existing === undefined) {
    kept.push({ startMs, endMs: startMs + widthMs, spent: amount })
  } else {
    kept[index] = {
      startMs,
      // A window made shorter by a raise or a new configuration must not let old spend go sooner.
      endMs: Math.max(existing.endMs, startMs + widthMs),
      spent: lesser(existing.spent + amount, MAX_AMOUNT),
    }
  }
  return { ...limit, buckets: kept }
}

/** The same limit under new terms, with what it has counted so far. */
export function withTerms(limit: Limit, terms: LimitTerms): Limit {
  return { ...limit, ...terms }
}

/** Whether `used` has come to the share of the limit from which it warns; a soft limit without one warns when reached. */
export function isWarning(limit: Limit, used: bigint): boolean {
  const threshold = limit.warningThreshold ?? (limit.kind.type === 'soft' ? 1 : null)
  if (threshold === null) return false
  const millionths = BigInt(Math.round((threshold <= 1 ? threshold : threshold / 100) * 1e6))
  return used * 1_000_000n >= limit.value * millionths
}
