/** What calls become for the client, and which fragments belong together, beyond the quirks. */
import { describe, expect, test } from 'vitest'
import type { OutputItem } from '../../../src/protocol/responses/items.ts'
import type { ToolTarget } from '../../../src/translate/tool-table.ts'
import {
  type Run,
  runBody,
  runStream,
  saidIn,
  sseOf,
  type TestOptions,
  toolTable,
} from './harness.ts'
import { call, chunk, completion, DONE, ending, finish, usageOnly } from './quirks/quirk.ts'
import { sharedFailures } from './shared-validator.ts'
import { ruleBreaks } from './stream-rules.ts'

const TARGETS: Record<string, ToolTarget> = {
  read: { kind: 'function', name: 'read' },
  mcp__files__read: { kind: 'function', name: 'read', namespace: 'mcp__files' },
  apply_patch: { kind: 'custom', name: 'apply_patch' },
  code__run: { kind: 'custom', name: 'run', namespace: 'code' },
  tool_search: { kind: 'tool_search' },
}

function run(messages: readonly unknown[], options: TestOptions = {}): Run {
  const result = runStream(sseOf(messages), { tools: toolTable(TARGETS), ...options })
  expect(ruleBreaks(result.events)).toEqual([])
  expect(sharedFailures(result.events)).toEqual([])
  return result
}

const done = ending('tool_calls')
const outputOf = (messages: readonly unknown[]): OutputItem[] => run(messages).response.output

describe('targets', () => {
  test('a flattened name gets its namespace back, in every event that has an item', () => {
    const { events, response } = run([call(0, 'call_a', 'mcp__files__read', '{"p":1}'), ...done])
    const expected = { type: 'function_call', name: 'read', namespace: 'mcp__files' }
    expect(response.output).toMatchObject([{ ...expected, id: 'fc_1', call_id: 'call_a' }])
    expect(events.filter((event) => 'item' in event)).toMatchObject([
      { item: expected },
      { item: expected },
    ])
  })

  test('a name nobody declared passes as a function call', () => {
    expect(outputOf([call(0, 'call_a', 'mystery', '{}'), ...done])).toMatchObject([
      { type: 'function_call', name: 'mystery', arguments: '{}' },
    ])
  })

  test("a custom tool's input streams decoded, without its JSON", () => {
    const { events, response } = run([
      call(0, 'call_a', 'apply_patch', ''),
      call(0, null, null, '{"inp'),
      call(0, null, null, 'ut":"*** Begin'),
      call(0, null, null, ' Patch\\'),
      call(0, null, null, 'n+\\ud83d'),
      call(0, null, null, '\\ude00"}'),
      ...done,
    ])
    const deltas = events.flatMap((event) =>
      event.type === 'response.custom_tool_call_input.delta' ? event.delta : [],
    )
    expect(deltas).toEqual(['*** Begin', ' Patch', '\n+', '😀'])
    expect(response.output).toEqual([
      {
        type: 'custom_tool_call',
        id: 'ctc_1',
        status: 'completed',
        call_id: 'call_a',
        name: 'apply_patch',
        input: '*** Begin Patch\n+😀',
      },
    ])
    expect(events.some(({ type }) => type.includes('function_call'))).toBe(false)
  })

  test('a custom tool in a namespace, its input raw', () => {
    expect(outputOf([call(0, 'call_a', 'code__run', 'print(1)'), ...done])).toMatchObject([
      { type: 'custom_tool_call', name: 'run', namespace: 'code', input: 'print(1)' },
    ])
  })

  test('a custom tool called as such by the chat wire takes its input as it is', () => {
    const custom = (input: string, rest = {}) =>
      chunk({ tool_calls: [{ index: 0, custom: { input }, ...rest }] })
    const first = {
      id: 'call_a',
      type: 'custom',
      custom: { name: 'apply_patch', input: '{"input"' },
    }
    expect(outputOf([custom('', first), custom(':1}'), ...done])).toMatchObject([
      { type: 'custom_tool_call', input: '{"input":1}' },
    ])
  })

  test('a custom input that was cut off stays what it was', () => {
    const messages = [call(0, 'call_a', 'apply_patch', '{"input":"*** Beg'), ...ending('length')]
    expect(outputOf(messages)).toMatchObject([{ status: 'incomplete', input: '*** Beg' }])
  })

  test.each([
    { name: 'an object', args: '{"query":"git"}', read: { query: 'git' } },
    { name: 'nothing', args: '', read: {} },
    { name: 'not JSON', args: '{"query":', read: '{"query":' },
    { name: 'not an object', args: '[1]', read: '[1]' },
  ])('the arguments of a tool search: $name', ({ args, read }) => {
    const { events, response } = run([call(0, 'call_a', 'tool_search', args), ...done])
    expect(response.output).toEqual([
      {
        type: 'tool_search_call',
        id: 'tsc_1',
        status: 'completed',
        call_id: 'call_a',
        execution: 'client',
        arguments: read,
      },
    ])
    expect(events.some(({ type }) => type.includes('delta'))).toBe(false)
  })
})

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

describe('calls that do not reach the client', () => {
  const forbidden: TestOptions = { tools: toolTable(TARGETS, ['read']) }

  test('a tool outside allowed_tools is left out beside text', () => {
    const { events, response } = run(
      [chunk({ content: 'Hm.' }), call(0, 'call_a', 'read', '{}'), ...done],
      forbidden,
    )
    expect(response.status).toBe('completed')
    expect(response.output.map(({ type }) => type)).toEqual(['message'])
    expect(JSON.stringify(events)).not.toContain('call_a')
  })

  test('a tool outside allowed_tools and nothing else fails, naming the tool', () => {
    const { outcome, response } = run(
      [chunk({ reasoning: 'Hm.' }), call(0, 'call_a', 'read', '{}'), ...done],
      forbidden,
    )
    expect(outcome?.error).toMatchObject({ code: 'upstream_bad_answer' })
    expect(response.error?.message).toContain('"read"')
  })

  test('it counts as generated all the same', () => {
    expect(run([call(0, 'call_a', 'read', '{"p":1}'), ...done], forbidden).outputChars).toBe(7)
  })

  test('a call without a name is dropped beside another', () => {
    const { response } = run([
      call(0, 'call_a', null, '{}'),
      call(1, 'call_b', 'read', '{}'),
      ...done,
    ])
    expect(response.output).toMatchObject([{ call_id: 'call_b' }])
  })

  test('a call without a name and nothing else fails', () => {
    const { outcome } = run([
      call(0, 'call_a', null, '{}'),
      finish('tool_calls'),
      usageOnly(),
      DONE,
    ])
    expect(outcome?.error).toMatchObject({ code: 'upstream_bad_answer' })
  })

  test('an answer cut at its length may be empty for either reason', () => {
    const { response } = run([call(0, 'call_a', 'read', '{'), ...ending('length')], forbidden)
    expect(response).toMatchObject({ status: 'incomplete', output: [] })
  })
})
