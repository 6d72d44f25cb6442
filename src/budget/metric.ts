/**
 * What a budget counts, as integers: tokens, nano-dollars, GPU-milliseconds and calls. Nothing here
 * rounds: fractions of a unit end at the edges (`quantity.ts`, prices).
 */

export const METRICS = ['tokens', 'cost_usd', 'gpu_hours', 'api_calls'] as const
export type Metric = (typeof METRICS)[number]

/** One amount per metric, each in its own unit: tokens, nano-USD, GPU-milliseconds, calls. */
export type Amounts = Readonly<Record<Metric, bigint>>

/**
 * The largest amount kept. Half of what a signed 64-bit column holds, so that one sum of two can
 * never overflow it: an upstream that reports 9e15 tokens must not make a settlement fail.
 */
export const MAX_AMOUNT = 2n ** 62n

/** The largest hold: 500 of them at once still fit below `MAX_AMOUNT` ($9 million each). */
export const MAX_HOLD = 2n ** 53n

export const NOTHING: Amounts = { tokens: 0n, cost_usd: 0n, gpu_hours: 0n, api_calls: 0n }

export function mapAmounts(amountOf: (metric: Metric) => bigint): Amounts {
  return {
    tokens: amountOf('tokens'),
    cost_usd: amountOf('cost_usd'),
    gpu_hours: amountOf('gpu_hours'),
    api_calls: amountOf('api_calls'),
  }
}

export function amounts(given: Partial<Amounts>): Amounts {
  return { ...NOTHING, ...given }
}

export function lesser<Amount extends bigint>(left: Amount, right: Amount): Amount {
  return left < right ? left : right
}

export function greater<Amount extends bigint>(left: Amount, right: Amount): Amount {
  return left > right ? left : right
}

/** Saturates at `MAX_AMOUNT`. */
export function add(left: Amounts, right: Amounts): Amounts {
  return mapAmounts((metric) => lesser(left[metric] + right[metric], MAX_AMOUNT))
}

/** Metric by metric, never below zero. */
export function subtract(left: Amounts, right: Amounts): Amounts {
  return mapAmounts((metric) => greater(left[metric] - right[metric], 0n))
}

export function smallerOf(left: Amounts, right: Amounts): Amounts {
  return mapAmounts((metric) => lesser(left[metric], right[metric]))
}

export function largerOf(left: Amounts, right: Amounts): Amounts {
  return mapAmounts((metric) => greater(left[metric], right[metric]))
}

/** Whether no metric of `part` is larger than that of `whole`. */
export function covers(whole: Amounts, part: Amounts): boolean {
  return METRICS.every((metric) => part[metric] <= whole[metric])
}

/** @throws {RangeError} for a negative amount or one no store could keep. */
export function assertAmounts(name: string, given: Amounts, max: bigint = MAX_HOLD): void {
  for (const metric of METRICS) {
    if (given[metric] < 0n || given[metric] > max)
      throw new RangeError(`${name}.${metric} is ${given[metric]}; it must be 0 to ${max}.`)
  }
}
