import { createParser } from 'eventsource-parser'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ResponseEvent } from '../../src/protocol/responses/events.ts'
import { DONE_FRAME, encodeEvent, unframe } from '../../src/protocol/sse.ts'

const part = { item_id: 'msg_1', output_index: 1, content_index: 2 }
const item = { item_id: 'fc_1', output_index: 3 }
const logprob = { token: 'a', logprob: -0.25, bytes: [97], top_logprobs: [] }

/** One of each shape that is put together by hand, and some that are not. */
const eventsOf = (delta: string): ResponseEvent[] => [
  { type: 'response.output_text.delta', ...part, delta, logprobs: [] },
  { type: 'response.output_text.delta', ...part, delta, logprobs: [logprob], obfuscation: 'xy' },
  { type: 'response.refusal.delta', ...part, delta },
  { type: 'response.refusal.delta', ...part, delta, obfuscation: 'xy' },
  { type: 'response.function_call_arguments.delta', ...item, delta },
  { type: 'response.custom_tool_call_input.delta', ...item, delta },
  { type: 'response.function_call_arguments.delta', ...item, delta, obfuscation: 'xy' },
  { type: 'response.custom_tool_call_input.delta', ...item, delta, obfuscation: 'xy' },
  {
    type: 'response.reasoning_summary_text.delta',
    item_id: 'rs_1',
    output_index: 0,
    summary_index: 0,
    delta,
  },
  { type: 'response.function_call_arguments.done', ...item, name: delta, arguments: delta },
  {
    type: 'response.output_item.done',
    output_index: 3,
    item: {
      type: 'custom_tool_call',
      id: 'ctc_1',
      status: 'completed',
      call_id: delta,
      name: 'sh',
      input: delta,
    },
  },
  { type: 'keepalive' },
]

function decode(frame: string): { event: string | undefined; data: unknown }[] {
  const messages: { event: string | undefined; data: unknown }[] = []
  const parser = createParser({
    onEvent: ({ event, data }) => messages.push({ event, data: JSON.parse(data) }),
  })
  parser.feed(frame)
  return messages
}

describe('encodeEvent', () => {
  test('writes the event line, one data line with type and number first, and a blank line', () => {
    const event: ResponseEvent = {
      type: 'response.output_text.delta',
      ...part,
      delta: 'Hi "you"\n',
      logprobs: [],
    }
    expect(encodeEvent(event, 7)).toBe(
      'event: response.output_text.delta\n' +
        'data: {"type":"response.output_text.delta","sequence_number":7,"item_id":"msg_1","output_index":1,"content_index":2,"delta":"Hi \\"you\\"\\n","logprobs":[]}\n\n',
    )
  })

  test('what it writes is read back as the event with its number, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(), (text, sequenceNumber) => {
        for (const event of eventsOf(text)) {
          expect(decode(encodeEvent(event, sequenceNumber))).toEqual([
            { event: event.type, data: { ...event, sequence_number: sequenceNumber } },
          ])
        }
      }),
    )
  })

  test('hand-built frames hold the members in the order of JSON.stringify', () => {
    for (const event of eventsOf('x')) {
      const { type, ...rest } = event
      const json = JSON.stringify({ type, sequence_number: 4, ...rest })
      expect(encodeEvent(event, 4)).toBe(`event: ${type}\ndata: ${json}\n\n`)
    }
  })

  test.each(['\u0085', '\u2028', '\u2029'])(
    'escapes %j, which some clients take for the end of a line',
    (separator) => {
      for (const event of eventsOf(`a${separator}b`)) {
        const frame = encodeEvent(event, 0)
        expect(frame).not.toContain(separator)
        expect(decode(frame)).toEqual([
          { event: event.type, data: { ...event, sequence_number: 0 } },
        ])
      }
    },
  )

  test('the last frame is [DONE] without an event line', () => {
    expect(DONE_FRAME).toBe('data: [DONE]\n\n')
  })
})

describe('frames without their framing', () => {
  test('are the events that went in, whatever they say', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string({ unit: 'binary' }),
            fc.constantFrom('data: x', '\n\n', 'event: y\ndata: z\n\n', '[DONE]'),
          ),
          { maxLength: 4 },
        ),
        (deltas) => {
          const events = deltas.flatMap(eventsOf)
          const frames = events.map((event, index) => encodeEvent(event, index)).join('')
          const messages = unframe(frames + DONE_FRAME)
          expect(messages.map(({ type }) => type)).toEqual(events.map(({ type }) => type))
          expect(messages.map(({ data }) => JSON.parse(data))).toEqual(
            events.map((event, index) => ({ ...asJson(event), sequence_number: index })),
          )
        },
      ),
    )
  })
})

/** As JSON has it: a text of half a surrogate comes back escaped, and is equal to itself. */
function asJson(event: ResponseEvent): object {
  return JSON.parse(JSON.stringify(event))
}
