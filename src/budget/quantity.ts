/**
 * Amounts as people and JSON write them: dollars and GPU-hours as exact decimals, tokens and calls as
 * whole numbers. Never goes through a float; `0.1 + 0.2` style noise cannot enter a limit.
 */
import { MAX_AMOUNT, type Metric } from './metric.ts'
import { formatBillionths, PLACES } from './money.ts'

export const GPU_MS_PER_HOUR = 3_600_000n
const SCALE = 10n ** BigInt(PLACES)

/**
 * A plain decimal string of at most nine places, in the metric's own unit. GPU-hours are rounded to
 * the nearest 10^-9 (a GPU-millisecond is 2.8 × 10^-7 of one); the others are exact.
 */
export function formatQuantity(metric: Metric, amount: bigint): string {
  switch (metric) {
    case 'tokens':
    case 'api_calls':
      return amount.toString()
    case 'cost_usd':
      return formatBillionths(amount)
    case 'gpu_hours':
      return formatBillionths((amount * SCALE + GPU_MS_PER_HOUR / 2n) / GPU_MS_PER_HOUR)
  }
}

/** `cost_usd` as a decimal string (no client may round it), the rest as JSON numbers. */
export function toJsonQuantity(metric: Metric, amount: bigint): string | number {
  const text = formatQuantity(metric, amount)
  if (metric === 'cost_usd') return text
  const number = Number(text)
  return Number.isInteger(number) && !Number.isSafeInteger(number) ? text : number
}

export type ParsedQuantity =
  | { readonly ok: true; readonly amount: bigint }
  | { readonly ok: false; readonly reason: string }

/** JSON.stringify writes small and large numbers with an exponent; both spellings are the same number. */
const DECIMAL = /^\+?(\d{1,30})(?:\.(\d{0,60}))?(?:[eE]([+-]?\d{1,2}))?$/

/**
 * Reads a limit or a raise. What is finer than the unit is cut off, which is the strict side for a
 * limit; what is not above zero then, or no decimal, or too large, is refused.
 */
export function parseQuantity(metric: Metric, value: string | number): ParsedQuantity {
  const text = typeof value === 'number' ? String(value) : value.trim()
  const match = DECIMAL.exec(text)
  if (match === null) {
    return { ok: false, reason: `"${shorten(text)}" is not a number above 0, such as 20 or "0.05"` }
  }
  const [, whole = '', fraction = '', exponent = '0'] = match
  const numerator = BigInt(whole + fraction) * unitsIn(metric)
  const places = fraction.length - Number(exponent)
  const amount =
    places >= 0 ? numerator / 10n ** BigInt(places) : numerator * 10n ** BigInt(-places)
  if (amount <= 0n) {
    return { ok: false, reason: `"${shorten(text)}" is less than the smallest ${SMALLEST[metric]}` }
  }
  if (amount > MAX_AMOUNT) {
    return { ok: false, reason: `"${shorten(text)}" is more than can be counted` }
  }
  return { ok: true, amount }
}

const SMALLEST: Readonly<Record<Metric, string>> = {
  tokens: 'amount, 1 token',
  cost_usd: 'amount, 0.000000001 USD',
  gpu_hours: 'amount, one GPU-millisecond',
  api_calls: 'amount, 1 call',
}

function unitsIn(metric: Metric): bigint {
  switch (metric) {
    case 'tokens':
    case 'api_calls':
      return 1n
    case 'cost_usd':
      return SCALE
    case 'gpu_hours':
      return GPU_MS_PER_HOUR
  }
}

const shorten = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text)
