/** What is remembered of calls: told by the gateway's own calls, so that each ending is a real one. */
import { describe, expect, test } from 'vitest'
import { amounts } from '../../src/budget/metric.ts'
import { BridgeError } from '../../src/errors.ts'
import { runCall } from '../../src/gateway/call.ts'
import { DEFAULT_TIMING } from '../../src/gateway/call-deps.ts'
import type { CallPlan } from '../../src/gateway/call-plan.ts'
import { createLiveCalls } from '../../src/gateway/live-calls.ts'
import type { Charge, Spending } from '../../src/gateway/spending.ts'
import {
  FakeClient,
  FakeClock,
  FakeUpstream,
  IDENTITY,
  NO_TRACES,
  planOf,
  settled,
} from './fakes.ts'

const OWNER = IDENTITY.caller

const CHARGE: Charge = {
  amounts: amounts({ tokens: 10n, cost_usd: 7n, api_calls: 1n }),
  outcome: 'exact',
  usage: {
    responseId: 'resp_1',
    inputTokens: 6,
    cachedInputTokens: 0,
    outputTokens: 4,
    details: {},
  },
}

function start(overrides: Partial<CallPlan> = {}, admit?: Spending['admit']) {
  const clock = new FakeClock()
  const upstream = new FakeUpstream()
  const client = new FakeClient()
  const calls = createLiveCalls(clock)
  const admitAll: Spending['admit'] = async () => ({
    held: amounts({}),
    sessionId: 'sess_1',
    maxOutputTokens: undefined,
    headers: {},
    sent() {},
    meter() {},
    settle: async ({ phase }) => ({
      charge: phase === 'unsent' ? undefined : CHARGE,
      estimate: undefined,
    }),
  })
  const run = (plan: Partial<CallPlan> = overrides) =>
    runCall(planOf(plan), client, {
      clock,
      upstream,
      spending: { admit: admit ?? admitAll },
      calls,
      traces: NO_TRACES,
      timing: DEFAULT_TIMING,
      random: () => 0.5,
      redact: (text) => text,
      log: () => {},
    })
  return { clock, upstream, client, calls, run }
}

describe('a running call', () => {
  test('shows what it waits for, how far it is and how fast', async () => {
    const { clock, upstream, calls, run } = start()
    const done = run()
    const read = () => calls.active(OWNER)[0]
    expect(read()).toMatchObject({ phase: 'admission', attempts: 0, sessionId: null })
    await settled()
    await clock.advance(2_000)
    expect(read()).toMatchObject({
      requestId: 'req_1',
      responseId: 'resp_1',
      model: 'm',
      upstream: 'local',
      sessionId: 'sess_1',
      phase: 'upstream',
      attempts: 1,
      ageMs: 2_000,
      outputChars: 0,
      tokensPerSecond: undefined,
    })
    const handler = upstream.accept()
    handler.onMessage('x'.repeat(300), undefined)
    await clock.advance(500)
    expect(read()).toMatchObject({ phase: 'answer', tokensPerSecond: undefined })
    await clock.advance(500)
    // 300 characters are 100 tokens to the budget.
    expect(read()).toMatchObject({ outputTokensEstimate: 100, tokensPerSecond: 100 })
    // A second look at once does not fall to nothing; a stalled answer does.
    expect(read()).toMatchObject({ tokensPerSecond: 100 })
    await clock.advance(2_000)
    expect(read()).toMatchObject({ tokensPerSecond: 0 })

    handler.onMessage('[DONE]', undefined)
    handler.onEnd()
    await done
    expect(calls.active(OWNER)).toEqual([])
  })

  test('between two attempts waits for admission again', async () => {
    const { clock, upstream, calls, run } = start()
    const done = run()
    await settled()
    upstream.last.handler.onFailed(new BridgeError('upstream_unreachable', 'refused'))
    await settled()
    expect(calls.active(OWNER)).toMatchObject([{ phase: 'admission', attempts: 1 }])
    await clock.advance(1_000)
    upstream.accept().onMessage('[DONE]', undefined)
    await done
    expect(calls.recent(OWNER, 1)).toMatchObject([
      { attempts: 2, outcome: 'completed', durationMs: 1_000, charged: CHARGE.amounts },
    ])
  })
})

describe('a call that has ended', () => {
  const unreachable = new BridgeError('upstream_error', 'broke')

  test.each<{
    how: string
    plan?: Partial<CallPlan>
    end: (parts: ReturnType<typeof start>) => void
    ending: object
  }>([
    {
      how: 'completed',
      end: ({ upstream }) => upstream.accept().onMessage('[DONE]', undefined),
      ending: { outcome: 'completed', status: 200, errorCode: null, charge: CHARGE },
    },
    {
      how: 'whole',
      plan: { streaming: false },
      end: ({ upstream }) => upstream.accept().onBody({}),
      ending: { outcome: 'completed', status: 200, errorCode: null },
    },
    {
      how: 'broken while it streamed',
      end: ({ upstream }) => upstream.accept().onFailed(unreachable),
      ending: { outcome: 'failed', status: 200, errorCode: 'upstream_error' },
    },
    {
      how: 'rejected by the upstream',
      end: ({ upstream }) => {
        upstream.last.handler.onSent()
        upstream.last.handler.onRejected(401, {}, '{}')
      },
      ending: { outcome: 'failed', status: 401, errorCode: 'upstream_auth' },
    },
    {
      how: 'left before the head',
      end: ({ client }) => client.leave(),
      ending: { outcome: 'client_gone', status: null, errorCode: null, charge: undefined },
    },
    {
      how: 'left while it streamed',
      end: ({ upstream, client }) => {
        upstream.accept().onMessage('abc', undefined)
        client.leave()
      },
      ending: { outcome: 'client_gone', status: 200, errorCode: null, charge: CHARGE },
    },
    {
      how: 'answered by the bridge itself',
      plan: { canned: '[DONE]' },
      end: () => {},
      ending: { outcome: 'completed', status: 200, attempts: 0, charge: undefined },
    },
  ])('$how', async ({ plan, end, ending }) => {
    const parts = start(plan)
    const done = parts.run()
    await settled()
    end(parts)
    await done
    expect(parts.calls.recent(OWNER, 9)).toEqual([expect.objectContaining(ending)])
    expect(parts.calls.active(OWNER)).toEqual([])
  })

  test('refused by the budget, with the session that refused it', async () => {
    const headers = { 'x-synth-session-id': 'sess_full' }
    const { calls, run } = start({}, () =>
      Promise.reject(new BridgeError('session_cost_limit', 'used up', { headers })),
    )
    await run()
    expect(calls.recent(OWNER, 9)).toMatchObject([
      {
        outcome: 'refused',
        status: 429,
        errorCode: 'session_cost_limit',
        sessionId: 'sess_full',
        attempts: 0,
        charged: amounts({}),
      },
    ])
  })

  test('by a fault of ours is no longer running', async () => {
    const { client, calls, run } = start()
    client.onGone = () => {
      throw new Error('broken')
    }
    await run()
    expect(calls.active(OWNER)).toEqual([])
    expect(calls.recent(OWNER, 9)).toMatchObject([
      { outcome: 'failed', status: null, errorCode: 'internal_error' },
    ])
  })
})

describe('what is kept', () => {
  const { intent } = planOf()
  const ENDING = { outcome: 'completed', status: 200, errorCode: null } as const
  const planWith = (requestId: string, userId = OWNER.userId) => ({
    intent: { ...intent, identity: { ...IDENTITY, requestId, caller: { ...OWNER, userId } } },
    streaming: true,
  })

  test('is the owner’s own, newest first, and bounded', () => {
    const calls = createLiveCalls(new FakeClock())
    calls.begin(planWith('other', 'somebody'), () => 0).end(ENDING)
    calls.begin(planWith('running', 'somebody'), () => 0)
    for (let n = 0; n < 250; n++) calls.begin(planWith(`r${n}`), () => 0).end(ENDING)

    const kept = calls.recent(OWNER, 1000).map(({ requestId }) => requestId)
    expect(kept).toHaveLength(200)
    expect([kept[0], kept.at(-1)]).toEqual(['r249', 'r50'])
    expect(calls.recent(OWNER, 3)).toHaveLength(3)
    expect(calls.active(OWNER)).toEqual([])
    const others = { ...OWNER, userId: 'somebody' }
    expect(calls.recent(others, 9).map(({ requestId }) => requestId)).toEqual(['other'])
    expect(calls.active(others).map(({ requestId }) => requestId)).toEqual(['running'])
    expect(calls.recent({ ...OWNER, orgId: 'elsewhere' }, 9)).toEqual([])
  })

  test('of a client’s own names is no more than their beginning', () => {
    const calls = createLiveCalls(new FakeClock())
    const { resolved } = intent
    const model = { ...resolved.model, name: 'm'.repeat(1_000_000) }
    const identity = { ...IDENTITY, sessionId: 's'.repeat(10_000) }
    const asked = { ...intent, identity, resolved: { ...resolved, model } }
    calls.begin({ intent: asked, streaming: true }, () => 0)
    const [call] = calls.active(OWNER)
    expect([call?.model.length, call?.sessionId?.length]).toEqual([200, 200])
  })
})
