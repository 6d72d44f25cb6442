/**
 * What one call can use at most, as it is held, and what it did use, as it is charged. Pure arithmetic
 * over a price, a bound on its input, and counts of its output.
 *
 * The output is held in slices: a model's whole maximum would let a handful of calls block a session
 * whose money they never spend. A call gets a first slice and asks for more while it streams.
 */
import type { Usage } from '../protocol/usage.ts'
import {
  type Amounts,
  amounts,
  lesser,
  MAX_AMOUNT,
  MAX_HOLD,
  mapAmounts,
  subtract,
} from './metric.ts'
import { nanoUsd } from './money.ts'
import { costOf, outputTokensWithin, type Price, worstCaseCost } from './price.ts'

/** Output tokens that a call is given at first, and each time it asks for more. */
export const SLICE_TOKENS = 4096
/** Less room than this is not worth a call: it would be cut before it says anything. */
export const MIN_OUTPUT_TOKENS = 256
/** Upstream time that a call is given at first, and each time it asks for more. */
export const SLICE_MS = 60_000
/** The least upstream time worth a call. */
const MIN_MS = 1_000
/** A model whose maximum nobody has told us generates no more than this in one answer. */
const UNKNOWN_MAX_OUTPUT = 131_072
/**
 * The largest limit sent to a model whose maximum nobody has told us. Above it the model's own may be
 * lower, and an upstream answers 400 to a limit it cannot keep; topping up does the work there.
 */
const LARGEST_BLIND_CLAMP = 16_384
/**
 * How far a count may pass an answer's maximum before it is believed: counts are estimates from above,
 * and no text has twelve characters a token.
 */
const IGNORES_ITS_MAXIMUM = 4
/** Reasoning that an upstream may have generated and not shown when its answer was cut. */
const LEAST_UNSEEN_TOKENS = 1024
/** And while nothing at all was shown: as fast as models that hide their reasoning generate it. */
const UNSEEN_TOKENS_PER_SECOND = 150

/** A call's terms: fixed from admission to settlement. */
export interface CallTerms {
  /** Undefined where nobody knows the price; then no cost limit may be in force. */
  readonly price: Price | undefined
  /** Bound on the input, in tokens. */
  readonly inputTokens: number
  /** GPUs that the call occupies, in thousandths, so that 0.5 of one is exact. */
  readonly milliGpus: bigint
  /** Output tokens that the request or the model's configuration allows. */
  readonly maxOutputTokens: number | undefined
}

/** Milliseconds of `milliGpus` GPUs, rounded up to a whole GPU-millisecond. */
function gpuMs(terms: CallTerms, upstreamMs: number): bigint {
  return (terms.milliGpus * BigInt(Math.ceil(upstreamMs)) + 999n) / 1000n
}

/**
 * The most that this much output within this much upstream time can use; what no ledger could keep
 * counts as the most one can.
 */
export function boundOf(terms: CallTerms, outputTokens: number, upstreamMs: number): Amounts {
  const { price, inputTokens } = terms
  return upTo(MAX_HOLD, {
    tokens: BigInt(inputTokens + outputTokens),
    cost_usd: price === undefined ? 0n : worstCaseCost(price, inputTokens, outputTokens),
    gpu_hours: gpuMs(terms, upstreamMs),
    api_calls: 1n,
  })
}

const upTo = (most: bigint, given: Amounts): Amounts =>
  mapAmounts((metric) => lesser(given[metric], most))

export interface FirstHold {
  readonly wanted: Amounts
  readonly atLeast: Amounts
}

export function firstHold(terms: CallTerms): FirstHold {
  const most = terms.maxOutputTokens ?? UNKNOWN_MAX_OUTPUT
  const slice = Math.min(most, SLICE_TOKENS)
  return {
    wanted: boundOf(terms, slice, SLICE_MS),
    atLeast: boundOf(terms, Math.min(slice, MIN_OUTPUT_TOKENS), MIN_MS),
  }
}

/** How much output the hold covers, in tokens. */
export function outputTokensIn(terms: CallTerms, held: Amounts): number {
  const byTokens = Number(held.tokens) - terms.inputTokens
  if (terms.price === undefined) return Math.max(byTokens, 0)
  const byCost = outputTokensWithin(terms.price, terms.inputTokens, nanoUsd(held.cost_usd)) ?? 0
  return Math.max(Math.min(byTokens, byCost), 0)
}

/** How much upstream time the hold covers, in milliseconds; without end for a model on no GPU. */
export function upstreamMsIn(terms: CallTerms, held: Amounts): number {
  if (terms.milliGpus === 0n) return Number.POSITIVE_INFINITY
  return Number((held.gpu_hours * 1000n) / terms.milliGpus)
}

/**
 * The limit to send upstream, or undefined to leave the request's own: only where the room that is
 * left, the hold included, is less than the answer may take. The upstream then stops by itself, which
 * is the one bound that holds for reasoning it does not show.
 */
export function clampOf(terms: CallTerms, roomWithHold: Amounts): number | undefined {
  const fits = outputTokensIn(terms, roomWithHold)
  return fits < (terms.maxOutputTokens ?? LARGEST_BLIND_CLAMP) ? Math.max(fits, 1) : undefined
}

/** Tokens of generated text, as an upper estimate: a token is seldom shorter than three characters. */
export function tokensOfOutput(outputChars: number): number {
  return Math.ceil(outputChars / 3)
}

/** How far a hold reaches: plain numbers, so that a chunk costs a comparison and no big integers. */
export interface Reach {
  /** Output tokens from which more should be asked for; early, so that the answer comes in time. */
  readonly outputTokens: number
  /** Upstream time from which more should be asked for, in milliseconds. */
  readonly upstreamMs: number
}

export function reachOf(terms: CallTerms, held: Amounts): Reach {
  const heldTokens = outputTokensIn(terms, held)
  const most = terms.maxOutputTokens ?? UNKNOWN_MAX_OUTPUT
  // Rounding may leave a few tokens more than the whole answer; a slice more is for one that ignores it.
  const coversAll = heldTokens >= most && heldTokens < most + MIN_OUTPUT_TOKENS
  return {
    outputTokens: heldTokens * (coversAll ? IGNORES_ITS_MAXIMUM : 0.75),
    upstreamMs: upstreamMsIn(terms, held) - SLICE_MS / 4,
  }
}

/** Where a hold that cannot grow ends, and its answer with it. */
export function endOf(terms: CallTerms, held: Amounts): Reach {
  return { outputTokens: outputTokensIn(terms, held), upstreamMs: upstreamMsIn(terms, held) }
}

/** What to ask for beside what is held. */
export interface NextSlice {
  readonly wanted: Amounts
  readonly atLeast: Amounts
}

/** Another slice of what runs short: of output, of upstream time, or of both. */
export function nextSlice(
  terms: CallTerms,
  held: Amounts,
  wants: { readonly output: boolean; readonly time: boolean },
): NextSlice {
  const heldTokens = outputTokensIn(terms, held)
  const most = terms.maxOutputTokens ?? UNKNOWN_MAX_OUTPUT
  const isWithin = heldTokens < most
  const slice = isWithin ? Math.min(SLICE_TOKENS, most - heldTokens) : SLICE_TOKENS
  const tokens = wants.output ? slice : 0
  const least = Math.min(tokens, MIN_OUTPUT_TOKENS)
  return {
    wanted: growthOf(terms, held, heldTokens + tokens, tokens, wants.time ? SLICE_MS : 0),
    atLeast: growthOf(terms, held, heldTokens + least, least, wants.time ? MIN_MS : 0),
  }
}

function growthOf(
  terms: CallTerms,
  held: Amounts,
  outputTokens: number,
  moreTokens: number,
  moreMs: number,
): Amounts {
  const cost =
    terms.price === undefined || moreTokens === 0
      ? 0n
      : worstCaseCost(terms.price, terms.inputTokens, outputTokens) - held.cost_usd
  return upTo(
    MAX_HOLD,
    amounts({
      tokens: BigInt(moreTokens),
      cost_usd: cost > 0n ? cost : 0n,
      gpu_hours: gpuMs(terms, moreMs),
    }),
  )
}

/** What is charged when the upstream said what it used. */
export function chargeOfUsage(terms: CallTerms, usage: Usage, upstreamMs: number): Amounts {
  return upTo(MAX_AMOUNT, {
    tokens: BigInt(usage.inputTokens) + BigInt(usage.outputTokens),
    cost_usd: terms.price === undefined ? 0n : costOf(terms.price, usage),
    gpu_hours: gpuMs(terms, upstreamMs),
    api_calls: 1n,
  })
}

/** What is charged when it did not: the bound on the input and on what was seen of the output. */
export function chargeOfEstimate(
  terms: CallTerms,
  outputTokens: number,
  isCut: boolean,
  upstreamMs: number,
): Amounts {
  return boundOf(
    terms,
    outputTokens + (isCut ? unseenTokens(outputTokens, upstreamMs) : 0),
    upstreamMs,
  )
}

/** Models that hide their reasoning do so before they answer: only a silent one may have done much. */
function unseenTokens(outputTokens: number, upstreamMs: number): number {
  const silentMs = outputTokens === 0 ? upstreamMs : 0
  return Math.max(LEAST_UNSEEN_TOKENS, Math.ceil((silentMs * UNSEEN_TOKENS_PER_SECOND) / 1000))
}

/** The same as a usage, for clients whose model is configured to show one. */
export function estimatedUsage(terms: CallTerms, outputTokens: number): Usage {
  return {
    inputTokens: terms.inputTokens,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    outputTokens,
    reasoningTokens: 0,
  }
}

/**
 * What can follow a checkpoint before the next one is durable: a slice of output, which no upstream
 * generates in that time, at the rate of the tier the call is in.
 */
export function allowanceAfter(terms: CallTerms, outputTokens: number, withinMs: number): Amounts {
  const later = boundOf(terms, outputTokens + SLICE_TOKENS, withinMs)
  return { ...subtract(later, boundOf(terms, outputTokens, 0)), api_calls: 0n }
}
