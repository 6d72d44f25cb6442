/**
 * What the bridge's own API answers, as far as the command line reads it. Loose: fields of a newer
 * bridge pass through, and `--json` shows them.
 *
 * @see ../../../docs/guide.md, "Sessions and live figures"
 */
import { z } from 'zod'
import { TraceRecordSchema } from '../../trace/record.ts'

/** Money is a decimal string; a count too large for a JSON number is a string too. */
const QuantitySchema = z.union([z.string(), z.number()])

/** One quantity for each metric: tokens, USD, hours, calls. */
const QuantitiesSchema = z.looseObject({
  tokens: QuantitySchema,
  cost_usd: QuantitySchema,
  gpu_hours: QuantitySchema,
  api_calls: QuantitySchema,
})

export const LimitSchema = z.looseObject({
  limit_id: z.string(),
  /** `hard`, `soft` or `rolling_window`. */
  limit_type: z.string(),
  metric_type: z.string(),
  limit_value: QuantitySchema,
  current_usage: QuantitySchema,
  warning_threshold: z.number().nullable(),
  window_seconds: z.number().nullable(),
  exceeded_at: z.string().nullable(),
  exceeded_reason: z.string().nullable(),
  expires_at: z.string().nullable(),
})
export type LimitAnswer = z.infer<typeof LimitSchema>

export const SessionSchema = z.looseObject({
  session_id: z.string(),
  /** `active`, `limit_exceeded`, `ended` or `expired`. */
  status: z.string(),
  limit_exceeded_reason: z.string().nullable(),
  current_usage: QuantitiesSchema,
  /** Held for calls that are running. */
  reserved: QuantitiesSchema,
  limits: z.array(LimitSchema),
  created_at: z.string(),
  expires_at: z.string().nullable(),
  ended_at: z.string().nullable(),
  session_type: z.string(),
})
export type SessionAnswer = z.infer<typeof SessionSchema>

/** One metric of one settled call. */
export const UsageRecordSchema = z.looseObject({
  session_id: z.string().nullable(),
  metric_type: z.string(),
  metric_value: QuantitySchema,
  created_at: z.string(),
  metadata: z.looseObject({}),
})
export type UsageRecord = z.infer<typeof UsageRecordSchema>

export const HealthSchema = z.looseObject({ status: z.string(), version: z.string() })
export type Health = z.infer<typeof HealthSchema>

export const MeSchema = z.looseObject({
  org_id: z.string(),
  user_id: z.string(),
  key_name: z.string(),
})
export type Me = z.infer<typeof MeSchema>

const ActiveCallSchema = z.looseObject({
  request_id: z.string(),
  session_id: z.string().nullable(),
  model: z.string(),
  upstream: z.string(),
  /** `admission`, `upstream` (sent, no answer yet) or `answer`. */
  waits_for: z.string(),
  age_ms: z.number(),
  output_chars: z.number(),
  output_tokens_estimate: z.number(),
  /** Since the answer began; null before. */
  tokens_per_second: z.number().nullable(),
})

const RecentCallSchema = z.looseObject({
  request_id: z.string(),
  session_id: z.string().nullable(),
  model: z.string(),
  upstream: z.string(),
  /** `completed`, `incomplete`, `failed`, `refused` or `client_gone`. */
  outcome: z.string(),
  /** HTTP status of the answer; null when the client had gone before it. */
  status: z.number().nullable(),
  error_code: z.string().nullable(),
  input_tokens: z.number().nullable(),
  output_tokens: z.number().nullable(),
  cost_usd: z.string(),
  ended_at: z.string(),
  duration_ms: z.number(),
})

export type ActiveCall = z.infer<typeof ActiveCallSchema>
export type RecentCall = z.infer<typeof RecentCallSchema>

export const StatusSchema = z.looseObject({
  bridge: z.looseObject({
    status: z.string(),
    version: z.string(),
    uptime_seconds: z.number(),
    upstreams: z.array(z.string()),
  }),
  /** The caller's that are not over, newest first. */
  sessions: z.array(SessionSchema),
  /** Oldest first. */
  active_calls: z.array(ActiveCallSchema),
  /** Newest first. */
  recent_calls: z.array(RecentCallSchema),
})
export type StatusAnswer = z.infer<typeof StatusSchema>

export const TracesSchema = z.object({
  data: z.array(TraceRecordSchema),
  next_cursor: z.string().nullable(),
})
export type TracesAnswer = z.infer<typeof TracesSchema>

/** The error body of every route. */
export const ErrorAnswerSchema = z.object({
  error: z.object({ code: z.string(), message: z.string() }),
})
