/** The `x-synth-*` headers of an answer: which session it went to, and where its dollars stand. */
import type { Account, LimitWarning } from '../budget/account.ts'
import { usedOf } from '../budget/limit.ts'
import { formatQuantity } from '../budget/quantity.ts'

export const SESSION_HEADER = 'x-synth-session-id'

/** The dollar limit that leaves the least room; soft ones refuse nothing. */
function tightest(account: Account, nowMs: number) {
  return account.limits
    .filter(({ metric, kind }) => metric === 'cost_usd' && kind.type !== 'soft')
    .map((limit) => ({ limit, spent: usedOf(limit, account.spent.cost_usd, nowMs) }))
    .sort((left, right) =>
      Number(left.limit.value - left.spent - (right.limit.value - right.spent)),
    )[0]
}

export function budgetHeaders(
  session: Account | null,
  warnings: readonly LimitWarning[],
  nowMs: number,
): Record<string, string> {
  if (session === null) return {}
  const usd = (amount: bigint) => formatQuantity('cost_usd', amount > 0n ? amount : 0n)
  const headers: Record<string, string> = { [SESSION_HEADER]: session.accountId }
  const dollars = tightest(session, nowMs)
  const spent = dollars?.spent ?? session.spent.cost_usd
  const { reserved } = session
  if (dollars !== undefined) {
    headers['x-synth-budget-limit-usd'] = usd(dollars.limit.value)
    headers['x-synth-budget-remaining-usd'] = usd(dollars.limit.value - spent - reserved.cost_usd)
  }
  headers['x-synth-budget-spent-usd'] = usd(spent)
  headers['x-synth-budget-reserved-usd'] = usd(reserved.cost_usd)
  const warning = warnings.map(describeWarning).join(', ')
  if (warning !== '') headers['x-synth-budget-warning'] = warning
  return headers
}

/** `cost_usd 85% of 20`: what is nearly used up, and how far. */
export function describeWarning({ metric, spent, limit }: LimitWarning): string {
  const percent = limit === 0n ? 100n : (spent * 100n) / limit
  return `${metric} ${percent}% of ${formatQuantity(metric, limit)}`
}
