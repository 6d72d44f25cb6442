/**
 * Where a model's price comes from, in this order: the configuration; free, on an upstream of this
 * machine; the bundled list; nowhere, and then the line that would say it.
 */
import { type DecimalInput, type NanoUsdPerMillion, parseUsdPerMillion } from './money.ts'
import { createPrice, type Price, type RatesInput } from './price.ts'

/** A price as the configuration has it: decimal strings, USD per million tokens. */
export interface PriceTable {
  readonly input: DecimalInput
  readonly cached_input?: DecimalInput | undefined
  readonly cache_write?: DecimalInput | undefined
  readonly output: DecimalInput
}

export type ConfiguredPrice =
  | 'free'
  | (PriceTable & {
      readonly tiers?: readonly (PriceTable & { readonly above: number })[] | undefined
    })

export type PriceDecision =
  | {
      readonly known: true
      readonly price: Price
      readonly source: 'config' | 'loopback' | 'snapshot'
    }
  | { readonly known: false; readonly tomlLine: string }

export interface PriceQuestion {
  /** A key of `[models]`. */
  readonly name: string
  readonly configured: ConfiguredPrice | undefined
  readonly isLoopback: boolean
  /** What the bundled list says, if it knows the model at this upstream. */
  readonly listed: Price | undefined
}

const ZERO = parse('0')
const FREE = createPrice({ input: ZERO, output: ZERO })

function parse(text: DecimalInput): NanoUsdPerMillion {
  const parsed = parseUsdPerMillion(text)
  // The schema of the configuration has let it through: what it allows is read here.
  if (!parsed.ok) throw new RangeError(`price ${parsed.reason}`)
  return parsed.value
}

function toRates(table: PriceTable): RatesInput {
  return {
    input: parse(table.input),
    output: parse(table.output),
    cachedInput: table.cached_input === undefined ? undefined : parse(table.cached_input),
    cacheWrite: table.cache_write === undefined ? undefined : parse(table.cache_write),
  }
}

function fromConfig(configured: ConfiguredPrice): Price {
  if (configured === 'free') return FREE
  const tiers = (configured.tiers ?? []).map((tier) => ({
    ...toRates(tier),
    aboveInputTokens: tier.above,
  }))
  return createPrice({ ...toRates(configured), tiers })
}

export function findPrice(question: PriceQuestion): PriceDecision {
  const { name, configured, isLoopback, listed } = question
  if (configured !== undefined) {
    return { known: true, price: fromConfig(configured), source: 'config' }
  }
  if (isLoopback) return { known: true, price: FREE, source: 'loopback' }
  if (listed !== undefined) return { known: true, price: listed, source: 'snapshot' }
  const key = /^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name)
  return {
    known: false,
    tomlLine: `[models.${key}]\nprice = { input = "…", output = "…" }   # USD per million tokens, or price = "free"`,
  }
}
