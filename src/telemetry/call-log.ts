/** One line a call: what the log says of it, without what nobody may read. */
import { formatQuantity } from '../budget/quantity.ts'
import type { CallReport } from '../gateway/call-report.ts'
import { toLogText } from '../gateway/log-text.ts'

/** A call that is over, as plain values. Members keep the spelling of the log. */
export interface CallLog {
  readonly level: 'info' | 'warn' | 'error'
  readonly request_id: string
  readonly client_request_id: string | null
  readonly response_id: string
  readonly session_id: string | null
  readonly key: string
  readonly route: string
  readonly stream: boolean
  readonly model: string
  readonly upstream: string
  readonly outcome: CallReport['outcome']
  /** HTTP status; null when the client had gone before it. */
  readonly status: number | null
  readonly attempts: number
  readonly duration_ms: number
  readonly first_token_ms: number | null
  readonly input_tokens: number
  readonly cached_input_tokens: number
  readonly output_tokens: number
  /** A decimal, in USD. */
  readonly cost_usd: string
  readonly error_code: string | null
  /** In words; a fault of the bridge with its stack. */
  readonly error: string | null
}

/** @param redact takes secrets out of whatever others wrote */
export function toCallLog(report: CallReport, redact: (text: string) => string): CallLog {
  const { usage, error, clientRequestId, sessionId, firstTokenMs } = report
  return {
    level: levelOf(report),
    request_id: report.requestId,
    client_request_id: clientRequestId === undefined ? null : redact(clientRequestId),
    response_id: report.responseId,
    session_id: sessionId === null ? null : redact(sessionId),
    key: report.keyName,
    route: report.route,
    stream: report.streaming,
    model: redact(report.model),
    upstream: report.upstream,
    outcome: report.outcome,
    status: report.status,
    attempts: report.attempts,
    duration_ms: Math.round(report.durationMs),
    first_token_ms: firstTokenMs === undefined ? null : Math.round(firstTokenMs),
    input_tokens: usage.inputTokens,
    cached_input_tokens: usage.cachedInputTokens,
    output_tokens: usage.outputTokens,
    cost_usd: formatQuantity('cost_usd', report.charged.cost_usd),
    error_code: error?.code ?? report.errorCode,
    error: error === undefined ? null : toLogText(error, redact),
  }
}

/** A client's own doing is worth a look; what the upstream or the bridge did is worth a page. */
function levelOf({ outcome, error }: CallReport): CallLog['level'] {
  if (outcome !== 'failed' && outcome !== 'refused') return 'info'
  return error === undefined || error.info.origin === 'client' ? 'warn' : 'error'
}
