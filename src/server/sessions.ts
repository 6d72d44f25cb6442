/**
 * The sessions API, as Synth's own clients call it: nine calls, bare arrays, 201 on create.
 *
 * @see ../../docs/budgets.md
 */
import type { z } from 'zod'
import { METRICS, type Metric } from '../budget/metric.ts'
import type { Session, SessionStatus } from '../budget/session.ts'
import { toLimitJson, toSessionJson, toUsageRecordJson } from '../budget/session-json.ts'
import {
  CreateSessionRequestSchema,
  LimitRequestSchema,
  RaiseRequestSchema,
} from '../budget/session-request.ts'
import { BridgeError } from '../errors.ts'
import type { Caller } from '../gateway/identity.ts'
import type { LedgerStore } from '../gateway/ledger-port.ts'

export interface SessionCall {
  readonly caller: Caller
  /** The `{id}` of the path. */
  readonly sessionId: string
  readonly query: (name: string) => string | undefined
  /** Reads the body; not called by routes that have none. */
  readonly json: () => Promise<unknown>
}

export interface SessionAnswer {
  readonly status: 200 | 201
  readonly body: unknown
}

export type SessionHandler = (call: SessionCall) => Promise<SessionAnswer>

const STATUSES: readonly SessionStatus[] = ['active', 'ended', 'limit_exceeded', 'expired']
const MAX_PAGE = 1000

const ok = (body: unknown): SessionAnswer => ({ status: 200, body })

function readBody<Schema extends z.ZodType>(schema: Schema, json: unknown): z.output<Schema> {
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const param = issue?.path.join('.') ?? ''
  throw new BridgeError('invalid_request', `${param || 'The body'}: ${issue?.message}.`, {
    param: param === '' ? undefined : param,
  })
}

/** A whole number of the query, at most `most`. @throws {BridgeError} invalid_request */
export function readCount(
  call: Pick<SessionCall, 'query'>,
  name: string,
  fallback: number,
  most: number,
): number {
  const text = call.query(name)
  if (text === undefined) return fallback
  if (!/^\d{1,9}$/.test(text)) {
    throw new BridgeError(
      'invalid_request',
      `${name} must be a whole number, not "${text.slice(0, 40)}".`,
      {
        param: name,
      },
    )
  }
  return Math.min(Number(text), most)
}

function readChoice<Choice extends string>(
  call: SessionCall,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const text = call.query(name)
  if (text === undefined) return undefined
  const choice = choices.find((candidate) => candidate === text)
  if (choice !== undefined) return choice
  throw new BridgeError(
    'invalid_request',
    `${name} must be one of ${choices.join(', ')}, not "${text.slice(0, 40)}".`,
    { param: name },
  )
}

function readTime(call: SessionCall, name: string): number | undefined {
  const text = call.query(name)
  if (text === undefined) return undefined
  const ms = Date.parse(text)
  if (!Number.isNaN(ms)) return ms
  throw new BridgeError('invalid_request', `${name} must be an ISO 8601 time.`, { param: name })
}

function notFound(sessionId: string): BridgeError {
  return new BridgeError('not_found', `No session "${sessionId.slice(0, 80)}".`)
}

function refusal(
  reason: 'not_found' | 'not_active' | 'no_such_limit',
  sessionId: string,
): BridgeError {
  switch (reason) {
    case 'not_found':
      return notFound(sessionId)
    case 'not_active':
      return new BridgeError('session_not_active', `Session "${sessionId}" is over.`)
    case 'no_such_limit':
      return new BridgeError('invalid_request', 'The session has no such limit to raise.', {
        param: 'metric_type',
      })
  }
}

export interface SessionHandlersOptions {
  readonly store: LedgerStore
  readonly nowMs: () => number
}

export function createSessionHandlers({ store, nowMs }: SessionHandlersOptions) {
  const ownerOf = ({ orgId, userId }: Caller) => ({ orgId, userId })
  const reference = (call: SessionCall) => ({
    ...ownerOf(call.caller),
    sessionId: call.sessionId,
  })

  async function find(call: SessionCall): Promise<Session> {
    const session = await store.getSession(reference(call), nowMs())
    if (session === null) throw notFound(call.sessionId)
    return session
  }

  return {
    me: async ({ caller }) =>
      ok({ org_id: caller.orgId, user_id: caller.userId, key_name: caller.keyName }),

    create: async (call) => {
      const terms = readBody(CreateSessionRequestSchema, await call.json())
      const { boundKeySha256 } = terms
      if (boundKeySha256 !== null && (await store.findBoundKey(boundKeySha256)) !== null) {
        throw new BridgeError(
          'invalid_request',
          'bound_key_sha256: this key is bound to a session already. Make a new key for each session.',
          { param: 'bound_key_sha256' },
        )
      }
      const request = { ...ownerOf(call.caller), apiKeyId: call.caller.keyId, terms }
      const session = await store.createSession(request, nowMs())
      return { status: 201, body: toSessionJson(session, nowMs()) }
    },

    list: async (call) => {
      const sessions = await store.listSessions(
        {
          ...ownerOf(call.caller),
          limit: readCount(call, 'limit', 100, MAX_PAGE),
          offset: readCount(call, 'offset', 0, Number.MAX_SAFE_INTEGER),
          status: readChoice(call, 'status', STATUSES),
          createdAfterMs: readTime(call, 'created_after'),
          createdBeforeMs: readTime(call, 'created_before'),
          tracingSessionId: call.query('tracing_session_id'),
        },
        nowMs(),
      )
      return ok(sessions.map((session) => toSessionJson(session, nowMs())))
    },

    show: async (call) => ok(toSessionJson(await find(call), nowMs())),

    end: async (call) => {
      const result = await store.endSession(reference(call), nowMs())
      if (!result.ok) throw refusal(result.reason, call.sessionId)
      return ok(toSessionJson(result.session, nowMs()))
    },

    limits: async (call) => {
      const { account } = await find(call)
      return ok(account.limits.map((limit) => toLimitJson(limit, account.spent, nowMs())))
    },

    addLimit: async (call) => {
      const terms = readBody(LimitRequestSchema, await call.json())
      const result = await store.addLimit({ ...reference(call), terms }, nowMs())
      if (!result.ok) throw refusal(result.reason, call.sessionId)
      return ok(toLimitJson(result.limit, result.session.account.spent, nowMs()))
    },

    raise: async (call) => {
      if (!call.caller.mayRaise) {
        throw new BridgeError(
          'forbidden',
          `The key "${call.caller.keyName}" may not raise its own limits (may_raise in [[keys]]).`,
        )
      }
      const raise = readBody(RaiseRequestSchema, await call.json())
      const result = await store.raiseLimit({ ...reference(call), ...raise }, nowMs())
      if (!result.ok) throw refusal(result.reason, call.sessionId)
      return ok(toLimitJson(result.limit, result.session.account.spent, nowMs()))
    },

    usage: async (call) => {
      const metric: Metric | undefined = readChoice(call, 'metric_type', METRICS)
      const entries = await store.listUsage({
        ...reference(call),
        metric,
        limit: readCount(call, 'limit', 100, MAX_PAGE),
        offset: readCount(call, 'offset', 0, Number.MAX_SAFE_INTEGER),
      })
      if (entries === null) throw notFound(call.sessionId)
      return ok(entries.map(({ record, metric: shown }) => toUsageRecordJson(record, shown)))
    },
  } satisfies Record<string, SessionHandler>
}

export type SessionRouteName = keyof ReturnType<typeof createSessionHandlers>
