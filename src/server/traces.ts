/**
 * The routes that read traces: the bridge's own, and those of Synth's interceptor.
 *
 * @see ../../docs/traces.md
 */
import { z } from 'zod'
import { BridgeError } from '../errors.ts'
import type { Caller } from '../gateway/identity.ts'
import type { TraceReader } from '../gateway/trace/guarded-store.ts'
import type { TracePlace, TraceQuery } from '../gateway/trace/port.ts'
import { readAs } from '../protocol/responses/read.ts'
import { conversationOf } from '../trace/conversation.ts'
import { TRACE_OUTCOMES, type TraceOutcome, type TraceRecord } from '../trace/record.ts'

export interface TraceCall {
  readonly caller: Caller
  /** A part of the path. */
  readonly param: (name: 'traceId' | 'correlationId') => string
  readonly query: (name: string) => string | undefined
  /** Reads the body; not called by routes that have none. */
  readonly json: () => Promise<unknown>
}

/** JSON. */
export type TraceHandler = (call: TraceCall) => Promise<string>

export interface TraceHandlersOptions {
  readonly store: TraceReader
  readonly nowMs: () => number
}

const DEFAULT_PAGE = 50
const MAX_PAGE = 1000
/** Calls of one correlation id: those of one rollout. */
const MAX_MATCHES = 1000
const MAX_HYDRATED = 100
/** Of one answer of `hydrate-batch`; what it has no room for is named in it. */
const MAX_HYDRATED_CHARS = 32 * 1_048_576

const HydrateSchema = z.looseObject({
  correlation_ids: z.array(z.string().min(1)).min(1).max(MAX_HYDRATED),
})
const LeaseSchema = z.looseObject({
  limit: z.int().min(1).max(MAX_PAGE).default(10),
  ttl_seconds: z.number().positive().max(86_400).default(300),
})

const ownerOf = ({ orgId, userId }: Caller) => ({ orgId, userId })

export function createTraceHandlers({ store, nowMs }: TraceHandlersOptions) {
  const readMatches = async (caller: Caller, correlationId: string): Promise<string[]> => {
    const { records } = await store.list({
      owner: ownerOf(caller),
      correlationId,
      order: 'oldest',
      limit: MAX_MATCHES,
      hasContent: true,
    })
    return records.map((record) => JSON.stringify(matchOf(JSON.parse(record))))
  }

  return {
    list: async (call) => {
      const { records, next } = await store.list(readQuery(call))
      const cursor = next === undefined ? null : toCursor(next)
      return `{"data":[${records.join(',')}],"next_cursor":${JSON.stringify(cursor)}}`
    },
    show: async ({ caller, param }) => {
      const traceId = param('traceId')
      const record = await store.find({ owner: ownerOf(caller), traceId })
      if (record !== undefined) return record
      throw new BridgeError('not_found', `No trace "${traceId.slice(0, 80)}".`)
    },
    byCorrelation: async ({ caller, param }) => {
      const matches = await readMatches(caller, param('correlationId'))
      return `{"matches":[${matches.join(',')}]}`
    },
    hydrateBatch: async (call) => {
      const { correlation_ids: ids } = readAs(HydrateSchema, await call.json(), '')
      const hydrated: string[] = []
      const missing: string[] = []
      const left: string[] = []
      let chars = 0
      for (const id of new Set(ids)) {
        if (chars >= MAX_HYDRATED_CHARS) {
          left.push(id)
          continue
        }
        const matches = await readMatches(call.caller, id)
        if (matches.length === 0) missing.push(id)
        else hydrated.push(`${JSON.stringify(id)}:[${matches.join(',')}]`)
        chars += matches.reduce((sum, match) => sum + match.length, 0)
      }
      const rest = JSON.stringify({ missing, left }).slice(1)
      return `{"hydrated":{${hydrated.join(',')}},${rest}`
    },
    leaseAny: async (call) => {
      const { limit, ttl_seconds: seconds } = readAs(LeaseSchema, await call.json(), '')
      const now = nowMs()
      const untilMs = now + Math.ceil(seconds * 1000)
      const owner = ownerOf(call.caller)
      const ids = await store.lease({ owner, limit, nowMs: now, untilMs })
      const expires_at = new Date(untilMs).toISOString()
      return JSON.stringify({ granted: Object.fromEntries(ids.map((id) => [id, { expires_at }])) })
    },
  } satisfies Record<string, TraceHandler>
}

export type TraceRouteName = keyof ReturnType<typeof createTraceHandlers>

/** @param record as this bridge's own store wrote it */
function matchOf(record: TraceRecord): unknown {
  const conversation = conversationOf(record)
  return {
    ...record,
    metadata: {
      trace_correlation_id: record.correlation_id,
      conversation: {
        request_messages: conversation?.messages ?? [],
        response_message: conversation?.answer ?? null,
      },
    },
  }
}

function readQuery({ caller, query }: TraceCall): TraceQuery {
  return {
    owner: ownerOf(caller),
    sessionId: query('session_id'),
    trialId: query('trial_id'),
    jobId: query('job_id'),
    correlationId: query('correlation_id'),
    model: query('model'),
    status: readStatus(query('status')),
    order: readChoice(query('order'), 'order', ['desc', 'asc']) === 'asc' ? 'oldest' : 'newest',
    after: readCursor(query('cursor')),
    limit: readLimit(query('limit')),
    hasContent: readChoice(query('content'), 'content', ['true', 'false']) !== 'false',
  }
}

function refuse(param: string, wanted: string, text: string): BridgeError {
  const message = `${param} must be ${wanted}, not "${text.slice(0, 40)}".`
  return new BridgeError('invalid_request', message, { param })
}

function readChoice<Choice extends string>(
  text: string | undefined,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  if (text === undefined) return undefined
  const choice = choices.find((candidate) => candidate === text)
  if (choice !== undefined) return choice
  throw refuse(name, `one of ${choices.join(', ')}`, text)
}

function readStatus(text: string | undefined): number | TraceOutcome | undefined {
  if (text === undefined) return undefined
  if (/^[1-5]\d\d$/.test(text)) return Number(text)
  const outcome = TRACE_OUTCOMES.find((candidate) => candidate === text)
  if (outcome !== undefined) return outcome
  throw refuse('status', `an HTTP status or one of ${TRACE_OUTCOMES.join(', ')}`, text)
}

function readLimit(text: string | undefined): number {
  if (text === undefined) return DEFAULT_PAGE
  const limit = Number(text)
  if (/^\d{1,9}$/.test(text) && limit > 0) return Math.min(limit, MAX_PAGE)
  throw refuse('limit', 'a whole number above 0', text)
}

function toCursor({ createdAtMs, traceId }: TracePlace): string {
  return Buffer.from(`${createdAtMs}.${traceId}`).toString('base64url')
}

function readCursor(text: string | undefined): TracePlace | undefined {
  if (text === undefined) return undefined
  const plain = Buffer.from(text, 'base64url').toString('utf8')
  const [, at, traceId] = /^(\d{1,15})\.(trace_[0-9a-f]{32})$/.exec(plain) ?? []
  if (at !== undefined && traceId !== undefined) return { createdAtMs: Number(at), traceId }
  throw refuse('cursor', 'a next_cursor of an answer before', text)
}
