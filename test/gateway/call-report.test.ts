/** What those who look on are told of calls, by the gateway's own calls under a clock that is moved by hand. */
import { describe, expect, test } from 'vitest'
import { amounts, NOTHING } from '../../src/budget/metric.ts'
import { BridgeError } from '../../src/errors.ts'
import { runCall } from '../../src/gateway/call.ts'
import { DEFAULT_TIMING } from '../../src/gateway/call-deps.ts'
import type { CallPlan } from '../../src/gateway/call-plan.ts'
import { type CallReport, watchTogether } from '../../src/gateway/call-report.ts'
import { createLiveCalls } from '../../src/gateway/live-calls.ts'
import type { Charge, Spending } from '../../src/gateway/spending.ts'
import { FakeClient, FakeClock, FakeUpstream, NO_TRACES, planOf, settled } from './fakes.ts'

const HELD = amounts({ tokens: 100n, cost_usd: 90n, api_calls: 1n })
const CHARGE: Charge = {
  amounts: amounts({ tokens: 10n, cost_usd: 7n, api_calls: 1n }),
  outcome: 'exact',
  usage: {
    responseId: 'resp_1',
    inputTokens: 6,
    cachedInputTokens: 2,
    outputTokens: 4,
    details: { reasoning_tokens: 3 },
  },
}

interface Told {
  readonly ended: CallReport[]
  readonly failed: unknown[]
  readonly retried: string[]
}

function start(overrides: Partial<CallPlan> = {}, refusal?: BridgeError) {
  const clock = new FakeClock()
  const upstream = new FakeUpstream()
  const client = new FakeClient()
  const told: Told = { ended: [], failed: [], retried: [] }
  const calls = createLiveCalls(clock, {
    attemptFailed: (model, name, error) => told.failed.push([model, name, error.code]),
    retried: (name) => told.retried.push(name),
    ended: (report) => told.ended.push(report),
  })
  let exhaust = (_metadata: Record<string, string>) => {}
  const admit: Spending['admit'] = async (_intent, onExhausted) => {
    if (refusal !== undefined) throw refusal
    exhaust = onExhausted
    return {
      held: HELD,
      sessionId: 'sess_1',
      maxOutputTokens: undefined,
      headers: {},
      sent() {},
      meter() {},
      settle: async ({ phase }) => ({
        charge: phase === 'unsent' ? undefined : CHARGE,
        estimate: undefined,
      }),
    }
  }
  const done = runCall(planOf(overrides), client, {
    clock,
    upstream,
    spending: { admit },
    calls,
    traces: NO_TRACES,
    timing: DEFAULT_TIMING,
    random: () => 0.5,
    redact: (text) => text,
    log: () => {},
  })
  const report = async () => {
    await done
    return told.ended
  }
  return { clock, upstream, client, calls, told, report, exhaust: () => exhaust }
}

describe('the report of a call', () => {
  test('has when its first output came and how long output lasted, without the wait for usage', async () => {
    const { clock, upstream, report } = start()
    await clock.advance(100)
    const handler = upstream.accept()
    await clock.advance(200)
    handler.onMessage('first', undefined)
    await clock.advance(400)
    handler.onMessage('finish', undefined)
    await clock.advance(800)
    handler.onMessage('[DONE]', undefined)
    expect(await report()).toMatchObject([
      {
        route: 'responses',
        streaming: true,
        keyName: 'local',
        upstreamModel: 'm',
        upstreamBaseUrl: 'http://127.0.0.1:1/v1',
        outcome: 'completed',
        durationMs: 1_500,
        firstTokenMs: 300,
        outputMs: 400,
        usage: { inputTokens: 6, cachedInputTokens: 2, outputTokens: 4, reasoningTokens: 3 },
        failures: [],
        cutBy: undefined,
        error: undefined,
      },
    ])
  })

  test('has no first output where none came', async () => {
    const { upstream, report } = start({ streaming: false })
    await settled()
    upstream.accept().onMessage('[DONE]', undefined)
    expect(await report()).toMatchObject([
      { streaming: false, firstTokenMs: undefined, outputMs: undefined },
    ])
  })

  test('tells of a failed attempt at once, and counts its wait to the first output', async () => {
    const { clock, upstream, told, report } = start()
    await settled()
    upstream.last.handler.onFailed(new BridgeError('upstream_unreachable', 'refused'))
    await settled()
    expect(told).toMatchObject({
      failed: [['m', 'local', 'upstream_unreachable']],
      retried: ['local'],
      ended: [],
    })
    const failedAtMs = clock.nowMs()
    await clock.advance(1_000)
    const handler = upstream.accept()
    handler.onMessage('x', undefined)
    handler.onMessage('[DONE]', undefined)
    expect(await report()).toMatchObject([
      {
        outcome: 'completed',
        attempts: 2,
        firstTokenMs: 1_000,
        outputMs: 0,
        failures: [{ atMs: failedAtMs, errorCode: 'upstream_unreachable' }],
        error: undefined,
      },
    ])
  })

  test('has the error of an answer that broke off, and the attempt that it was', async () => {
    const { clock, upstream, told, report } = start()
    await settled()
    const handler = upstream.accept()
    handler.onMessage('x', undefined)
    await clock.advance(50)
    const error = new BridgeError('upstream_cut', 'broke')
    handler.onFailed(error)
    expect(await report()).toMatchObject([
      { outcome: 'failed', outputMs: 50, error, failures: [{ errorCode: 'upstream_cut' }] },
    ])
    expect(told).toMatchObject({ failed: [['m', 'local', 'upstream_cut']], retried: [] })
  })

  test('has the refusal of the budget, which is no failed attempt', async () => {
    const refusal = new BridgeError('session_cost_limit', 'used up')
    const { told, report } = start({}, refusal)
    expect(await report()).toMatchObject([{ outcome: 'refused', error: refusal, attempts: 0 }])
    expect(told.failed).toEqual([])
  })

  test('names the limit that broke the answer off', async () => {
    const { upstream, report, exhaust } = start()
    await settled()
    upstream.accept().onMessage('x', undefined)
    exhaust()({ budget: 'session_token_limit', budget_message: 'used up' })
    expect(await report()).toMatchObject([
      { outcome: 'incomplete', cutBy: 'session_token_limit', error: undefined },
    ])
  })

  test('of a client that left has no failure of the upstream', async () => {
    const { upstream, client, told, report } = start()
    await settled()
    upstream.accept().onMessage('x', undefined)
    client.leave()
    expect(await report()).toMatchObject([{ outcome: 'client_gone', failures: [] }])
    expect(told.failed).toEqual([])
  })
})

describe('the census', () => {
  test('counts running calls by phase, and their holds while they stand', async () => {
    const { clock, upstream, calls, report } = start()
    const none = { calls: { admission: 0, upstream: 0, answer: 0 }, streams: 0 }
    await settled()
    expect(calls.census()).toEqual({
      ...none,
      calls: { ...none.calls, upstream: 1 },
      holds: 1,
      held: HELD,
    })
    upstream.last.handler.onFailed(new BridgeError('upstream_unreachable', 'refused'))
    await settled()
    expect(calls.census()).toEqual({
      ...none,
      calls: { ...none.calls, admission: 1 },
      holds: 0,
      held: NOTHING,
    })
    await clock.advance(1_000)
    const handler = upstream.accept()
    expect(calls.census()).toMatchObject({ calls: { answer: 1 }, streams: 1, holds: 1 })
    handler.onMessage('[DONE]', undefined)
    await report()
    expect(calls.census()).toEqual({ ...none, holds: 0, held: NOTHING })
  })

  test('an answer that comes whole is no stream', async () => {
    const { upstream, calls } = start({ streaming: false })
    await settled()
    upstream.accept()
    expect(calls.census()).toMatchObject({ calls: { answer: 1 }, streams: 0 })
  })
})

test('who looks on and throws harms neither the call nor the others', () => {
  const seen: string[] = []
  const faults: unknown[] = []
  const broken = (): never => {
    throw new Error('broken')
  }
  const watcher = watchTogether(
    [
      { attemptFailed: broken, retried: broken, ended: broken },
      { ended: () => seen.push('ended') },
      { retried: (upstream) => seen.push(upstream), ended: () => seen.push('ended') },
    ],
    (cause) => faults.push(cause),
  )
  watcher.attemptFailed('m', 'local', new BridgeError('upstream_error', 'x'))
  watcher.retried('local')
  watcher.ended({} as CallReport)
  expect(seen).toEqual(['local', 'ended', 'ended'])
  expect(faults).toHaveLength(3)
})
