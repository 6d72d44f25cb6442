/**
 * Prices that change: from a day on, or within certain hours of every day. A call is held and charged
 * at one price, so where one may change while the call runs, the dearest of them counts.
 *
 * ```
 *   from 08-17 on $0.30, between 01:00 and 04:00 $0.45
 *   a call at 12:00  $0.30        a call at 00:30, which may run until 01:30  $0.45
 * ```
 */
import { dearerOf, type Price } from './price.ts'

export interface TimedPrice {
  /** `YYYY-MM-DD`, UTC. */
  readonly from?: string | undefined
  /** Seconds after midnight UTC; an end before its start is the next day's. */
  readonly between?: readonly [startSecond: number, endSecond: number] | undefined
  readonly price: Price
}

/** The longest that a call may run; a price that begins within it may be the one that is billed. */
const LONGEST_CALL_MS = 3_600_000
const DAY_MS = 86_400_000

/**
 * The price of a call made at `since`, in Unix milliseconds; or, for a day, of any call from that day
 * on. Of the prices in force at one instant the last counts, and the first where none applies.
 * Undefined only where there are no prices.
 */
export function dearestInForce(
  prices: readonly TimedPrice[],
  since: number | string,
): Price | undefined {
  const [only] = prices
  if (only === undefined || prices.length === 1) return only?.price
  const fromMs = typeof since === 'string' ? startOf(since) : since
  const untilMs = typeof since === 'string' ? Number.POSITIVE_INFINITY : since + LONGEST_CALL_MS
  const instants = [fromMs, ...changesBetween(prices, fromMs, untilMs)]
  return instants
    .map((instant) => inForce(prices, instant)?.price)
    .filter((price) => price !== undefined)
    .reduce(dearerOf)
}

function inForce(prices: readonly TimedPrice[], atMs: number): TimedPrice | undefined {
  return prices.findLast((price) => applies(price, atMs)) ?? prices[0]
}

function applies({ from, between }: TimedPrice, atMs: number): boolean {
  if (from !== undefined && atMs < startOf(from)) return false
  if (between === undefined) return true
  const second = (atMs % DAY_MS) / 1000
  const [start, end] = between
  return start <= end ? second >= start && second < end : second >= start || second < end
}

/** The instants within the time at which a price begins or ends to apply. */
function changesBetween(prices: readonly TimedPrice[], fromMs: number, untilMs: number): number[] {
  const days = prices.flatMap(({ from }) => (from === undefined ? [] : [startOf(from)]))
  const edges = prices.flatMap(({ between }) => between ?? [])
  // Hours repeat: each day on which some price begins, and the first, shows all that can be in force.
  const daily = [fromMs, ...days].flatMap((dayMs) => {
    const midnight = dayMs - (dayMs % DAY_MS)
    return edges.flatMap((second) => [0, 1].map((day) => midnight + day * DAY_MS + second * 1000))
  })
  return [...days, ...daily].filter((instant) => instant > fromMs && instant <= untilMs)
}

const startOf = (day: string): number => Date.parse(`${day}T00:00:00Z`)
