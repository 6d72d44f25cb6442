/**
 * Decimal amounts as text. Money is never a float here: `0.1` stays the two characters after the
 * point that somebody wrote, and the budget turns them into integers.
 */

/** Plain decimal digits, as `parseDecimal` returns them. */
export type DecimalText = string

const DECIMAL = /^\+?(\d+(?:_\d+)*)(?:\.(\d+(?:_\d+)*))?(?:[eE]([+-]?\d{1,3}))?$/
/** Far beyond any amount, far below what would fill the memory with zeros. */
const MAX_EXPONENT = 40

/**
 * The amount as plain digits, no sign, no exponent, no needless zeros (`"1_000.50"` and `1.0005e3`
 * are `1000.5`); undefined for what is no decimal number of at least 0.
 */
export function parseDecimal(text: string): DecimalText | undefined {
  const match = DECIMAL.exec(text.trim())
  if (match === null) return undefined
  const whole = (match[1] ?? '').replaceAll('_', '')
  const fraction = (match[2] ?? '').replaceAll('_', '')
  const exponent = Number(match[3] ?? 0)
  if (Math.abs(exponent) > MAX_EXPONENT) return undefined

  // The point moves through the digits: 12.5e-3 is "125" with the point 2 - 3 = -1 from its start.
  const digits = whole + fraction
  const point = whole.length + exponent
  const padded = point <= 0 ? '0'.repeat(1 - point) + digits : digits.padEnd(point, '0')
  const split = Math.max(point, 1)
  const integer = padded.slice(0, split).replace(/^0+(?=\d)/, '')
  const rest = padded.slice(split).replace(/0+$/, '')
  return rest === '' ? integer : `${integer}.${rest}`
}

/** Digits after the point. */
export function decimalPlaces(decimal: DecimalText): number {
  const point = decimal.indexOf('.')
  return point < 0 ? 0 : decimal.length - point - 1
}
