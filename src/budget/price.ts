/**
 * What a model's tokens cost: exactly, once the usage is known, and at most, before it is. Rates are
 * nano-dollars per million tokens; a total is rounded up once, to a whole nano-dollar.
 *
 * ```
 *   input $1.25, cached $0.125, output $10 per million
 *   2_006 in, 1_920 of them cached, 300 out
 *   (86 × 1_250_000_000 + 1_920 × 125_000_000 + 300 × 10_000_000_000) / 1_000_000 = 3_347_500 nano-USD
 * ```
 */
import type { Usage } from '../protocol/usage.ts'
import { greater, lesser } from './metric.ts'
import { ceilDivide, type NanoUsd, type NanoUsdPerMillion, nanoUsd } from './money.ts'

export interface Rates {
  readonly input: NanoUsdPerMillion
  /** For input read from the upstream's cache. */
  readonly cachedInput: NanoUsdPerMillion
  /** For input written to the upstream's cache, where that is billed apart. */
  readonly cacheWrite: NanoUsdPerMillion
  /** Reasoning included. */
  readonly output: NanoUsdPerMillion
}

/** Rates of a call whose input is longer than `aboveInputTokens`: they hold for all of its tokens. */
export interface Tier extends Rates {
  readonly aboveInputTokens: number
}

export interface Price extends Rates {
  /** By `aboveInputTokens`, ascending. */
  readonly tiers: readonly Tier[]
  /** Charged once a call, whatever its tokens. */
  readonly perCall: NanoUsd
}

export interface RatesInput {
  readonly input: NanoUsdPerMillion
  readonly cachedInput?: NanoUsdPerMillion | undefined
  readonly cacheWrite?: NanoUsdPerMillion | undefined
  readonly output: NanoUsdPerMillion
}

export interface PriceInput extends RatesInput {
  readonly tiers?: readonly (RatesInput & { readonly aboveInputTokens: number })[]
  readonly perCall?: NanoUsd | undefined
}

const TOKENS_PER_RATE = 1_000_000n

/** Fills in what is left out: input without a rate of its own costs as input. */
export function createPrice(given: PriceInput): Price {
  const tiers = (given.tiers ?? []).map((tier) => ({
    ...toRates(tier),
    aboveInputTokens: tier.aboveInputTokens,
  }))
  return {
    ...toRates(given),
    tiers: tiers.sort((left, right) => left.aboveInputTokens - right.aboveInputTokens),
    perCall: given.perCall ?? nanoUsd(0n),
  }
}

function toRates({ input, cachedInput, cacheWrite, output }: RatesInput): Rates {
  return { input, cachedInput: cachedInput ?? input, cacheWrite: cacheWrite ?? input, output }
}

/** What the usage costs. Providers price the whole call at the tier that its input reaches. */
export function costOf(price: Price, usage: Usage): NanoUsd {
  const rates = ratesAt(price, usage.inputTokens)
  const cached = Math.min(usage.cachedInputTokens, usage.inputTokens)
  const written = Math.min(usage.cacheWriteTokens, usage.inputTokens - cached)
  const plain = usage.inputTokens - cached - written
  const total =
    BigInt(plain) * rates.input +
    BigInt(cached) * rates.cachedInput +
    BigInt(written) * rates.cacheWrite +
    BigInt(usage.outputTokens) * rates.output
  return nanoUsd(price.perCall + ceilDivide(total, TOKENS_PER_RATE))
}

function ratesAt(price: Price, inputTokens: number): Rates {
  let rates: Rates = price
  for (const tier of price.tiers) if (inputTokens > tier.aboveInputTokens) rates = tier
  return rates
}

/**
 * The most that a call of at most this input and output can cost: nothing cached, the dearest tier
 * that the bound can reach, and all input written to the cache where that is dearer.
 */
export function worstCaseCost(
  price: Price,
  inputTokensBound: number,
  outputTokensBound: number,
): NanoUsd {
  const { input, output } = worstRates(price, inputTokensBound)
  const total = BigInt(inputTokensBound) * input + BigInt(outputTokensBound) * output
  return nanoUsd(price.perCall + ceilDivide(total, TOKENS_PER_RATE))
}

/**
 * The most output that `cost` covers beside the input, so that `worstCaseCost` of it is at most
 * `cost`. Undefined when the input alone costs more; `MAX_SAFE_INTEGER` where output is free.
 */
export function outputTokensWithin(
  price: Price,
  inputTokensBound: number,
  cost: NanoUsd,
): number | undefined {
  const { input, output } = worstRates(price, inputTokensBound)
  const left = (cost - price.perCall) * TOKENS_PER_RATE - BigInt(inputTokensBound) * input
  if (left < 0n) return undefined
  if (output === 0n) return Number.MAX_SAFE_INTEGER
  return Number(lesser(left / output, BigInt(Number.MAX_SAFE_INTEGER)))
}

function worstRates(price: Price, inputTokensBound: number): { input: bigint; output: bigint } {
  let input = dearestInput(price)
  let output: bigint = price.output
  for (const tier of price.tiers) {
    if (inputTokensBound <= tier.aboveInputTokens) break
    input = greater(input, dearestInput(tier))
    output = greater(output, tier.output)
  }
  return { input, output }
}

const dearestInput = (rates: Rates): bigint =>
  greater(rates.input, greater(rates.cachedInput, rates.cacheWrite))

/** The price that is at no usage below any of the two. */
export function dearerOf(left: Price, right: Price): Price {
  const thresholds = [...left.tiers, ...right.tiers].map((tier) => tier.aboveInputTokens)
  const tiers = [...new Set(thresholds)]
    .sort((a, b) => a - b)
    .map((aboveInputTokens) => ({
      ...dearerRates(ratesAt(left, aboveInputTokens + 1), ratesAt(right, aboveInputTokens + 1)),
      aboveInputTokens,
    }))
  return { ...dearerRates(left, right), tiers, perCall: greater(left.perCall, right.perCall) }
}

function dearerRates(left: Rates, right: Rates): Rates {
  return {
    input: greater(left.input, right.input),
    cachedInput: greater(left.cachedInput, right.cachedInput),
    cacheWrite: greater(left.cacheWrite, right.cacheWrite),
    output: greater(left.output, right.output),
  }
}
