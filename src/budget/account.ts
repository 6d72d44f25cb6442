/**
 * An account: what was spent, what is held for running calls, and the limits on both. One per session,
 * and one per API key that has a ceiling. Everything here is a value; the rules that move amounts are
 * in `ledger.ts`.
 */
import { isEnforced, isInForce, isWarning, type Limit, recordSpend, usedOf } from './limit.ts'
import { type Amounts, add, METRICS, type Metric, NOTHING } from './metric.ts'
import { formatQuantity } from './quantity.ts'

/** `limit_exceeded`: a call was refused by what is spent. The others are the session's own life. */
export type AccountStatus = 'active' | 'limit_exceeded' | 'ended' | 'expired'

export interface Account {
  /** A session's id, or `key:` and a key's id. */
  readonly accountId: string
  /** Always `active` for a key's ceiling. */
  readonly status: AccountStatus
  readonly expiresAtMs: number | null
  readonly spent: Amounts
  readonly reserved: Amounts
  readonly limits: readonly Limit[]
}

/** Why a call does not fit. */
export interface Refusal {
  readonly accountId: string
  readonly scope: 'session' | 'key'
  readonly limitId: string
  readonly limitType: Limit['kind']['type']
  readonly metric: Metric
  readonly limit: bigint
  /** Spent within the limit (its window), and held by running calls. */
  readonly spent: bigint
  readonly reserved: bigint
  /** The least that was asked for. */
  readonly requested: bigint
  /**
   * `used_up`: what is spent leaves no room, whoever else is running. `held_by_others`: it would fit
   * if calls that are running used less than they hold, so waiting can help.
   */
  readonly cause: 'used_up' | 'held_by_others'
}

export interface LimitWarning {
  readonly accountId: string
  readonly limitId: string
  readonly limitType: Limit['kind']['type']
  readonly metric: Metric
  readonly limit: bigint
  readonly spent: bigint
  /** True for the operation that crossed the threshold, false for those after it. */
  readonly crossed: boolean
}

const KEY_PREFIX = 'key:'

export const keyAccountId = (keyId: string): string => `${KEY_PREFIX}${keyId}`

export function openAccount(
  accountId: string,
  limits: readonly Limit[],
  expiresAtMs: number | null = null,
): Account {
  return {
    accountId,
    status: 'active',
    expiresAtMs,
    spent: NOTHING,
    reserved: NOTHING,
    limits,
  }
}

/** The account as it stands now: one whose time has come has expired. */
export function expireIfDue(account: Account, nowMs: number): Account {
  const isOpen = account.status === 'active' || account.status === 'limit_exceeded'
  const isDue = account.expiresAtMs !== null && account.expiresAtMs <= nowMs
  return isOpen && isDue ? { ...account, status: 'expired' } : account
}

export interface Demand {
  /** Metrics of which less than this makes no sense. */
  readonly atLeast: Amounts
  /** What the asking call already holds; only a top-up has any. */
  readonly ownHold: Amounts
}

/** The first limit that keeps the demand out; one that is used up goes before one that is only held. */
export function refuse(account: Account, demand: Demand, nowMs: number): Refusal | null {
  let heldByOthers: Refusal | null = null
  for (const metric of METRICS) {
    const requested = demand.atLeast[metric]
    if (requested === 0n) continue
    for (const limit of account.limits) {
      if (limit.metric !== metric || !isEnforced(limit, nowMs)) continue
      const spent = usedOf(limit, account.spent[metric], nowMs)
      const reserved = account.reserved[metric]
      if (spent + reserved + requested <= limit.value) continue
      const fitsAlone = spent + demand.ownHold[metric] + requested <= limit.value
      const refusal = describe(account, limit, spent, requested, fitsAlone)
      if (!fitsAlone) return refusal
      heldByOthers ??= refusal
    }
  }
  return heldByOthers
}

/** A hard limit that has refused a call before: it refuses all of them until it is raised. */
export function refuseExceeded(account: Account, atLeast: Amounts, nowMs: number): Refusal | null {
  for (const limit of account.limits) {
    if (limit.kind.type !== 'hard' || limit.exceededAtMs === null) continue
    if (!isEnforced(limit, nowMs)) continue
    const spent = usedOf(limit, account.spent[limit.metric], nowMs)
    return describe(account, limit, spent, atLeast[limit.metric], false)
  }
  return null
}

function describe(
  account: Account,
  limit: Limit,
  spent: bigint,
  requested: bigint,
  fitsAlone: boolean,
): Refusal {
  return {
    accountId: account.accountId,
    scope: account.accountId.startsWith(KEY_PREFIX) ? 'key' : 'session',
    limitId: limit.limitId,
    limitType: limit.kind.type,
    metric: limit.metric,
    limit: limit.value,
    spent,
    reserved: account.reserved[limit.metric],
    requested,
    cause: fitsAlone ? 'held_by_others' : 'used_up',
  }
}

/** What fits beside everything spent and held; undefined where no limit of the metric is enforced. */
export function roomFor(account: Account, metric: Metric, nowMs: number): bigint | undefined {
  let room: bigint | undefined
  for (const limit of account.limits) {
    if (limit.metric !== metric || !isEnforced(limit, nowMs)) continue
    const used = usedOf(limit, account.spent[metric], nowMs) + account.reserved[metric]
    const left = limit.value > used ? limit.value - used : 0n
    if (room === undefined || left < room) room = left
  }
  return room
}

/** The account after spending; its windows know when, its soft limits whether they are reached. */
export function spend(account: Account, spent: Amounts, nowMs: number): Account {
  const total = add(account.spent, spent)
  return {
    ...account,
    spent: total,
    limits: account.limits.map((limit) => {
      const counted = recordSpend(limit, spent[limit.metric], nowMs)
      if (limit.kind.type !== 'soft' || limit.exceededAtMs !== null) return counted
      if (total[limit.metric] < limit.value) return counted
      return { ...counted, exceededAtMs: nowMs, exceededReason: reachedText(limit, total) }
    }),
  }
}

const reachedText = (limit: Limit, total: Amounts): string =>
  `${limit.metric} reached ${formatQuantity(limit.metric, total[limit.metric])} of ${formatQuantity(limit.metric, limit.value)}`

/** The session's account once a refusal by what is spent has been answered. */
export function markExceeded(account: Account, refusal: Refusal, nowMs: number): Account {
  const reason =
    `${refusal.metric} limit of ${formatQuantity(refusal.metric, refusal.limit)} reached: ` +
    `${formatQuantity(refusal.metric, refusal.spent)} spent, ` +
    `the next call needs at least ${formatQuantity(refusal.metric, refusal.requested)}`
  return {
    ...account,
    status: 'limit_exceeded',
    limits: account.limits.map((limit) =>
      limit.limitId === refusal.limitId && limit.exceededAtMs === null
        ? { ...limit, exceededAtMs: nowMs, exceededReason: reason }
        : limit,
    ),
  }
}

/** Whether a limit that refuses is still marked as exceeded. */
const isHeldBack = (limit: Limit): boolean =>
  limit.exceededAtMs !== null && limit.kind.type !== 'soft'

/** After a raise, or when a window has moved on: active again unless another limit is still exceeded. */
export function clearExceeded(account: Account, limitIds: ReadonlySet<string>): Account {
  const limits = account.limits.map((limit) =>
    limit.exceededAtMs !== null && limitIds.has(limit.limitId)
      ? { ...limit, exceededAtMs: null, exceededReason: null }
      : limit,
  )
  const status =
    account.status === 'limit_exceeded' && !limits.some(isHeldBack) ? 'active' : account.status
  return { ...account, status, limits }
}

export function warningsOf(before: Account, after: Account, nowMs: number): LimitWarning[] {
  const warnings: LimitWarning[] = []
  for (const limit of after.limits) {
    if (!isInForce(limit, nowMs)) continue
    const spent = usedOf(limit, after.spent[limit.metric], nowMs)
    if (!isWarning(limit, spent)) continue
    const earlier = before.limits.find((candidate) => candidate.limitId === limit.limitId)
    const spentBefore =
      earlier === undefined ? spent : usedOf(earlier, before.spent[limit.metric], nowMs)
    warnings.push({
      accountId: after.accountId,
      limitId: limit.limitId,
      limitType: limit.kind.type,
      metric: limit.metric,
      limit: limit.value,
      spent,
      crossed: !isWarning(limit, spentBefore),
    })
  }
  return warnings
}
