/** An amount of four metrics as the four columns that both databases have for it. */
import { type Amounts, METRICS, type Metric, mapAmounts } from '../budget/metric.ts'

const UNITS: Readonly<Record<Metric, string>> = {
  tokens: 'tokens',
  cost_usd: 'nano_usd',
  gpu_hours: 'gpu_ms',
  api_calls: 'calls',
}

/** `spent_nano_usd`: `prefix` says of what. */
export const amountColumn = (prefix: string, metric: Metric): string => `${prefix}_${UNITS[metric]}`

/** In the order of `METRICS`. */
export const amountColumns = (prefix: string): string[] =>
  METRICS.map((metric) => amountColumn(prefix, metric))

export function readAmounts(prefix: string, read: (column: string) => bigint): Amounts {
  return mapAmounts((metric) => read(amountColumn(prefix, metric)))
}
