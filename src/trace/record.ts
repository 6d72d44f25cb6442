/**
 * What a trace record is: one call, whoever made it and through whichever route. The one schema of what
 * `GET /api/v1/traces` answers with and exports read.
 *
 * @see ../../docs/traces.md
 */
import { z } from 'zod'

const text = z.string()
const count = z.number().nullable()

const ChangeSchema = z.discriminatedUnion('op', [
  z.looseObject({
    op: z.literal('edit'),
    path: text,
    edits: z.array(z.object({ at: z.number(), removed: z.number(), inserted: text })).readonly(),
  }),
  z.looseObject({ op: z.literal('set'), path: text, value: z.unknown() }),
  z.looseObject({ op: z.literal('insert'), path: text, value: z.unknown() }),
  z.looseObject({ op: z.literal('remove'), path: text }),
  z.looseObject({ op: z.literal('copy'), path: text, from: text }),
])

export const TRACE_APIS = ['chat', 'responses', 'compact'] as const
export type TraceApi = (typeof TRACE_APIS)[number]

export const TRACE_OUTCOMES = [
  'completed',
  'incomplete',
  'failed',
  'refused',
  'client_gone',
] as const
export type TraceOutcome = (typeof TRACE_OUTCOMES)[number]

const UsageSchema = z.object({
  input_tokens: count,
  cached_input_tokens: count,
  output_tokens: count,
  reasoning_tokens: count,
})

/** All of a record but what was said: what lists are filtered by and figures are made of. */
export const TraceFactsSchema = z.object({
  trace_id: text,
  request_id: text,
  response_id: text,
  /** Which wire `request.received` and `response` are in. */
  api: z.enum(TRACE_APIS).nullable(),
  session_id: text.nullable(),
  trial_id: text.nullable(),
  job_id: text.nullable(),
  seed: z.number().nullable(),
  correlation_id: text.nullable(),
  /** Synth's `{pipeline_id, stage_id}`. */
  stage_key: z.record(text, z.unknown()).nullable(),
  /** What the trial's candidate did: how many steps of the changes are its, which replacements matched nothing. */
  candidate: z
    .object({ id: text.nullable(), changes: z.number(), unmatched: z.array(z.number()) })
    .nullable(),
  /** Query parameters of a trial's URL that mean nothing to the bridge. */
  query: z.array(z.tuple([text, text])),
  model: text,
  upstream: text,
  /** Null while the call runs, or when its bridge died. */
  outcome: z.enum(TRACE_OUTCOMES).nullable(),
  /** HTTP status of the answer; null where there was none. */
  status: z.number().nullable(),
  attempts: z.number(),
  /** Whether the record holds the model's answer to its end. */
  complete: z.boolean(),
  /** ISO 8601. */
  created_at: text,
  /** From the call's arrival to the first piece of the upstream's answer. */
  first_byte_ms: z.number().nullable(),
  total_ms: z.number().nullable(),
  usage: UsageSchema.nullable(),
  /** A decimal string; null where nothing was charged. */
  cost_usd: text.nullable(),
  dropped: z.array(text),
  error: z.object({ code: text, message: text.nullable() }).nullable(),
})
export type TraceFacts = z.output<typeof TraceFactsSchema>

export const TraceRecordSchema = TraceFactsSchema.extend({
  request: z.object({
    /** Null where content is not kept. */
    received: z.unknown(),
    /** What makes the request as sent of it: `applyChanges`. */
    changes: z.array(ChangeSchema),
  }),
  /** The folded answer in the client's wire, as far as it came. */
  response: z.unknown(),
})
export type TraceRecord = z.output<typeof TraceRecordSchema>
