/** Amounts, times and ids of the bridge's answers, as people read them. Exact: through no float. */
import { formatBillionths, formatDollars, nanoUsd, parseUsd } from '../../budget/money.ts'
import { toVisible } from '../visible.ts'
import type { LimitAnswer, SessionAnswer } from './api-schemas.ts'

type Quantity = string | number

const LABELS: Readonly<Record<string, string>> = {
  cost_usd: 'cost',
  tokens: 'tokens',
  gpu_hours: 'GPU hours',
  api_calls: 'calls',
}

export const labelOf = (metric: string): string => LABELS[metric] ?? toVisible(metric)

/** In 10⁻⁹ of the metric's unit; 0 for what is no amount. */
function billionthsOf(quantity: Quantity): bigint {
  const parsed = parseUsd(quantity)
  return parsed.ok ? parsed.value : 0n
}

/**
 * `$0.0012`, `12,345`, `1.5`. What is spent is rounded up and what is left down, to what says
 * something; a limit is exact.
 */
export function amountText(
  metric: string,
  quantity: Quantity,
  rounding: 'up' | 'down' | 'exact',
): string {
  if (metric === 'cost_usd') {
    const nano = billionthsOf(quantity)
    return nano === 0n ? '$0.00' : formatDollars(nanoUsd(nano), rounding)
  }
  if (metric === 'gpu_hours') return String(Number(Number(quantity).toFixed(4)))
  return /^\d+$/.test(String(quantity))
    ? BigInt(quantity).toLocaleString('en-US')
    : toVisible(String(quantity))
}

/** `1 call`, `1,042 calls`. */
export const countText = (count: Quantity, noun: string): string =>
  `${amountText('api_calls', count, 'exact')} ${noun}${Number(count) === 1 ? '' : 's'}`

/** What is left of a limit, never below nothing. */
export function leftText({ metric_type, limit_value, current_usage }: LimitAnswer): string {
  const left = billionthsOf(limit_value) - billionthsOf(current_usage)
  return amountText(metric_type, formatBillionths(left > 0n ? left : 0n), 'down')
}

export const shareOf = (part: Quantity, whole: Quantity): number =>
  Number(whole) > 0 ? Number(part) / Number(whole) : 0

/** Begins every id of the owner, and is enough for `session show`. */
export const shortId = (id: string): string => toVisible(id.slice(0, 13))

const MINUTE_S = 60
const HOUR_S = 60 * MINUTE_S
const DAY_S = 24 * HOUR_S

/** `3ms`, `1.4s`, `12s`, `3m 20s`, `2h 5m`, `4d 3h`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 1) return `${Math.round(seconds * 1000)}ms`
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`
  const total = Math.round(seconds)
  if (total < MINUTE_S) return `${total}s`
  const pair = (large: number, largeUnit: string, small: number, smallUnit: string): string => {
    const rest = Math.floor((total % large) / small)
    return `${Math.floor(total / large)}${largeUnit}${rest === 0 ? '' : ` ${rest}${smallUnit}`}`
  }
  if (total < HOUR_S) return pair(MINUTE_S, 'm', 1, 's')
  if (total < DAY_S) return pair(HOUR_S, 'h', MINUTE_S, 'm')
  return pair(DAY_S, 'd', HOUR_S, 'h')
}

/** `3m 20s ago`; `in 2h` for what is to come. */
export function distanceText(iso: string, nowMs: number): string {
  const ms = Date.parse(iso)
  if (Number.isNaN(ms)) return toVisible(iso)
  const seconds = Math.round((nowMs - ms) / 1000)
  if (seconds === 0) return 'now'
  const text = durationText(Math.max(10_000, Math.abs(seconds) * 1000))
  const exact = Math.abs(seconds) < 10 ? `${Math.abs(seconds)}s` : text
  return seconds > 0 ? `${exact} ago` : `in ${exact}`
}

/** `cost`, `cost / 1d`, `cost (soft)`. */
export function limitLabel({ metric_type, limit_type, window_seconds }: LimitAnswer): string {
  const label = labelOf(metric_type)
  if (limit_type === 'soft') return `${label} (soft)`
  return window_seconds === null ? label : `${label} / ${windowText(window_seconds)}`
}

const windowText = (seconds: number): string =>
  seconds < 10 ? `${seconds}s` : durationText(seconds * 1000)

/** `$0.0123 of $20.00`: the dollars of a session, against the limit that is nearest to its end. */
export function spentText(session: SessionAnswer): string {
  const [nearest] = session.limits
    .filter(({ metric_type, limit_type }) => metric_type === 'cost_usd' && limit_type !== 'soft')
    .toSorted(
      (left, right) =>
        shareOf(right.current_usage, right.limit_value) -
        shareOf(left.current_usage, left.limit_value),
    )
  const spent = nearest?.current_usage ?? session.current_usage.cost_usd
  const text = amountText('cost_usd', spent, 'up')
  if (nearest === undefined) return text
  return `${text} of ${amountText('cost_usd', nearest.limit_value, 'exact')}`
}
