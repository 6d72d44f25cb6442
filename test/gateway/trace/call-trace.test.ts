/** A call and its trace: what is handed over when, and what a required one holds up. */
import { describe, expect, test } from 'vitest'
import { BridgeError } from '../../../src/errors.ts'
import { runCall } from '../../../src/gateway/call.ts'
import { DEFAULT_TIMING } from '../../../src/gateway/call-deps.ts'
import type { CallPlan } from '../../../src/gateway/call-plan.ts'
import { createLiveCalls } from '../../../src/gateway/live-calls.ts'
import { createTraces } from '../../../src/gateway/trace/call-trace.ts'
import type { TraceWrite } from '../../../src/gateway/trace/port.ts'
import type { TraceSink } from '../../../src/gateway/trace/sink.ts'
import { FakeClient, FakeClock, FakeUpstream, planOf, recordSpending, settled } from '../fakes.ts'

/** A sink that keeps what it is given when the test says so. */
function createFakeSink() {
  const writes: TraceWrite[] = []
  const keeping: PromiseWithResolvers<void>[] = []
  const fake = { writes, keeping, hasRoom: true, headers: {} as Record<string, string> }
  const sink: TraceSink = {
    offer(write) {
      if (fake.hasRoom) writes.push(write)
      return fake.hasRoom
    },
    keep(write) {
      if (!fake.hasRoom) return Promise.reject(new BridgeError('trace_unavailable', 'Full.'))
      writes.push(write)
      const kept = Promise.withResolvers<void>()
      keeping.push(kept)
      return kept.promise
    },
    get headers() {
      return fake.headers
    },
    state: { lost: 0, waiting: 0 },
    close: async () => {},
  }
  return { fake, sink }
}

async function start(isRequired: boolean, overrides: Partial<CallPlan> = {}, hasRoom = true) {
  const clock = new FakeClock()
  const upstream = new FakeUpstream()
  const client = new FakeClient()
  const spending = recordSpending()
  const { fake, sink } = createFakeSink()
  fake.hasRoom = hasRoom
  const faults: BridgeError[] = []
  const traces = createTraces({
    sink,
    clock,
    newTraceId: () => 'trace_1',
    hasContent: true,
    isRequired,
    redact: (text) => text.replaceAll('SECRET', '[redacted]'),
    onFault: (error) => faults.push(error),
  })
  const plan = planOf({ received: { api: 'chat', text: '{"received":1}' }, ...overrides })
  const done = runCall(plan, client, {
    clock,
    upstream,
    spending: spending.spending,
    calls: createLiveCalls(clock),
    traces,
    timing: DEFAULT_TIMING,
    random: () => 0.5,
    redact: (text) => text,
    log: () => {},
  })
  await settled()
  return { clock, upstream, client, spending, fake, faults, done }
}

function answer({ upstream }: { upstream: FakeUpstream }): void {
  const handler = upstream.accept()
  handler.onMessage('a', undefined)
  handler.onMessage('[DONE]', undefined)
  handler.onEnd()
}

describe('a trace', () => {
  test('is handed over when the request leaves, and again when the call is over', async () => {
    const call = await start(false)
    expect(call.fake.writes).toMatchObject([
      {
        facts: { trace_id: 'trace_1', session_id: 'sess_1', outcome: null, complete: false },
        request: { received: '{"received":1}', sent: '{}' },
        response: undefined,
      },
    ])
    await call.clock.advance(30)
    answer(call)
    await call.done
    expect(call.fake.writes[1]).toMatchObject({
      facts: {
        trace_id: 'trace_1',
        outcome: 'completed',
        status: 200,
        attempts: 1,
        complete: true,
        first_byte_ms: 30,
        total_ms: 30,
      },
      request: undefined,
    })
    expect(call.fake.writes).toHaveLength(2)
  })

  test('that was lost at its beginning is not begun again at its end', async () => {
    const call = await start(false, {}, false)
    call.fake.hasRoom = true
    call.fake.headers['x-synth-trace-lost'] = '1'
    answer(call)
    await call.done
    expect(call.fake.writes).toEqual([])
    expect(call.client.text).toContain('completed')
    expect(call.client.opened).toMatchObject({ 'x-synth-trace-lost': '1' })
  })

  test('of a call that was tried again counts its attempts', async () => {
    const call = await start(false)
    call.upstream.last.handler.onRejected(503, {}, '')
    await call.clock.advance(60_000)
    answer(call)
    await call.done
    expect(call.fake.writes.at(-1)?.facts).toMatchObject({ attempts: 2, complete: true })
  })

  test('of a call that its budget cut is not complete', async () => {
    const call = await start(false)
    const handler = call.upstream.accept()
    handler.onMessage('a', undefined)
    call.spending.exhaust({ limit: 'x' })
    await call.done
    expect(call.fake.writes.at(-1)?.facts).toMatchObject({
      outcome: 'incomplete',
      status: 200,
      complete: false,
      error: null,
    })
  })

  test('says nothing of a secret in an error', async () => {
    const call = await start(false)
    call.upstream.accept().onFailed(new BridgeError('upstream_cut', 'key SECRET'))
    await call.done
    expect(call.fake.writes.at(-1)?.facts.error).toEqual({
      code: 'upstream_cut',
      message: 'key [redacted]',
    })
  })
})

describe('a required trace', () => {
  test('is kept before anything is held or sent', async () => {
    const call = await start(true)
    expect(call.fake.writes).toHaveLength(1)
    expect(call.upstream.sent).toEqual([])
    call.fake.keeping.shift()?.resolve()
    await settled()
    expect(call.upstream.sent).toHaveLength(1)
  })

  test('that cannot be kept refuses the call, and nothing is sent', async () => {
    const { client, upstream, spending, done } = await start(true, {}, false)
    await done
    expect(client.answer).toMatchObject({ status: 503 })
    expect(client.answer?.body).toContain('trace_unavailable')
    expect([upstream.sent, spending.settled]).toEqual([[], []])
  })

  test.each([true, false])(
    'holds back the end until it is kept (streaming: %s)',
    async (streaming) => {
      const call = await start(true, { streaming })
      call.fake.keeping.shift()?.resolve()
      await settled()
      answer(call)
      await settled()
      expect(call.fake.writes).toHaveLength(2)
      expect(call.client.text).not.toContain('completed')
      expect(call.client.answer).toBeUndefined()
      call.fake.keeping.shift()?.resolve()
      await call.done
      expect(streaming ? call.client.text : call.client.answer?.body).toMatch(/completed|whole/)
      expect(call.fake.writes).toHaveLength(2)
    },
  )

  test('that the store loses after the answer was paid for costs the client nothing, and is said', async () => {
    const call = await start(true)
    call.fake.keeping.shift()?.resolve()
    await settled()
    answer(call)
    await settled()
    call.fake.keeping.shift()?.reject(new BridgeError('trace_unavailable', 'Away.'))
    await call.done
    expect(call.client.text).toContain('completed')
    expect(call.faults.map(({ code }) => code)).toEqual(['trace_unavailable'])
  })
})
