/** Mean and spread of rewards, as they come. */

export interface Statistics {
  readonly count: number
  /** Undefined while there is none. */
  readonly mean: number | undefined
  /** Sample standard deviation; undefined for fewer than two. */
  readonly deviation: number | undefined
  readonly min: number | undefined
  readonly max: number | undefined
}

export interface Accumulator {
  add(value: number): void
  read(): Statistics
}

/** Welford's way: no sum of squares that large rewards would round away. */
export function createAccumulator(): Accumulator {
  let count = 0
  let mean = 0
  let squares = 0
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  return {
    add(value) {
      count += 1
      const distance = value - mean
      mean += distance / count
      squares += distance * (value - mean)
      min = Math.min(min, value)
      max = Math.max(max, value)
    },
    read: () => ({
      count,
      mean: count === 0 ? undefined : mean,
      deviation: count < 2 ? undefined : Math.sqrt(squares / (count - 1)),
      min: count === 0 ? undefined : min,
      max: count === 0 ? undefined : max,
    }),
  }
}

export function describeValues(values: readonly number[]): Statistics {
  const accumulator = createAccumulator()
  for (const value of values) accumulator.add(value)
  return accumulator.read()
}
