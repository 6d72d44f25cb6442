/**
 * US dollars as whole nano-dollars, and prices as whole nano-dollars per million tokens. Reads decimals
 * exactly and writes them exactly; no value passes through a float on its way.
 *
 * ```
 *   "0.05"  an amount           50_000_000 nano-USD
 *   "1.25"  $ per million       1_250_000_000 nano-USD per million tokens = 1_250 nano-USD a token
 *   "0.00045"                   450_000: less than a nano-USD a token, and still exact
 * ```
 */

import { MAX_AMOUNT } from './metric.ts'

declare const unit: unique symbol

/** 10⁻⁹ US dollars. */
export type NanoUsd = bigint & { readonly [unit]: 'nano-usd' }

/** 10⁻⁹ US dollars per million tokens, which is 10⁻¹⁵ dollars a token. */
export type NanoUsdPerMillion = bigint & { readonly [unit]: 'nano-usd-per-million' }

// A brand exists for the compiler alone, so that an amount and a price cannot be swapped: these two
// casts are where it is put on.
export const nanoUsd = (amount: bigint): NanoUsd => amount as NanoUsd
export const nanoUsdPerMillion = (rate: bigint): NanoUsdPerMillion => rate as NanoUsdPerMillion

/** What a configuration file or a JSON body may hold for an amount. */
export type DecimalInput = string | number | bigint

export type ParsedMoney<T> =
  | { readonly ok: true; readonly value: T }
  /** `reason` completes a sentence that names the key: `limit_cost_usd <reason>`. */
  | { readonly ok: false; readonly reason: string }

export const PLACES = 9
const NANO_PER_USD = 10n ** BigInt(PLACES)
const NANO_PER_CENT = NANO_PER_USD / 100n

/** $4.6 billion: half of what a signed 64-bit column holds, so that a sum of two still fits one. */
export const MAX_NANO_USD = MAX_AMOUNT

// Bounded repeats: the exponent cannot ask for a billion zeros.
const DECIMAL = /^(\d{1,40})(?:\.(\d{1,60}))?(?:[eE]([+-]?\d{1,3}))?$/

/** An amount of US dollars, not negative, of at most nine decimal places. */
export function parseUsd(input: DecimalInput): ParsedMoney<NanoUsd> {
  const parsed = parseBillionths(input)
  return parsed.ok ? { ok: true, value: nanoUsd(parsed.value) } : parsed
}

/** A price in US dollars per million tokens, not negative, of at most nine decimal places. */
export function parseUsdPerMillion(input: DecimalInput): ParsedMoney<NanoUsdPerMillion> {
  const parsed = parseBillionths(input)
  return parsed.ok ? { ok: true, value: nanoUsdPerMillion(parsed.value) } : parsed
}

/**
 * A number is read by the shortest decimal that names it, which is what its author wrote: 0.1 is one
 * tenth here, not 0.1000000000000000055511151231257827.
 */
function parseBillionths(input: DecimalInput): ParsedMoney<bigint> {
  const text = typeof input === 'string' ? input.trim() : String(input)
  const match = DECIMAL.exec(text)
  if (match === null) return refuse(text, 'is not a decimal such as 20 or "0.05"')
  const [, whole = '', fraction = '', exponent = '0'] = match
  const digits = BigInt(whole + fraction)
  if (digits === 0n) return { ok: true, value: 0n }
  const shift = PLACES - fraction.length + Number(exponent)
  if (shift >= 0) return withinRange(text, digits * 10n ** BigInt(shift))
  const divisor = 10n ** BigInt(-shift)
  if (digits % divisor !== 0n) return refuse(text, `has more than ${PLACES} decimal places`)
  return withinRange(text, digits / divisor)
}

const withinRange = (text: string, value: bigint): ParsedMoney<bigint> =>
  value > MAX_NANO_USD ? refuse(text, 'is more than can be counted') : { ok: true, value }

const refuse = (text: string, what: string): ParsedMoney<never> => ({
  ok: false,
  reason: `${JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)} ${what}`,
})

/** A plain decimal of as many places as it needs, at most nine: `0.0012`, `20`, `-0.5`. */
export function formatUsd(amount: NanoUsd | NanoUsdPerMillion): string {
  return formatBillionths(amount)
}

/** The same of anything that is counted in 10⁻⁹ of its unit. */
export function formatBillionths(amount: bigint): string {
  const isNegative = amount < 0n
  const digits = (isNegative ? -amount : amount).toString().padStart(PLACES + 1, '0')
  const fraction = digits.slice(-PLACES).replace(/0+$/, '')
  const whole = digits.slice(0, -PLACES)
  return `${isNegative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`
}

/**
 * What a person reads: `$19.98`, `$0.0012`. Cents from ten cents on; below, two digits that say
 * something. What is spent is rounded `up` and what is left `down`, so that nobody is promised more
 * than there is; a limit is shown `exact`.
 */
export function formatDollars(amount: NanoUsd, rounding: 'up' | 'down' | 'exact'): string {
  const step = rounding === 'exact' ? 1n : displayStep(amount)
  const steps = rounding === 'up' ? ceilDivide(amount, step) : amount / step
  const [whole = '0', fraction = ''] = formatUsd(nanoUsd(steps * step)).split('.')
  return `$${whole}.${fraction.padEnd(2, '0')}`
}

/** The largest power of ten that still shows two digits of the amount, a cent at most. */
function displayStep(amount: bigint): bigint {
  let step = NANO_PER_CENT
  while (step > 1n && amount < step * 10n) step /= 10n
  return step
}

/** `dividend / divisor` rounded up. Both not negative. */
export function ceilDivide(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor
}
