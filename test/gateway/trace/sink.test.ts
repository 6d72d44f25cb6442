import { describe, expect, test } from 'vitest'
import type { BridgeError } from '../../../src/errors.ts'
import { StoreUnavailable } from '../../../src/gateway/ledger-port.ts'
import type { TraceWrite } from '../../../src/gateway/trace/port.ts'
import { createTraceSink, type SinkLimits } from '../../../src/gateway/trace/sink.ts'
import { factsOf } from '../../store/trace-contract.ts'
import { FakeClock, settled } from '../fakes.ts'

const writeOf = (text = ''): TraceWrite => ({
  owner: { orgId: 'o', userId: 'u' },
  createdAtMs: 0,
  facts: factsOf(),
  request: { received: text, sent: undefined, candidate: [] },
  response: undefined,
})

/** A store that answers when the test says so. */
function start(limits?: SinkLimits) {
  const clock = new FakeClock()
  const faults: BridgeError[] = []
  const open: PromiseWithResolvers<void>[] = []
  const written: TraceWrite[] = []
  let told = 0
  const store = {
    write(write: TraceWrite) {
      const answer = Promise.withResolvers<void>()
      open.push(answer)
      written.push(write)
      return answer.promise
    },
  }
  const sink = createTraceSink({
    store,
    clock,
    ...(limits === undefined ? {} : { limits }),
    onFault: (error) => faults.push(error),
    onLost: () => {
      told += 1
    },
  })
  return {
    clock,
    toldOfLosses: () => told,
    sink,
    faults,
    written,
    async answer(error?: unknown) {
      const next = open.shift()
      if (error === undefined) next?.resolve()
      else next?.reject(error)
      await settled()
    },
  }
}

const AWAY = new StoreUnavailable('unavailable', 'The disk is full.')
const THREE: SinkLimits = { maxWrites: 3, maxChars: 1_000_000 }

describe('the way to the store of traces', () => {
  test('a store that does not answer costs nobody anything, and what is lost is counted and said', async () => {
    const { sink, faults, answer, toldOfLosses } = start(THREE)
    expect(sink.headers).toEqual({})
    expect(Array.from({ length: 5 }, () => sink.offer(writeOf()))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ])
    expect(sink.state).toEqual({ lost: 2, waiting: 3 })
    expect(sink.headers).toEqual({ 'x-synth-trace-lost': '2' })
    expect(toldOfLosses()).toBe(2)
    expect(faults.map(({ code }) => code)).toEqual(['trace_unavailable'])
    for (let left = 3; left > 0; left--) await answer()
    expect(sink.state).toEqual({ lost: 2, waiting: 0 })
    expect(sink.headers).toEqual({})
    expect(sink.offer(writeOf())).toBe(true)
  })

  test('the bytes that wait are bounded, and one that is larger than the bound goes alone', async () => {
    const { sink, answer } = start({ maxWrites: 100, maxChars: 10_000 })
    expect(sink.offer(writeOf('x'.repeat(50_000)))).toBe(true)
    expect(sink.offer(writeOf())).toBe(false)
    await answer()
    expect(sink.offer(writeOf())).toBe(true)
  })

  test('what the store could not take it is offered again, ever more rarely, and only once at a time', async () => {
    const { sink, clock, written, answer } = start()
    sink.offer(writeOf('a'))
    for (const waitMs of [100, 200, 400]) {
      await answer(AWAY)
      const before = written.length
      await clock.advance(waitMs - 1)
      expect(written).toHaveLength(before)
      await clock.advance(1)
      expect(written).toHaveLength(before + 1)
    }
    await answer()
    expect(sink.state).toEqual({ lost: 0, waiting: 0 })
    expect(new Set(written.map(({ request }) => request?.received))).toEqual(new Set(['a']))
  })

  test('one that can never be written is lost alone', async () => {
    const { sink, faults, answer } = start()
    sink.offer(writeOf('bad'))
    sink.offer(writeOf('good'))
    await answer(new RangeError('no such thing'))
    await answer()
    expect(sink.state).toEqual({ lost: 1, waiting: 0 })
    expect(faults[0]?.message).toContain('no such thing')
  })

  test('only so many are handed over at a time', async () => {
    const { sink, written, answer } = start()
    for (let count = 0; count < 200; count++) sink.offer(writeOf())
    expect(written).toHaveLength(64)
    await answer()
    expect(written).toHaveLength(65)
  })

  describe('a trace that is required', () => {
    test('is kept when the store says so', async () => {
      const { sink, answer } = start()
      let isKept = false
      const kept = sink.keep(writeOf()).then(() => {
        isKept = true
      })
      await settled()
      expect(isKept).toBe(false)
      await answer()
      await kept
    })

    test('is refused where there is no room, or no answer within ten seconds', async () => {
      const { sink, clock } = start({ maxWrites: 1, maxChars: 1_000_000 })
      const late = expect(sink.keep(writeOf())).rejects.toMatchObject({ code: 'trace_unavailable' })
      await expect(sink.keep(writeOf())).rejects.toMatchObject({ code: 'trace_unavailable' })
      await clock.advance(10_000)
      await late
    })
  })

  describe('a bridge that stops', () => {
    test('waits for what is left', async () => {
      const { sink, answer } = start()
      sink.offer(writeOf())
      const closed = sink.close()
      await answer()
      await closed
      expect(sink.state).toEqual({ lost: 0, waiting: 0 })
    })

    test('does not wait for ever', async () => {
      const { sink, clock, faults } = start()
      sink.offer(writeOf())
      const closed = sink.close()
      await clock.advance(5_000)
      await closed
      expect(sink.state.lost).toBe(1)
      expect(faults[0]?.message).toContain('1 traces were lost')
    })
  })
})
