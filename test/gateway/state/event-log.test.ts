import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventLog, type LoggedEvent } from '../../../src/gateway/state/event-log.ts'
import { DONE_FRAME, encodeFrame } from '../../../src/protocol/sse.ts'

const FINAL = { id: 'resp_1', status: 'completed', output: [{ a: 1 }], metadata: { k: 'v' } }

const delta = fc.record({
  type: fc.constantFrom('response.output_text.delta', 'response.refusal.delta'),
  item_id: fc.constantFrom('msg_1', 'msg_2'),
  output_index: fc.constant(0),
  content_index: fc.constantFrom(0, 1),
  delta: fc.string(),
})
const event: fc.Arbitrary<LoggedEvent> = fc.oneof(
  { weight: 5, arbitrary: delta },
  delta.map((plain) => ({ ...plain, logprobs: [{ token: 'x' }] })),
  delta.map((plain) => ({ ...plain, obfuscation: 'zz' })),
  fc.constant({ type: 'keepalive' }),
  fc.constant({
    type: 'response.created',
    response: { ...FINAL, status: 'in_progress', output: [] },
  }),
  fc.constant({ type: 'response.in_progress', response: { other: 'members' } }),
)
const stream = fc.tuple(fc.array(event), fc.nat(5)).map(([events, first]) => ({
  events: [...events, { type: 'response.completed', response: FINAL }],
  first,
}))

function framesOf(events: readonly LoggedEvent[], first: number): string[] {
  return events.map((one, index) => {
    const frame = encodeFrame(one.type, one, first + index)
    return one.type === 'response.completed' ? frame + DONE_FRAME : frame
  })
}

function logOf(events: readonly LoggedEvent[], first: number): EventLog {
  const log = new EventLog('upstream')
  for (const [index, one] of events.entries()) log.add(one, first + index)
  return log
}

describe('the log of a stream', () => {
  test('gives the stream back, whole and from any event on, stored and not', () => {
    fc.assert(
      fc.property(stream, fc.nat(20), ({ events, first }, skip) => {
        const frames = framesOf(events, first)
        const log = logOf(events, first)
        const stored = EventLog.fromJson(log.toJson(FINAL), FINAL)
        for (const one of [log, stored]) {
          expect(one.read(one.cursor(), -1)).toBe(frames.join(''))
          const rest = frames.slice(skip).join('')
          const end = skip >= frames.length ? DONE_FRAME : ''
          expect(one.read(one.cursor(), first + skip - 1)).toBe(rest + end)
        }
      }),
    )
  })

  test('is read as it grows, wherever the reader stopped', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(3)), ({ events, first }, pauses) => {
        const log = new EventLog('upstream')
        const cursor = log.cursor()
        let text = ''
        for (const [index, one] of events.entries()) {
          log.add(one, first + index)
          if (pauses[index] === 0) text += log.read(cursor, -1)
        }
        text += log.read(cursor, -1)
        expect(text).toBe(framesOf(events, first).join(''))
      }),
    )
  })

  test('takes little more than the text of its deltas', () => {
    const log = new EventLog('bridge')
    const place = { item_id: 'msg_1', output_index: 0, content_index: 0 }
    for (let index = 0; index < 1_000; index += 1) {
      log.add({ type: 'response.output_text.delta', ...place, delta: 'word ', logprobs: [] }, index)
    }
    expect(log.toJson(FINAL).length).toBeLessThan(1_000 * 'word '.length * 2)
  })
})
