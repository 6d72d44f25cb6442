/**
 * Sessions, limits and usage records as Synth's clients read them: snake_case, UUIDs, ISO times, money
 * as decimal strings.
 *
 * @see interface.md, "Sessions"
 */
import { expireIfDue } from './account.ts'
import type { CallRecord, JsonObject, JsonValue } from './hold.ts'
import { type Limit, usedOf } from './limit.ts'
import { type Amounts, METRICS, type Metric } from './metric.ts'
import { toJsonQuantity } from './quantity.ts'
import type { Session } from './session.ts'

const iso = (ms: number): string => new Date(ms).toISOString()
const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms))

export function toAmountsJson(given: Amounts): Record<Metric, string | number> {
  return {
    tokens: toJsonQuantity('tokens', given.tokens),
    cost_usd: toJsonQuantity('cost_usd', given.cost_usd),
    gpu_hours: toJsonQuantity('gpu_hours', given.gpu_hours),
    api_calls: toJsonQuantity('api_calls', given.api_calls),
  }
}

export function toSessionJson(session: Session, nowMs: number) {
  const account = expireIfDue(session.account, nowMs)
  const exceeded = account.limits.find(
    (limit) => limit.kind.type !== 'soft' && limit.exceededReason !== null,
  )
  return {
    session_id: session.sessionId,
    org_id: session.orgId,
    user_id: session.userId,
    api_key_id: session.apiKeyId,
    created_at: iso(session.createdAtMs),
    expires_at: isoOrNull(account.expiresAtMs),
    ended_at: isoOrNull(
      session.endedAtMs ?? (account.status === 'expired' ? account.expiresAtMs : null),
    ),
    status: account.status,
    limit_exceeded_reason: exceeded?.exceededReason ?? null,
    current_usage: toAmountsJson(account.spent),
    reserved: toAmountsJson(account.reserved),
    limits: account.limits.map((limit) => toLimitJson(limit, account.spent, nowMs)),
    tracing_session_id: session.tracingSessionId,
    session_type: session.sessionType,
    metadata: session.metadata,
  }
}

export function toLimitJson(limit: Limit, spent: Amounts, nowMs: number) {
  const { metric, kind } = limit
  return {
    limit_id: limit.limitId,
    limit_type: kind.type,
    metric_type: metric,
    limit_value: toJsonQuantity(metric, limit.value),
    current_usage: toJsonQuantity(metric, usedOf(limit, spent[metric], nowMs)),
    warning_threshold: limit.warningThreshold,
    window_seconds: kind.type === 'rolling_window' ? kind.windowMs / 1000 : null,
    exceeded_at: isoOrNull(limit.exceededAtMs),
    exceeded_reason: limit.exceededReason,
    created_at: iso(limit.createdAtMs),
    expires_at: isoOrNull(limit.expiresAtMs),
  }
}

/** One metric of one settled call. */
export function toUsageRecordJson(record: CallRecord, metric: Metric) {
  return {
    id: usageRecordId(record.recordId, metric),
    session_id: record.sessionId,
    metric_type: metric,
    metric_value: toJsonQuantity(metric, record.charged[metric]),
    reference_type: 'llm_call',
    reference_id: record.usage.responseId ?? record.call.requestId,
    org_id: record.call.orgId,
    user_id: record.call.userId,
    api_key_id: record.call.apiKeyId,
    metadata: metadataOf(record),
    created_at: iso(record.createdAtMs),
  }
}

function metadataOf({ call, usage, outcome, overrun, correction }: CallRecord): JsonObject {
  const metadata: Record<string, JsonValue> = {
    ...call.details,
    ...usage.details,
    response_id: usage.responseId,
    model: call.model,
    input_tokens: usage.inputTokens,
    cached_input_tokens: usage.cachedInputTokens,
    output_tokens: usage.outputTokens,
    outcome,
    overrun,
    request_id: call.requestId,
  }
  if (call.clientRequestId !== null) metadata['client_request_id'] = call.clientRequestId
  if (correction) metadata['correction'] = true
  return metadata
}

/** A call has one UUID; its records differ in the last digit, so that they need no rows of their own. */
export function usageRecordId(recordId: string, metric: Metric): string {
  const last = Number.parseInt(recordId.slice(-1), 16)
  const digit = ((last & 0b1100) | METRICS.indexOf(metric)).toString(16)
  return recordId.slice(0, -1) + digit
}
