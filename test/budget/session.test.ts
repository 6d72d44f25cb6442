import { describe, expect, test } from 'vitest'
import { markExceeded, refuse } from '../../src/budget/account.ts'
import { UNKNOWN_USAGE } from '../../src/budget/hold.ts'
import { amounts, NOTHING } from '../../src/budget/metric.ts'
import {
  addLimit,
  decideAttach,
  endSession,
  type Ids,
  openSession,
  plainTerms,
  raiseLimit,
  refresh,
  type Session,
  type SessionTerms,
} from '../../src/budget/session.ts'
import { toSessionJson, toUsageRecordJson } from '../../src/budget/session-json.ts'
import {
  CreateSessionRequestSchema,
  LimitRequestSchema,
  RaiseRequestSchema,
} from '../../src/budget/session-request.ts'
import { CALL, hard, OWNER, rolling, soft, usd } from './building.ts'

function countingIds(): Ids {
  let count = 0
  const next = () => (++count).toString(16).padStart(12, '0')
  return {
    sessionId: () => `sess_${next().padStart(32, '0')}`,
    uuid: () => `00000000-0000-4000-8000-${next()}`,
  }
}

function sessionWith(terms: Partial<SessionTerms> = {}, nowMs = 0): Session {
  return openSession(OWNER, null, { ...plainTerms([]), ...terms }, countingIds(), nowMs)
}

/** As a refused reservation leaves it. */
function exceed(session: Session, spent: bigint, requested: bigint): Session {
  const account = { ...session.account, spent: usd(spent) }
  const refusal = refuse(account, { atLeast: usd(requested), ownHold: NOTHING }, 0)
  if (refusal === null) throw new Error('nothing refuses')
  return { ...session, account: markExceeded(account, refusal, 0) }
}

describe('which session a call belongs to', () => {
  const owner = { by: 'owner', terms: plainTerms([hard(20n)]) } as const
  const current = sessionWith({ expiresAtMs: 1_000 })
  const name = { by: 'name', sessionId: current.sessionId } as const
  const ended = { ...current, account: { ...current.account, status: 'ended' } } as const
  const used = exceed(sessionWith({ limits: [hard(10n)] }), 10n, 1n)

  test.each([
    { why: 'it opted out', target: { by: 'none' }, found: undefined, kind: 'unattached' },
    { why: 'the owner has none', target: owner, found: undefined, kind: 'open' },
    { why: 'the owner has one', target: owner, found: current, kind: 'attach' },
    { why: "the owner's is used up", target: owner, found: used, kind: 'attach' },
    { why: "the owner's has ended", target: owner, found: ended, kind: 'open' },
    { why: "the owner's has expired", target: owner, found: current, kind: 'open', nowMs: 1_000 },
    { why: 'it names one', target: name, found: current, kind: 'attach' },
    {
      why: 'it names none of ours',
      target: name,
      found: undefined,
      kind: 'refuse',
      reason: 'not_found',
    },
    {
      why: 'it names one that has ended',
      target: name,
      found: ended,
      kind: 'refuse',
      reason: 'session_ended',
    },
    {
      why: 'it names one that has expired',
      target: name,
      found: current,
      kind: 'refuse',
      reason: 'session_expired',
      nowMs: 1_000,
    },
    {
      why: 'its key is bound to one that has ended',
      target: { ...name, by: 'bound_key' },
      found: ended,
      kind: 'refuse',
      reason: 'session_ended',
    },
  ] as const)('$why: $kind $reason', (row) => {
    const nowMs = 'nowMs' in row ? row.nowMs : 0
    const decision = decideAttach(OWNER, row.target, row.found, nowMs)
    expect(decision).toMatchObject({
      kind: row.kind,
      ...('reason' in row ? { reason: row.reason } : {}),
    })
  })

  test("another owner's is not found", () => {
    const other = { ...OWNER, userId: '00000000-0000-4000-8000-00000000000c' }
    expect(decideAttach(other, name, current, 0)).toEqual({ kind: 'refuse', reason: 'not_found' })
  })

  test('a further session is never the one of a call that names none', () => {
    const further = sessionWith({ makeActive: false })
    expect(decideAttach(OWNER, owner, further, 0).kind).toBe('open')
  })
})

describe('ending', () => {
  test('is for good, and only once', () => {
    const change = endSession(sessionWith(), 5)
    expect(change).toMatchObject({
      ok: true,
      session: { isCurrent: false, endedAtMs: 5, account: { status: 'ended' } },
    })
    if (change.ok)
      expect(endSession(change.session, 6)).toEqual({ ok: false, reason: 'not_active' })
  })

  test('happens by itself at expires_at', () => {
    const session = sessionWith({ expiresAtMs: 10 })
    expect(refresh(session, 9)).toBe(session)
    expect(refresh(session, 10)).toMatchObject({
      isCurrent: false,
      endedAtMs: 10,
      account: { status: 'expired' },
    })
    expect(endSession(session, 10)).toEqual({ ok: false, reason: 'not_active' })
  })

  test('of one that is used up is allowed', () => {
    expect(endSession(exceed(sessionWith({ limits: [hard(1n)] }), 1n, 1n), 1).ok).toBe(true)
  })
})

describe('raising', () => {
  const raise = (session: Session, by: bigint) =>
    raiseLimit(session, { metric: 'cost_usd', by, limitId: null }, 0)

  test('the limit that refused, whichever else there are, makes it active again', () => {
    const session = exceed(
      sessionWith({ limits: [hard(500n), rolling(10n, 1_000), hard(20n)] }),
      20n,
      1n,
    )
    const change = raise(session, 5n)
    expect(change).toMatchObject({
      ok: true,
      value: { value: 25n, exceededAtMs: null },
      session: { account: { status: 'active' } },
    })
  })

  test('without a refusal takes the hard one that is tightest', () => {
    const session = sessionWith({ limits: [soft(1n), rolling(2n, 1_000), hard(50n), hard(20n)] })
    expect(raise(session, 5n)).toMatchObject({ value: { value: 25n } })
  })

  test('a metric without a limit has nothing to raise', () => {
    expect(raise(sessionWith({ limits: [hard(5n, 'tokens')] }), 1n)).toEqual({
      ok: false,
      reason: 'no_such_limit',
    })
  })

  test('one that has ended is not active', () => {
    const ended = endSession(sessionWith({ limits: [hard(5n)] }), 1)
    if (ended.ok) expect(raise(ended.session, 1n)).toEqual({ ok: false, reason: 'not_active' })
    expect.assertions(1)
  })
})

test('a window that is set later knows what was spent before it', () => {
  const session = sessionWith()
  const past = [
    { atMs: 1_000, amount: 3n },
    { atMs: 60_000, amount: 4n },
  ]
  const change = addLimit(session, rolling(10n, 64_000), 'limit-1', past, 70_000)
  expect(change).toMatchObject({ value: { buckets: [{ spent: 3n }, { spent: 4n }] } })
})

describe('JSON', () => {
  test("a session is what Synth's clients read", async () => {
    const terms = CreateSessionRequestSchema.parse({
      limits: [
        { limit_type: 'hard', metric_type: 'cost_usd', limit_value: 20.0 },
        {
          limit_type: 'rolling_window',
          metric_type: 'tokens',
          limit_value: '1000',
          window_seconds: 60,
        },
        {
          limit_type: 'soft',
          metric_type: 'gpu_hours',
          limit_value: 1.5,
          warning_threshold: 0.8,
          expires_at: '2026-01-02T00:00:00',
        },
      ],
      session_type: 'codex_agent',
      expires_at: '2026-01-01T12:00:00+02:00',
      metadata: { branch: 'main' },
      session_id: 'sess_chosen_by_the_client',
      make_active: false,
    })
    const opened = openSession(OWNER, null, terms, countingIds(), Date.UTC(2026, 0, 1))
    const account = {
      ...opened.account,
      spent: amounts({ tokens: 1_234n, cost_usd: 1_200_000n, gpu_hours: 36_000n, api_calls: 3n }),
      reserved: usd(50_000_000n),
    }
    const json = toSessionJson({ ...opened, account }, Date.UTC(2026, 0, 1))
    await expect(`${JSON.stringify(json, null, 2)}\n`).toMatchFileSnapshot('golden/session.json')
  })

  test('of a session that is used up says which limit it was', () => {
    const json = toSessionJson(exceed(sessionWith({ limits: [hard(10n ** 9n)] }), 10n ** 9n, 1n), 0)
    expect(json).toMatchObject({
      status: 'limit_exceeded',
      limit_exceeded_reason:
        'cost_usd limit of 1 reached: 1 spent, the next call needs at least 0.000000001',
      limits: [{ exceeded_at: '1970-01-01T00:00:00.000Z', current_usage: '1' }],
    })
  })

  test('of a usage record has an id of its own per metric', async () => {
    const record = {
      recordId: '00000000-0000-4000-8000-00000000000f',
      holdId: 'hold_1',
      sessionId: 'sess_1',
      call: { ...CALL, clientRequestId: 'mine-1', details: { upstream: 'local' } },
      usage: {
        ...UNKNOWN_USAGE,
        responseId: 'resp_1',
        inputTokens: 100,
        cachedInputTokens: 40,
        outputTokens: 7,
      },
      charged: amounts({ tokens: 107n, cost_usd: 42n }),
      outcome: 'exact',
      overrun: false,
      correction: false,
      createdAtMs: 0,
    } as const
    const json = [toUsageRecordJson(record, 'tokens'), toUsageRecordJson(record, 'cost_usd')]
    expect(json[0]?.id).not.toBe(json[1]?.id)
    await expect(`${JSON.stringify(json, null, 2)}\n`).toMatchFileSnapshot(
      'golden/usage-records.json',
    )
  })
})

describe('requests', () => {
  const limit = { limit_type: 'hard', metric_type: 'cost_usd', limit_value: 1 }
  test.each([
    { why: 'no value', request: { ...limit, limit_value: undefined }, path: 'limit_value' },
    { why: 'zero', request: { ...limit, limit_value: 0 }, path: 'limit_value' },
    { why: 'an unknown metric', request: { ...limit, metric_type: 'eur' }, path: 'metric_type' },
    { why: 'an unknown type', request: { ...limit, limit_type: 'firm' }, path: 'limit_type' },
    {
      why: 'a window without length',
      request: { ...limit, limit_type: 'rolling_window' },
      path: 'window_seconds',
    },
    { why: 'a time that is none', request: { ...limit, expires_at: 'soon' }, path: 'expires_at' },
    {
      why: 'a threshold above 100 %',
      request: { ...limit, warning_threshold: 101 },
      path: 'warning_threshold',
    },
  ])('a limit with $why is refused by field', ({ request, path }) => {
    const parsed = LimitRequestSchema.safeParse(request)
    expect(parsed.error?.issues.map((issue) => issue.path.join('.'))).toContain(path)
  })

  test('a raise is read exactly', () => {
    expect(RaiseRequestSchema.parse({ metric_type: 'cost_usd', increase_by: 0.1 })).toEqual({
      metric: 'cost_usd',
      by: 100_000_000n,
      limitId: null,
    })
  })
})
