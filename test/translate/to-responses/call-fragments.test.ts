/** Which fragments of calls belong together, beyond the quirks of known providers. */
import { describe, expect, test } from 'vitest'
import { type Run, runBody, runStream, saidIn, sseOf, toolTable } from './harness.ts'
import { call, chunk, completion, DONE, ending } from './quirks/quirk.ts'
import { sharedFailures } from './shared-validator.ts'
import { ruleBreaks } from './stream-rules.ts'

const tools = toolTable({
  read: { kind: 'function', name: 'read' },
  apply_patch: { kind: 'custom', name: 'apply_patch' },
})

function run(messages: readonly unknown[]): Run {
  const result = runStream(sseOf(messages), { tools })
  expect(ruleBreaks(result.events)).toEqual([])
  expect(sharedFailures(result.events)).toEqual([])
  return result
}

const done = ending('tool_calls')

describe('which fragments are one call', () => {
  test('interleaved calls stay open together and close in order, at the end', () => {
    const { events } = run([
      call(0, 'call_a', 'read', '{"p"'),
      call(1, 'call_b', 'read', '{"p"'),
      call(0, null, null, ':1}'),
      chunk({ content: 'Reading.' }),
      call(1, null, null, ':2}'),
      ...done,
    ])
    const items = events.flatMap((event) =>
      event.type === 'response.output_item.done' ? event.output_index : [],
    )
    expect(items).toEqual([0, 1, 2])
    expect(saidIn(events).calls.map((each) => each.arguments)).toEqual(['{"p":1}', '{"p":2}'])
    const firstDone = events.findIndex(({ type }) => type === 'response.output_item.done')
    expect(events.slice(firstDone).some(({ type }) => type.endsWith('_arguments.delta'))).toBe(
      false,
    )
  })

  test('a call is announced when its name is known, with the arguments that came before', () => {
    const { events } = run([
      call(0, undefined, undefined, '{"p"'),
      call(0, 'call_a', undefined, ''),
      call(0, undefined, 'read', ':1}'),
      ...done,
    ])
    expect(events[2]).toMatchObject({ item: { name: 'read', call_id: 'call_a', arguments: '' } })
    expect(saidIn(events).calls).toMatchObject([{ arguments: '{"p":1}' }])
  })

  test('a call waits for its id until its arguments begin, then gets one', () => {
    const late = run([call(0, '', 'read', ''), call(0, 'call_z', '', '{}'), ...done])
    const never = run([call(0, '', 'read', ''), call(0, '', '', '{}'), ...done])
    expect(saidIn(late.events).calls).toMatchObject([{ callId: 'call_z' }])
    expect(saidIn(never.events).calls).toMatchObject([{ callId: 'call_1' }])
  })

  test('a call that waits for its id keeps its place before a later one', () => {
    const { events } = run([
      call(0, '', 'read', ''),
      call(1, 'call_b', 'apply_patch', 'x'),
      ...done,
    ])
    expect(saidIn(events).calls).toMatchObject([
      { name: 'read', callId: 'call_1' },
      { name: 'apply_patch', callId: 'call_b' },
    ])
  })

  test('an index that counts fragments does not part a call', () => {
    const { events } = run([
      call(0, 'call_a', 'read', '{"p"'),
      call(1, 'call_a', null, ':1'),
      call(2, 'call_a', null, '}'),
      ...done,
    ])
    expect(saidIn(events).calls).toMatchObject([{ name: 'read', arguments: '{"p":1}' }])
  })

  test('a new id on every fragment does not part a call either', () => {
    const { events } = run([
      call(0, 'chatcmpl-tool-1', 'read', '{"p"'),
      call(0, 'chatcmpl-tool-2', null, ':1}'),
      ...done,
    ])
    expect(saidIn(events).calls).toMatchObject([
      { callId: 'chatcmpl-tool-1', arguments: '{"p":1}' },
    ])
  })

  test('neither index nor id, the name on every fragment', () => {
    const { events } = run([
      call(undefined, undefined, 'read', '{"p"'),
      call(undefined, undefined, 'read', ':1}'),
      call(undefined, undefined, 'read', '{"p":2}'),
      ...done,
    ])
    expect(saidIn(events).calls.map((each) => each.arguments)).toEqual(['{"p":1}', '{"p":2}'])
  })

  test('two calls with one id at two indexes, both still being written', () => {
    const { events } = run([
      call(0, '0', 'read', ''),
      call(1, '0', 'read', ''),
      call(0, null, null, '{"p":1}'),
      call(1, null, null, '{"p":2}'),
      ...done,
    ])
    expect(saidIn(events).calls).toMatchObject([
      { callId: '0', arguments: '{"p":1}' },
      { callId: 'call_1', arguments: '{"p":2}' },
    ])
  })

  test('two whole calls with one id and no index', () => {
    const twice = call(undefined, '0', 'read', '{"p":1}')
    expect(saidIn(run([twice, twice, ...done]).events).calls).toMatchObject([
      { callId: '0', arguments: '{"p":1}' },
      { callId: 'call_1', arguments: '{"p":1}' },
    ])
  })

  test('another name behind whole arguments is another call, even without arguments', () => {
    const messages = [call(0, null, 'read', '{}'), call(0, null, 'mystery', ''), ...done]
    expect(saidIn(run(messages).events).calls).toMatchObject([
      { name: 'read' },
      { name: 'mystery' },
    ])
  })

  test('an index that comes only with the second fragment continues the call', () => {
    const { events } = run([
      call(undefined, 'call_a', 'read', '{"p"'),
      call(0, null, null, ':1}'),
      ...done,
    ])
    expect(saidIn(events).calls).toMatchObject([{ name: 'read', arguments: '{"p":1}' }])
  })

  test('a legacy function_call that repeats the tool call beside it is no second one', () => {
    const legacy = { name: 'read', arguments: '{}' }
    const tool = { index: 0, id: 'call_a', function: legacy }
    const messages = [chunk({ tool_calls: [tool], function_call: legacy }), ...done]
    expect(saidIn(run(messages).events).calls).toHaveLength(1)
  })

  test('braces inside strings do not end the arguments', () => {
    const { events } = run([
      call(0, undefined, 'read', '{"p":"}'),
      call(0, undefined, 'read', '\\"}"'),
      call(0, undefined, 'read', '}'),
      ...done,
    ])
    expect(saidIn(events).calls.map((each) => each.arguments)).toEqual(['{"p":"}\\"}"}'])
  })

  test('every call of a body is one of its own, whatever its index and id', () => {
    const tool = { index: 0, id: '0', function: { name: 'read', arguments: '{}' } }
    const { response } = runBody(completion({ tool_calls: [tool, tool] }))
    expect(response.output).toMatchObject([{ call_id: '0' }, { call_id: 'call_1' }])
  })

  test('white space as arguments becomes an object, and its deltas add up', () => {
    const { events } = run([call(0, 'call_a', 'read', ' \n'), ...done])
    expect(saidIn(events).calls).toMatchObject([{ arguments: ' \n{}' }])
  })

  test('arguments nested too deeply to be written are left out', () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
    const data = `{"choices":[{"delta":{"tool_calls":[{"id":"call_a","function":{"name":"read","arguments":${deep}}}]},"finish_reason":"tool_calls"}]}`
    expect(saidIn(run([data, DONE]).events).calls).toMatchObject([{ arguments: '{}' }])
  })
})
