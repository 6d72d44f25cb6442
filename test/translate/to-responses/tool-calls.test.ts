/** What calls become for the client, and which fragments belong together, beyond the quirks. */
import { describe, expect, test } from 'vitest'
import type { OutputItem } from '../../../src/protocol/responses/items.ts'
import type { ToolTarget } from '../../../src/translate/tool-table.ts'
import { type Run, runStream, sseOf, type TestOptions, toolTable } from './harness.ts'
import { call, chunk, DONE, ending, finish, usageOnly } from './quirks/quirk.ts'
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

describe('max_tool_calls', () => {
  const three = [0, 1, 2].map((index) => call(index, `call_${index}`, 'read', '{}'))

  test('calls beyond it are ignored, wherever they stand', () => {
    const { response, outputChars } = run([...three, ...done], { maxCalls: 2 })
    expect(response.status).toBe('completed')
    expect(response.output).toMatchObject([{ call_id: 'call_0' }, { call_id: 'call_1' }])
    expect(outputChars).toBe(6)
  })

  test('a text beside calls that are all ignored is the answer', () => {
    const messages = [chunk({ content: 'Hi.' }), ...three, ...done]
    expect(run(messages, { maxCalls: 0 }).response).toMatchObject({
      status: 'completed',
      output: [{ type: 'message' }],
    })
  })

  test('nothing but ignored calls is no answer', () => {
    const { response } = run([...three, ...done], { maxCalls: 0 })
    expect(response).toMatchObject({
      status: 'failed',
      error: { message: expect.stringContaining('max_tool_calls') },
    })
  })
})

describe('the tier that served', () => {
  test.each([
    ['priority', 'priority'],
    ['on_demand', 'default'],
    [null, 'default'],
  ])('%s is told as %s', (service_tier, told) => {
    const messages = [{ ...chunk({ content: 'Hi.' }), service_tier }, ...ending('stop')]
    expect(run(messages).response.service_tier).toBe(told)
  })
})

describe('grammars', () => {
  const matchesGrammar: TestOptions['matchesGrammar'] = (_tool, input) => input.startsWith('***')
  const patched = (input: string) => [
    call(0, 'call_a', 'apply_patch', JSON.stringify({ input })),
    ...done,
  ]

  test('a call that is not what its grammar says is delivered, and named in the metadata', () => {
    const { response } = run(patched('no'), { matchesGrammar, metadata: { mine: 'yes' } })
    expect(response).toMatchObject({
      status: 'completed',
      output: [{ type: 'custom_tool_call', input: 'no' }],
      metadata: { mine: 'yes', grammar_mismatch: 'apply_patch' },
    })
  })

  test('one that is, or that was cut off, is not', () => {
    expect(run(patched('*** ok'), { matchesGrammar }).response.metadata).toEqual({})
    const cut = [call(0, 'call_a', 'apply_patch', '{"input":"n'), ...ending('length')]
    expect(run(cut, { matchesGrammar }).response.metadata).toEqual({})
  })

  test('text of an upstream that is held to a grammar is the call’s input, as it comes', () => {
    const messages = [
      chunk({ reasoning_content: 'Hm.' }),
      chunk({ content: '*** Be' }),
      chunk({ content: 'gin\n' }),
      ...ending('stop'),
    ]
    const { events, response, outputChars } = run(messages, { textIsCallOf: 'apply_patch' })
    expect(response.output).toMatchObject([
      { type: 'reasoning' },
      { type: 'custom_tool_call', name: 'apply_patch', input: '*** Begin\n', call_id: 'call_1' },
    ])
    const deltas = events.flatMap((event) =>
      event.type === 'response.custom_tool_call_input.delta' ? event.delta : [],
    )
    expect(deltas).toEqual(['*** Be', 'gin\n'])
    expect(outputChars).toBe(13)
  })
})
