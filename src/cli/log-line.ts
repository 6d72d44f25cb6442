/** One event, one line. Clients and upstreams write parts of it. */
import type { BridgeEvent, CallLog } from '../compose.ts'
import { toVisible } from './visible.ts'

export function toLogLine({ level, requestId, message }: BridgeEvent): string {
  const id = requestId === undefined ? '' : ` ${requestId}`
  return `${level}${id} ${toVisible(message)}\n`
}

/** A call that is over: what it was, what came of it and what it cost. */
export function toCallLine(call: CallLog): string {
  const { outcome, status, attempts, error } = call
  const facts = [
    `${call.route} ${call.model} on ${call.upstream}`,
    `${outcome.replaceAll('_', ' ')}${status === null ? '' : ` (${status})`}`,
    `${(call.duration_ms / 1000).toFixed(1)} s`,
    ...(attempts > 1 ? [`${attempts} attempts`] : []),
    ...tokensOf(call),
    ...(call.cost_usd === '0' ? [] : [`$${call.cost_usd}`]),
  ]
  const why = error === null ? '' : `; ${error}`
  return toLogLine({
    level: call.level,
    requestId: call.request_id,
    message: `${facts.join(', ')}${why}`,
  })
}

function tokensOf(call: CallLog): string[] {
  const { input_tokens: input, cached_input_tokens: cached, output_tokens: output } = call
  if (input === 0 && output === 0) return []
  return [`${input}${cached === 0 ? '' : ` (${cached} cached)`} + ${output} tokens`]
}
