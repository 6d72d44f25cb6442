/** What has changed between two looks, a line each: for logs and pipes, where nothing is redrawn. */
import { amountText, countText, durationText, shortId, spentText } from '../bridge/amounts.ts'
import type { RecentCall, SessionAnswer, StatusAnswer } from '../bridge/api-schemas.ts'
import { toVisible } from '../visible.ts'

/** @param before undefined at the first look: what is there then counts as new, except what is over */
export function listChanges(before: StatusAnswer | undefined, after: StatusAnswer): string[] {
  return [
    ...sessionChanges(before?.sessions ?? [], after.sessions),
    ...startedCalls(before, after),
    ...endedCalls(before, after),
  ]
}

function sessionChanges(
  before: readonly SessionAnswer[],
  after: readonly SessionAnswer[],
): string[] {
  const known = new Map(before.map((session) => [session.session_id, session]))
  const lines = after.flatMap((session) => {
    const line = sessionLine(session)
    const last = known.get(session.session_id)
    known.delete(session.session_id)
    return last !== undefined && sessionLine(last) === line ? [] : [line]
  })
  return [...lines, ...[...known.keys()].map((id) => `session ${toVisible(id)} is over`)]
}

function sessionLine(session: SessionAnswer): string {
  const { session_id, status, current_usage } = session
  const calls = countText(current_usage.api_calls, 'call')
  const tokens = countText(current_usage.tokens, 'token')
  return `session ${toVisible(session_id)} ${toVisible(status)}: spent ${spentText(session)}, ${tokens}, ${calls}`
}

function startedCalls(before: StatusAnswer | undefined, after: StatusAnswer): string[] {
  const known = new Set(before?.active_calls.map(({ request_id }) => request_id))
  return after.active_calls
    .filter(({ request_id }) => !known.has(request_id))
    .map(
      ({ request_id, model, session_id }) =>
        `started ${toVisible(request_id)} ${toVisible(model)}${ofSession(session_id)}`,
    )
}

function endedCalls(before: StatusAnswer | undefined, after: StatusAnswer): string[] {
  if (before === undefined) return []
  const known = new Set(before.recent_calls.map(({ request_id }) => request_id))
  return after.recent_calls
    .filter(({ request_id }) => !known.has(request_id))
    .toReversed()
    .map(endedLine)
}

function endedLine(call: RecentCall): string {
  const { request_id, model, outcome, error_code, status, cost_usd, duration_ms } = call
  const why = error_code === null ? '' : ` (${toVisible(error_code)})`
  const facts = [
    status === null ? undefined : `HTTP ${status}`,
    amountText('cost_usd', cost_usd, 'up'),
    durationText(duration_ms),
  ].filter((fact) => fact !== undefined)
  return `${toVisible(outcome)} ${toVisible(request_id)} ${toVisible(model)}${why}${ofSession(call.session_id)}: ${facts.join(', ')}`
}

const ofSession = (sessionId: string | null): string =>
  sessionId === null ? '' : ` in ${shortId(sessionId)}`
