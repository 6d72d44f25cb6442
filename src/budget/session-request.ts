/**
 * What clients send to the sessions routes. Unknown fields are ignored, as Synth's own service does;
 * a value that cannot be meant is refused with the field's name.
 */
import { z } from 'zod'
import type { JsonObject } from './hold.ts'
import type { LimitTerms } from './limit.ts'
import { METRICS, type Metric } from './metric.ts'
import { parseQuantity } from './quantity.ts'
import type { SessionTerms } from './session.ts'

/** Ten years: what is longer is meant to be a hard limit. */
const MAX_WINDOW_SECONDS = 315_360_000

const QuantitySchema = z.union([z.number(), z.string()])

/** ISO 8601; a time without an offset is UTC, because Python's `datetime.isoformat()` writes it so. */
const TimeSchema = z.string().transform((text, context) => {
  const hasOffset = /(?:[zZ]|[+-]\d{2}:?\d{2})$/.test(text) || !text.includes('T')
  const ms = Date.parse(hasOffset ? text : `${text}Z`)
  if (Number.isNaN(ms)) {
    context.addIssue({ code: 'custom', message: 'must be an ISO 8601 time' })
    return z.NEVER
  }
  return ms
})

export const LimitRequestSchema = z
  .object({
    limit_type: z.enum(['hard', 'soft', 'rolling_window']).default('hard'),
    metric_type: z.enum(METRICS),
    limit_value: QuantitySchema,
    warning_threshold: z
      .union([z.number(), z.string().transform(Number)])
      .pipe(z.number().gt(0).max(100))
      .nullish(),
    window_seconds: z.number().gt(0).max(MAX_WINDOW_SECONDS).nullish(),
    expires_at: TimeSchema.nullish(),
  })
  .transform((request, context): LimitTerms => {
    const parsed = parseQuantity(request.metric_type, request.limit_value)
    if (!parsed.ok)
      context.addIssue({ code: 'custom', path: ['limit_value'], message: parsed.reason })
    if (request.limit_type === 'rolling_window' && request.window_seconds == null) {
      const message = 'is needed for a rolling_window limit'
      context.addIssue({ code: 'custom', path: ['window_seconds'], message })
    }
    return {
      metric: request.metric_type,
      value: parsed.ok ? parsed.amount : 0n,
      warningThreshold: request.warning_threshold ?? null,
      expiresAtMs: request.expires_at ?? null,
      kind:
        request.limit_type === 'rolling_window'
          ? {
              type: 'rolling_window',
              windowMs: Math.max(1, Math.round((request.window_seconds ?? 0) * 1000)),
            }
          : { type: request.limit_type },
    }
  })

/** Only the hash is sent and kept: whoever opens the session keeps the key. */
const Sha256Schema = z
  .string()
  .regex(/^[0-9a-f]{64}$/i, 'must be a SHA-256: 64 hexadecimal digits')
  .transform((hash) => hash.toLowerCase())

export const CreateSessionRequestSchema = z
  .object({
    limits: z.array(LimitRequestSchema).max(32).nullish(),
    tracing_session_id: z.string().max(256).nullish(),
    session_type: z.string().min(1).max(128).nullish(),
    expires_at: TimeSchema.nullish(),
    metadata: z.record(z.string(), z.json()).nullish(),
    make_active: z.boolean().nullish(),
    bound_key_sha256: Sha256Schema.nullish(),
  })
  .transform(
    (request): SessionTerms => ({
      sessionType: request.session_type ?? 'api_call',
      limits: request.limits ?? [],
      expiresAtMs: request.expires_at ?? null,
      tracingSessionId: request.tracing_session_id ?? null,
      metadata: (request.metadata ?? {}) satisfies JsonObject,
      makeActive: request.make_active ?? true,
      boundKeySha256: request.bound_key_sha256 ?? null,
    }),
  )

export interface RaiseRequest {
  readonly metric: Metric
  readonly by: bigint
  readonly limitId: string | null
}

export const RaiseRequestSchema = z
  .object({
    metric_type: z.enum(METRICS),
    increase_by: QuantitySchema,
    limit_id: z.string().nullish(),
  })
  .transform((request, context): RaiseRequest => {
    const parsed = parseQuantity(request.metric_type, request.increase_by)
    if (!parsed.ok)
      context.addIssue({ code: 'custom', path: ['increase_by'], message: parsed.reason })
    return {
      metric: request.metric_type,
      by: parsed.ok ? parsed.amount : 0n,
      limitId: request.limit_id ?? null,
    }
  })
