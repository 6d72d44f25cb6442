/** The `[session]` limits, for sessions that open by themselves. */
import type { LimitTerms } from '../budget/limit.ts'
import type { Metric } from '../budget/metric.ts'
import { parseQuantity } from '../budget/quantity.ts'
import type { Config } from '../config/schema.ts'

/** One hard limit for each amount that is not 0: zero means none, as it does to Synth's clients. */
export function sessionLimitsOf({ session }: Config): LimitTerms[] {
  const given: [Metric, string | number][] = [
    ['cost_usd', session.limit_cost_usd],
    ['tokens', session.limit_tokens],
    ['gpu_hours', session.limit_gpu_hours],
  ]
  return given.flatMap(([metric, value]) => {
    const parsed = parseQuantity(metric, value)
    if (!parsed.ok) return []
    return [
      {
        metric,
        value: parsed.amount,
        warningThreshold: null,
        expiresAtMs: null,
        kind: { type: 'hard' as const },
      },
    ]
  })
}
