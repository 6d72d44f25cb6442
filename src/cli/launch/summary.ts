/** What a launch has spent, in one line: while it runs, and at its end. */
import { amountText, durationText, leftText, limitLabel, spentText } from '../bridge/amounts.ts'
import type { SessionAnswer } from '../bridge/api-schemas.ts'

const countText = (count: string | number, word: string): string =>
  `${amountText('tokens', count, 'exact')} ${word}${Number(count) === 1 ? '' : 's'}`

const usageText = ({ current_usage: usage }: SessionAnswer): string =>
  `${countText(usage.tokens, 'token')}, ${countText(usage.api_calls, 'call')}`

/** `synth  $0.0123 of $5.00, 12,345 tokens, 7 calls, 1m 20s`. */
export function liveText(session: SessionAnswer, elapsedMs: number): string {
  return `synth  ${spentText(session)}, ${usageText(session)}, ${durationText(elapsedMs)}`
}

/** `spent $0.0123 of $5.00, 12,345 tokens, 7 calls in 1m 20s; $4.98 left`. */
export function summaryText(session: SessionAnswer, elapsedMs: number): string {
  const spent = `spent ${spentText(session)}, ${usageText(session)} in ${durationText(elapsedMs)}`
  return `${spent}; ${leftOf(session)}`
}

function leftOf({ limits, limit_exceeded_reason: reason }: SessionAnswer): string {
  const hard = limits.filter(({ limit_type }) => limit_type !== 'soft')
  if (hard.length === 0) return 'no limit was set'
  const left = hard.map((limit) => {
    const text = leftText(limit)
    return limit.metric_type === 'cost_usd' ? text : `${text} ${limitLabel(limit)}`
  })
  return `${left.join(', ')} left${reason === null ? '' : ', the limit was reached'}`
}
