/** The kinds of value that several sections of the configuration share. */
import { z } from 'zod'
import { type DecimalText, decimalPlaces, parseDecimal } from './decimal.ts'

/** Dollars beyond this overflow a 64-bit count of nano-dollars in a database. */
const MAX_WHOLE_DIGITS = 9

/** An amount of at least 0 as its exact digits; written as an integer, a decimal or a string. */
function amount(unit: string, maxPlaces: number) {
  const kind = `must be ${unit} of at least 0, as in 5 or "0.15"`
  return z
    .union([z.string(), z.number()], { error: kind })
    .transform((written, context): DecimalText => {
      const decimal = parseDecimal(String(written))
      const fault = decimal === undefined ? kind : faultOf(decimal, maxPlaces)
      if (decimal !== undefined && fault === undefined) return decimal
      context.addIssue({ code: 'custom', message: fault ?? kind })
      return z.NEVER
    })
}

function faultOf(decimal: DecimalText, maxPlaces: number): string | undefined {
  if (decimalPlaces(decimal) > maxPlaces) {
    return `must have at most ${maxPlaces} digits after the point`
  }
  const wholeDigits = decimal.split('.')[0] ?? ''
  return wholeDigits.length > MAX_WHOLE_DIGITS
    ? `must be below ${10 ** MAX_WHOLE_DIGITS}`
    : undefined
}

/** A nano-dollar is the least that the ledger counts. */
export const UsdSchema = amount('an amount in USD', 9)
/** Nine places of a price for a million tokens are less than a nano-dollar a token. */
export const PriceSchema = amount('USD per million tokens', 9)
export const QuantitySchema = amount('a number', 9)

/** The longest that a timer of the runtime can wait, about 24 days. */
const MAX_TIMER_MS = 2_147_483_647
export const TimeoutMsSchema = z.int().min(1).max(MAX_TIMER_MS)
export const WaitMsSchema = z.int().min(0).max(MAX_TIMER_MS)

const SECRET_START = /^(?:sk|gsk|xai|pk|hf|key|tok|ghp|r8|csk|AIza)[-_]/

/** Says nothing of the value: whoever gets this wrong has often put the key itself there. */
export const EnvironmentNameSchema = z
  .string()
  .refine((name) => /^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name) && !SECRET_START.test(name), {
    error: 'must be the name of an environment variable, as in "LOCAL_API_KEY", never a key itself',
  })

export const UuidSchema = z.guid({ error: 'must be a UUID' })
