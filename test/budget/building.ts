/** Short ways to build ledger values in tests. */
import type { CallFacts } from '../../src/budget/hold.ts'
import { UNKNOWN_USAGE } from '../../src/budget/hold.ts'
import type { LimitTerms } from '../../src/budget/limit.ts'
import { type Amounts, amounts, type Metric } from '../../src/budget/metric.ts'
import type { Reserve, Settle } from '../../src/budget/operation.ts'

export const OWNER = {
  orgId: '00000000-0000-4000-8000-00000000000a',
  userId: '00000000-0000-4000-8000-00000000000b',
}

export const CALL: CallFacts = {
  ...OWNER,
  requestId: 'req_1',
  apiKeyId: null,
  model: 'synth-small',
  clientRequestId: null,
  details: {},
}

/** A call of one thing: most tests need no more than dollars. */
export const usd = (nano: bigint): Amounts => amounts({ cost_usd: nano })

export function hard(value: bigint, metric: Metric = 'cost_usd'): LimitTerms {
  return { metric, value, warningThreshold: null, expiresAtMs: null, kind: { type: 'hard' } }
}

export function soft(value: bigint, warningThreshold: number | null = null): LimitTerms {
  return { ...hard(value), warningThreshold, kind: { type: 'soft' } }
}

export function rolling(value: bigint, windowMs: number, metric: Metric = 'cost_usd'): LimitTerms {
  return { ...hard(value, metric), kind: { type: 'rolling_window', windowMs } }
}

export function reserveOf(
  holdId: string,
  sessionId: string | null,
  wanted: Amounts,
  more: Partial<Reserve> = {},
): Reserve {
  return {
    kind: 'reserve',
    holdId,
    instanceId: 'bridge-1',
    sessionId,
    ceiling: null,
    wanted,
    atLeast: wanted,
    sent: true,
    call: CALL,
    ...more,
  }
}

export function settleOf(holdId: string, actual: Amounts, more: Partial<Settle> = {}): Settle {
  return {
    kind: 'settle',
    holdId,
    actual,
    outcome: 'exact',
    usage: UNKNOWN_USAGE,
    recordId: '00000000-0000-4000-8000-000000000001',
    ...more,
  }
}
