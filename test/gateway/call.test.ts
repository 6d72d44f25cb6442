import { describe, expect, test } from 'vitest'
import { BridgeError, type ErrorCode } from '../../src/errors.ts'
import { runCall } from '../../src/gateway/call.ts'
import { DEFAULT_TIMING } from '../../src/gateway/call-deps.ts'
import type { CallPlan } from '../../src/gateway/call-plan.ts'
import { createLiveCalls } from '../../src/gateway/live-calls.ts'
import type { UpstreamHandler } from '../../src/gateway/ports.ts'
import type { Spending } from '../../src/gateway/spending.ts'
import {
  FakeClient,
  FakeClock,
  FakeUpstream,
  IDENTITY,
  LineAnswer,
  NO_TRACES,
  planOf,
  recordSpending,
  settled,
} from './fakes.ts'

async function start(
  overrides: Partial<CallPlan> = {},
  gate?: Promise<void>,
  guard: (spending: Spending) => Spending = (spending) => spending,
) {
  const clock = new FakeClock()
  const upstream = new FakeUpstream()
  const client = new FakeClient()
  const spending = recordSpending(gate)
  const calls = createLiveCalls(clock)
  const done = runCall(planOf(overrides), client, {
    clock,
    upstream,
    spending: guard(spending.spending),
    calls,
    traces: NO_TRACES,
    timing: DEFAULT_TIMING,
    random: () => 0.5,
    redact: (text) => text.replaceAll('SECRET', '[redacted]'),
    log: () => {},
  })
  await settled()
  return { clock, upstream, client, spending, calls, done }
}

describe('a streamed call', () => {
  test('opens at the upstream head, relays, settles, then concludes', async () => {
    const { upstream, client, spending, done } = await start()
    const handler = upstream.accept()
    handler.onMessage('a', undefined)
    handler.onMessage('[DONE]', undefined)
    handler.onEnd()
    await done
    expect(client.text).toBe('open\na\ncompleted\n')
    expect(client.opened).toMatchObject({
      'content-type': 'text/event-stream',
      'x-synth-session-id': 'sess_1',
    })
    expect(client.ended).toBe(true)
    expect(spending.settled).toEqual([
      expect.objectContaining({ phase: 'accepted', outputChars: 1 }),
    ])
  })

  test('sends no terminal event before the spend is durable', async () => {
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const { upstream, client, done } = await start({}, gate)
    const handler = upstream.accept()
    handler.onMessage('[DONE]', undefined)
    handler.onEnd()
    await settled()
    expect(client.text).toBe('open\n')
    release()
    await done
    expect(client.text).toBe('open\ncompleted\n')
  })

  test('lets the upstream close by itself, and drops it when it does not', async () => {
    const { upstream, clock, done } = await start()
    const handler = upstream.accept()
    handler.onMessage('[DONE]', undefined)
    await done
    expect(upstream.last.aborted).toBe(false)
    await clock.advance(1000)
    expect(upstream.last.aborted).toBe(true)
  })

  test('waits a little for late usage after the finish, no longer', async () => {
    const { upstream, clock, client, done } = await start()
    upstream.accept().onMessage('finish', undefined)
    await clock.advance(1999)
    expect(client.ended).toBe(false)
    await clock.advance(1)
    await done
    expect(client.text).toBe('open\ncompleted\n')
  })

  test('waits no longer for an upstream that goes on talking after the finish', async () => {
    const { upstream, clock, client, done } = await start()
    const handler = upstream.accept()
    handler.onMessage('finish', undefined)
    await clock.advance(1500)
    handler.onMessage('more', undefined)
    await clock.advance(500)
    expect(client.ended).toBe(true)
    await done
  })

  test('stops reading while the client is slow', async () => {
    const { upstream, client } = await start()
    upstream.accept()
    client.block(true)
    expect(upstream.last.paused).toBe(true)
    client.block(false)
    expect(upstream.last.paused).toBe(false)
  })

  test('is cut at the upstream when the budget runs out', async () => {
    const { upstream, client, spending, done } = await start()
    upstream.accept().onMessage('a', undefined)
    spending.exhaust({ budget: 'session' })
    await done
    expect(upstream.last.aborted).toBe(true)
    expect(client.text).toBe('open\na\ncut {"budget":"session"}\nincomplete\n')
  })

  test.each<{ how: string; end: (handler: UpstreamHandler, exhaust: () => void) => void }>([
    {
      how: '[DONE] and an end',
      end: (handler) => {
        handler.onMessage('[DONE]', undefined)
        handler.onEnd()
      },
    },
    {
      how: 'an end alone',
      end: (handler) => {
        handler.onMessage('finish', undefined)
        handler.onEnd()
      },
    },
    {
      how: 'a cut',
      end: (handler) => handler.onFailed(new BridgeError('upstream_cut', 'cut')),
    },
    { how: 'a limit', end: (_handler, exhaust) => exhaust() },
  ])('leaves no timer behind after $how', async ({ end }) => {
    const { upstream, clock, spending, done } = await start()
    const handler = upstream.accept()
    end(handler, () => spending.exhaust({ budget: 'session' }))
    await done
    expect(clock.pendingCount).toBe(0)
  })
})

describe('a quiet line', () => {
  test('gets a sign of life after 15 s of silence, and again', async () => {
    const { upstream, clock, client } = await start()
    const handler = upstream.accept()
    await clock.advance(10_000)
    handler.onMessage('a', undefined)
    await clock.advance(14_999)
    expect(client.text).toBe('open\na\n')
    await clock.advance(1)
    expect(client.text).toBe('open\na\nkeepalive\n')
    await clock.advance(15_000)
    expect(client.text).toBe('open\na\nkeepalive\nkeepalive\n')
  })

  test('opens without the upstream head after 15 s; what fails later fails the stream', async () => {
    const { upstream, clock, client, done } = await start()
    upstream.last.handler.onSent()
    await clock.advance(15_000)
    expect(client.text).toBe('open\n')
    upstream.last.handler.onRejected(401, {}, '{"error":{"message":"bad key"}}')
    await done
    expect(client.answer).toBeUndefined()
    expect(client.text).toBe('open\nfailed\n')
  })
})

describe('a client that leaves', () => {
  test('takes the upstream with it, and what was spent is settled', async () => {
    const { upstream, client, spending, done } = await start()
    upstream.accept().onMessage('abc', undefined)
    client.leave()
    await done
    expect(upstream.last.aborted).toBe(true)
    expect(spending.settled).toEqual([
      expect.objectContaining({ phase: 'accepted', outputChars: 3, outcome: undefined }),
    ])
    expect(client.ended).toBe(false)
  })

  test('is not retried for', async () => {
    const { upstream, client, done } = await start()
    upstream.last.handler.onFailed(new BridgeError('upstream_unreachable', 'refused'))
    await settled()
    client.leave()
    await done
    expect(upstream.sent).toHaveLength(1)
  })
})

describe('a call that fails before it answers', () => {
  const unreachable = new BridgeError('upstream_unreachable', 'refused')

  test('is tried again when nothing was sent, each time with a hold of its own', async () => {
    const { upstream, clock, client, spending, done } = await start()
    upstream.last.handler.onFailed(unreachable)
    await clock.advance(1000)
    upstream.last.handler.onFailed(unreachable)
    await clock.advance(1000)
    const handler = upstream.accept()
    handler.onMessage('[DONE]', undefined)
    await done
    expect(upstream.sent).toHaveLength(3)
    expect(spending.settled.map((facts) => facts.phase)).toEqual(['unsent', 'unsent', 'accepted'])
    expect(client.text).toBe('open\ncompleted\n')
  })

  test('gives up after max_retries with the status of the last failure', async () => {
    const { upstream, clock, client, done } = await start()
    for (let tries = 0; tries < 3; tries++) {
      upstream.last.handler.onFailed(unreachable)
      await clock.advance(1000)
    }
    await done
    expect(upstream.sent).toHaveLength(3)
    expect(client.answer?.status).toBe(502)
  })

  test.each([
    { status: 429, headers: {}, tries: 3 },
    { status: 503, headers: { 'retry-after': '1' }, tries: 3 },
    { status: 503, headers: { 'retry-after': '60' }, tries: 1 },
    { status: 500, headers: {}, tries: 1 },
    { status: 504, headers: {}, tries: 1 },
    { status: 401, headers: {}, tries: 1 },
    { status: 400, headers: {}, tries: 1 },
  ])('an upstream $status $headers is asked $tries times', async ({ status, headers, tries }) => {
    const { upstream, clock, client, done } = await start()
    for (let attempt = 0; attempt < tries; attempt++) {
      upstream.last.handler.onSent()
      upstream.last.handler.onRejected(status, headers, '{"error":{"message":"no"}}')
      await clock.advance(5000)
    }
    await done
    expect(upstream.sent).toHaveLength(tries)
    expect(client.answer?.status).toBe(status)
  })

  test.each<{ code: ErrorCode }>([{ code: 'upstream_headers_timeout' }, { code: 'upstream_cut' }])(
    '$code after sending may have been billed, so it is not tried again',
    async ({ code }) => {
      const { upstream, clock, client, done } = await start()
      upstream.last.handler.onSent()
      upstream.last.handler.onFailed(new BridgeError(code, 'x'))
      await clock.advance(5000)
      await done
      expect(upstream.sent).toHaveLength(1)
      expect(client.answer?.status).toBe(code === 'upstream_cut' ? 502 : 504)
    },
  )

  test('shows the reason of the upstream without its secrets', async () => {
    const { upstream, client, done } = await start()
    upstream.last.handler.onSent()
    upstream.last.handler.onRejected(401, {}, '{"error":{"message":"wrong key SECRET"}}')
    await done
    expect(client.answer?.body).toContain('wrong key [redacted]')
  })

  test('refused by the budget, sends nothing upstream', async () => {
    const client = new FakeClient()
    const upstream = new FakeUpstream()
    const clock = new FakeClock()
    const calls = createLiveCalls(clock)
    await runCall(planOf(), client, {
      clock,
      upstream,
      spending: { admit: () => Promise.reject(new BridgeError('forbidden', 'over')) },
      calls,
      traces: NO_TRACES,
      timing: DEFAULT_TIMING,
      random: () => 0,
      redact: (text) => text,
      log: () => {},
    })
    expect(upstream.sent).toHaveLength(0)
    expect(client.answer?.status).toBe(403)
  })
})

describe('a whole answer', () => {
  test.each([
    { tellsFailure: true, status: 200 },
    { tellsFailure: false, status: 502 },
  ])('that fails is a $status where its body says so: $tellsFailure', async (row) => {
    const { upstream, client, done } = await start({
      streaming: false,
      createAnswer: (write) => ({
        answer: new LineAnswer(write),
        body: () => '{}',
        tellsFailure: row.tellsFailure,
      }),
    })
    upstream.accept().onEnd()
    await done
    expect(client.answer?.status).toBe(row.status)
  })

  test('is one body with a status', async () => {
    const { upstream, client, done } = await start({ streaming: false })
    upstream.accept().onMessage('[DONE]', undefined)
    await done
    expect(client.opened).toBeUndefined()
    expect(client.answer).toMatchObject({ status: 200, body: '{"whole":true}' })
  })

  test('from an upstream that does not stream is read from its body', async () => {
    const { upstream, client, done } = await start({ streaming: false })
    const handler = upstream.accept()
    handler.onBody({})
    handler.onEnd()
    await done
    expect(client.answer?.status).toBe(200)
  })

  test('that needs no upstream asks none', async () => {
    const { upstream, client, done } = await start({ canned: '[DONE]' })
    await done
    expect(upstream.sent).toHaveLength(0)
    expect(client.text).toBe('open\ncompleted\n')
  })
})

test('Codex gets the message of an error no retry can mend, once', async () => {
  const plan = planOf()
  const { upstream, client, done } = await start({
    intent: { ...plan.intent, identity: { ...IDENTITY, clientKind: 'codex' } },
  })
  upstream.last.handler.onSent()
  upstream.last.handler.onRejected(401, {}, '{"error":{"message":"bad key"}}')
  await done
  expect(client.answer?.status).toBe(400)
  expect(JSON.parse(client.answer?.body ?? '')).toEqual({
    error: {
      message:
        'The upstream "local" answered 401: bad key. Check the key of [upstreams.local]. (HTTP 401)',
      type: 'invalid_request_error',
      param: null,
      code: 'invalid_prompt',
    },
  })
})

describe('a fault of ours', () => {
  const fault = () => {
    throw new TypeError('ours')
  }
  class BrokenAnswer extends LineAnswer {
    override keepalive = fault
    override message = fault
  }

  test('in a timer drops the client and ends the attempt, not the process', async () => {
    const { upstream, clock, client, spending, done } = await start({
      createAnswer: (write) => ({
        answer: new BrokenAnswer(write),
        body: () => '',
        tellsFailure: true,
      }),
    })
    upstream.accept()
    await clock.advance(15_000)
    await done
    expect(client.dropped).toBe(true)
    expect(upstream.last.aborted).toBe(true)
    expect(spending.settled).toEqual([expect.objectContaining({ phase: 'accepted' })])
  })

  test('before anything was sent is settled as such, and said', async () => {
    const { upstream, client, clock, spending, done } = await start({ upstreamBody: fault })
    await clock.advance(5000)
    await done
    expect(upstream.sent).toHaveLength(0)
    expect(client.answer?.status).toBe(500)
    expect(spending.settled[0]).toMatchObject({ phase: 'unsent' })
  })

  test('that leaves nothing to say drops the client', async () => {
    const { client, done } = await start({
      canned: 'x',
      createAnswer: (write) => ({
        answer: new BrokenAnswer(write),
        body: () => '',
        tellsFailure: true,
      }),
    })
    await done
    expect(client.dropped).toBe(true)
  })
})

describe('a flawed answer', () => {
  /** Answers that say they are flawed as often as told, each with its own body. */
  function flawed(times: number, overrides: Partial<CallPlan> = {}): Partial<CallPlan> {
    let made = 0
    return {
      streaming: false,
      asksAgain: true,
      createAnswer: (write) => {
        const number = ++made
        return {
          answer: new LineAnswer(write),
          body: () => `{"answer":${number}}`,
          tellsFailure: true,
          isFlawed: () => number <= times,
        }
      },
      ...overrides,
    }
  }

  async function answerOnce(upstream: FakeUpstream): Promise<void> {
    const handler = upstream.accept()
    handler.onMessage('[DONE]', undefined)
    handler.onEnd()
    await settled()
  }

  test('is asked for once more, with a hold of its own', async () => {
    const { upstream, client, spending, done } = await start(flawed(1))
    await answerOnce(upstream)
    expect(upstream.sent).toHaveLength(2)
    expect(upstream.sent[1]?.request).toEqual(upstream.sent[0]?.request)
    await answerOnce(upstream)
    await done
    expect(client.answer?.body).toBe('{"answer":2}')
    expect(spending.settled).toHaveLength(2)
  })

  test('stands where the second is no better', async () => {
    const { upstream, client, done } = await start(flawed(2))
    await answerOnce(upstream)
    await answerOnce(upstream)
    await done
    expect(upstream.sent).toHaveLength(2)
    expect(client.answer?.body).toBe('{"answer":1}')
  })

  test('stands where the second fails', async () => {
    const { upstream, client, spending, done } = await start(flawed(1))
    await answerOnce(upstream)
    upstream.last.handler.onRejected(400, {}, '{}')
    await done
    expect(client.answer).toMatchObject({ status: 200, body: '{"answer":1}' })
    expect(spending.settled).toHaveLength(2)
  })

  test('stands where the second is not admitted', async () => {
    let admitted = 0
    const { upstream, client, done } = await start(flawed(1), undefined, (spending) => ({
      admit: async (...given) => {
        if (++admitted > 1) throw new BridgeError('session_cost_limit', 'Used up.')
        return spending.admit(...given)
      },
    }))
    await answerOnce(upstream)
    await done
    expect(client.answer).toMatchObject({ status: 200, body: '{"answer":1}' })
  })

  test('is not asked for again where it streams, or where that is off', async () => {
    for (const off of [{ streaming: true }, { asksAgain: false }]) {
      const { upstream, done } = await start(flawed(1, off))
      await answerOnce(upstream)
      await done
      expect(upstream.sent).toHaveLength(1)
    }
  })

  test('is nobody’s where the client leaves meanwhile', async () => {
    const { upstream, client, spending, done } = await start(flawed(1))
    await answerOnce(upstream)
    client.leave()
    await done
    expect(client.answer).toBeUndefined()
    expect(spending.settled).toHaveLength(2)
  })
})
