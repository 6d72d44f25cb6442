/** The `--limit-…` flags, and the limits that a session gets by them and the configuration. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Metric } from '../../budget/metric.ts'
import { formatQuantity, parseQuantity } from '../../budget/quantity.ts'
import type { Config } from '../../config/schema.ts'
import { sessionLimitsOf } from '../../gateway/session-limits.ts'
import type { LimitRequest } from './api.ts'

export interface LimitFlags {
  readonly limitCostUsd?: string
  readonly limitTokens?: string
  readonly limitGpuHours?: string
  readonly limitApiCalls?: string
}

export const LIMIT_FLAGS = {
  cost_usd: { name: 'limitCostUsd', flag: '--limit-cost-usd', value: 'amount', what: 'dollars' },
  tokens: { name: 'limitTokens', flag: '--limit-tokens', value: 'count', what: 'tokens' },
  gpu_hours: {
    name: 'limitGpuHours',
    flag: '--limit-gpu-hours',
    value: 'hours',
    what: 'GPU hours',
  },
  api_calls: { name: 'limitApiCalls', flag: '--limit-api-calls', value: 'count', what: 'calls' },
} as const satisfies Record<
  Metric,
  { name: keyof LimitFlags; flag: string; value: string; what: string }
>

export const LIMITED_METRICS = ['cost_usd', 'tokens', 'gpu_hours', 'api_calls'] as const

/** @param accepts throws an `InvalidArgumentError` for a value that is none */
export function addLimitOptions(
  command: Command,
  describe: (what: string) => string,
  accepts: (metric: Metric, text: string) => void,
): void {
  for (const metric of LIMITED_METRICS) {
    const { flag, value, what } = LIMIT_FLAGS[metric]
    command.addOption(
      new Option(`${flag} <${value}>`, describe(what)).argParser((text: string) => {
        accepts(metric, text)
        return text
      }),
    )
  }
}

/** A limit, or 0 for none. */
export function acceptLimit(metric: Metric, text: string): void {
  if (/^0+(\.0*)?$/.test(text)) return
  acceptAmount(metric, text)
}

/** An amount above 0. */
export function acceptAmount(metric: Metric, text: string): void {
  const parsed = parseQuantity(metric, text)
  if (!parsed.ok) throw new InvalidArgumentError(`${parsed.reason}.`)
}

/** What the flags say, else what `[session]` says; 0 is none. */
export function limitsOf(flags: LimitFlags, config: Config): LimitRequest[] {
  const defaults = new Map(sessionLimitsOf(config).map(({ metric, value }) => [metric, value]))
  return LIMITED_METRICS.flatMap((metric): LimitRequest[] => {
    const given = flags[LIMIT_FLAGS[metric].name]
    if (given !== undefined) {
      // Sent as it was typed: the bridge reads it by the same rules.
      return parseQuantity(metric, given).ok ? [{ metric_type: metric, limit_value: given }] : []
    }
    const value = defaults.get(metric)
    if (value === undefined) return []
    return [{ metric_type: metric, limit_value: formatQuantity(metric, value) }]
  })
}
