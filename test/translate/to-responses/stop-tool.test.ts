import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { STOP_TOOL_NAME } from '../../../src/translate/tool-table.ts'
import { type Run, runStream, saidIn, sseOf, toolTable } from './harness.ts'
import { call, chunk, ending } from './quirks/quirk.ts'
import { sharedFailures } from './shared-validator.ts'
import { ruleBreaks } from './stream-rules.ts'

const tools = toolTable({ [STOP_TOOL_NAME]: { kind: 'stop' } })

function run(messages: readonly unknown[]): Run {
  const result = runStream(sseOf(messages), { tools })
  expect(ruleBreaks(result.events)).toEqual([])
  expect(sharedFailures(result.events)).toEqual([])
  expect(JSON.stringify([result.events, result.response])).not.toMatch(/__internal_stop|call_stop/)
  return result
}

const stop = (args: string) => call(0, 'call_stop', STOP_TOOL_NAME, args)
const more = (args: string) => call(0, undefined, undefined, args)
const done = ending('tool_calls')

describe('the stop tool', () => {
  test('its message streams as text while the arguments arrive', () => {
    const { events, response } = run([
      stop(''),
      more('{"mess'),
      more('age": "All'),
      more(' done\\'),
      more('n'),
      more('."}'),
      ...done,
    ])
    const deltas = events.flatMap((event) =>
      event.type === 'response.output_text.delta' ? event.delta : [],
    )
    expect(deltas).toEqual(['All', ' done', '\n', '.'])
    expect(response).toMatchObject({
      status: 'completed',
      output: [
        {
          type: 'message',
          status: 'completed',
          content: [{ type: 'output_text', text: 'All done\n.' }],
        },
      ],
    })
  })

  test('calls beside it survive, on either side', () => {
    const { response } = run([
      call(1, 'call_a', 'ls', '{}'),
      stop('{"message":"Bye."}'),
      call(2, 'call_b', 'ls', '{}'),
      ...done,
    ])
    expect(response.output).toMatchObject([
      { type: 'function_call', call_id: 'call_a' },
      { type: 'message' },
      { type: 'function_call', call_id: 'call_b' },
    ])
  })

  test('text before it is a message of its own', () => {
    const { response } = run([chunk({ content: 'So.' }), stop('{"message":"Bye."}'), ...done])
    expect(response.output).toMatchObject([
      { content: [{ text: 'So.' }] },
      { content: [{ text: 'Bye.' }] },
    ])
  })

  test('its arguments may go on while another call has begun', () => {
    const { events } = run([
      stop('{"message":"By'),
      call(1, 'call_a', 'ls', '{}'),
      more('e."}'),
      ...done,
    ])
    expect(saidIn(events).text).toBe('Bye.')
  })

  test.each([
    '',
    '{}',
    '{"message":""}',
    '{"message":null}',
    '{"message":{"text":"no"}}',
    '{message:"no"}',
    '{"a":1,"b":2}',
  ])('with %j it completes without a word', (args) => {
    const { response } = run([stop(args), ...done])
    expect(response).toMatchObject({ status: 'completed', output: [] })
  })

  test('raw text is its message', () => {
    expect(saidIn(run([stop('All '), more('done.'), ...done]).events).text).toBe('All done.')
  })

  test('cut off, its message is incomplete', () => {
    const { response } = run([stop('{"message":"All do'), ...ending('length')])
    expect(response).toMatchObject({
      status: 'incomplete',
      output: [{ status: 'incomplete', content: [{ text: 'All do' }] }],
    })
  })

  test('it is never shown, even where it was not offered', () => {
    const { events, response } = runStream(sseOf([stop('{"message":"Bye."}'), ...done]), {
      tools: toolTable({}, [STOP_TOOL_NAME]),
    })
    expect(saidIn(events)).toMatchObject({ text: 'Bye.', calls: [] })
    expect(response.output).toHaveLength(1)
  })

  test('any message comes through, however its JSON is cut', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.array(fc.nat(), { maxLength: 5 }),
        (text, cuts) => {
          const json = JSON.stringify({ message: text })
          const at = [0, ...cuts.map((cut) => cut % json.length), json.length].toSorted(
            (a, b) => a - b,
          )
          const pieces = at.slice(1).map((end, index) => json.slice(at[index], end))
          expect(saidIn(run([stop(''), ...pieces.map(more), ...done]).events).text).toBe(text)
        },
      ),
    )
  })
})
