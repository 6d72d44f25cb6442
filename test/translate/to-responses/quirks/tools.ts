/** Quirks of tool calls: 6–9, 26, 28–31, 42, 43. */
import { expect } from 'vitest'
import { call, chunk, completion, ending, finish, type Quirk } from './quirk.ts'

export const toolQuirks: readonly Quirk[] = [
  {
    number: 6,
    name: 'a whole call in one chunk',
    upstream: { messages: [call(0, 'call_a', 'add', '{"a":1}'), ...ending('tool_calls')] },
    expected: { calls: [['add', '{"a":1}']], callIds: ['call_a'] },
    check: ({ events }) =>
      expect(events.filter(({ type }) => type.includes('function_call_arguments'))).toMatchObject([
        { type: 'response.function_call_arguments.delta', delta: '{"a":1}' },
        { type: 'response.function_call_arguments.done', name: 'add', arguments: '{"a":1}' },
      ]),
  },
  {
    number: 7,
    name: 'fragments whose id, name and type are null or empty continue the call',
    upstream: {
      messages: [
        call(0, 'call_a', 'add', ''),
        call(0, null, null, '{"a"'),
        call(0, '', '', ':1'),
        chunk({ tool_calls: [{ index: 0, id: '', type: '', function: { arguments: '}' } }] }),
        ...ending('tool_calls'),
      ],
    },
    expected: { calls: [['add', '{"a":1}']], callIds: ['call_a'] },
  },
  {
    number: 8,
    name: 'no index: each id a call, and a fragment without one continues the last',
    upstream: {
      messages: [
        call(undefined, 'call_a', 'add', '{"a":1}'),
        call(undefined, 'call_b', 'mul', '{"b"'),
        call(undefined, undefined, undefined, ':2}'),
        ...ending('tool_calls'),
      ],
    },
    expected: {
      calls: [
        ['add', '{"a":1}'],
        ['mul', '{"b":2}'],
      ],
      callIds: ['call_a', 'call_b'],
    },
  },
  {
    number: 8,
    name: 'an index of -1 on every call',
    upstream: {
      messages: [
        call(-1, 'call_a', 'add', '{"a":1}'),
        call(-1, 'call_b', 'mul', '{"b":2}'),
        ...ending('tool_calls'),
      ],
    },
    expected: {
      calls: [
        ['add', '{"a":1}'],
        ['mul', '{"b":2}'],
      ],
      callIds: ['call_a', 'call_b'],
    },
  },
  {
    number: 9,
    name: 'the id, and the name, on every fragment',
    upstream: {
      messages: [
        call(0, '0', 'add', ''),
        call(0, '0', 'add', '{"a"'),
        call(0, '0', 'add', ':1}'),
        call(0, '0', 'add', ''),
        ...ending('tool_calls'),
      ],
    },
    expected: { calls: [['add', '{"a":1}']], callIds: ['0'] },
  },
  {
    number: 26,
    name: 'several calls in one chunk, then interleaved',
    upstream: {
      messages: [
        chunk({
          tool_calls: [
            { index: 0, id: 'call_a', function: { name: 'add', arguments: '{"a"' } },
            { index: 1, id: 'call_b', function: { name: 'mul', arguments: '{"b"' } },
          ],
        }),
        call(1, undefined, undefined, ':2}'),
        call(0, undefined, undefined, ':1}'),
        ...ending('tool_calls'),
      ],
    },
    expected: {
      calls: [
        ['add', '{"a":1}'],
        ['mul', '{"b":2}'],
      ],
      items: ['function_call', 'function_call'],
    },
    check: ({ events }) => {
      const done = events.filter(({ type }) => type === 'response.output_item.done')
      expect(done).toMatchObject([{ output_index: 0 }, { output_index: 1 }])
    },
  },
  {
    number: 26,
    name: 'parallel calls that all have index 0',
    upstream: {
      messages: [
        call(0, 'call_a', 'add', '{"a":1}'),
        call(0, 'call_b', 'add', '{"a":2}'),
        call(0, undefined, 'mul', '{"b":2}'),
        ...ending('tool_calls'),
      ],
    },
    expected: {
      calls: [
        ['add', '{"a":1}'],
        ['add', '{"a":2}'],
        ['mul', '{"b":2}'],
      ],
    },
  },
  {
    number: 28,
    name: 'empty arguments of a completed call are an empty object',
    upstream: { messages: [call(0, 'call_a', 'now', ''), ...ending('tool_calls')] },
    expected: { calls: [['now', '{}']] },
  },
  {
    number: 28,
    name: 'null arguments are nothing, wherever they come',
    upstream: {
      messages: [
        call(0, 'call_a', 'add', null),
        call(0, 'call_a', '', '{"a":1}'),
        finish('tool_calls', { tool_calls: [{ index: 0, id: '', function: { arguments: null } }] }),
      ],
    },
    expected: { calls: [['add', '{"a":1}']] },
  },
  {
    number: 28,
    name: 'empty arguments of a call that was cut do not look whole',
    upstream: {
      body: completion(
        { tool_calls: [{ id: 'call_a', function: { name: 'now', arguments: '' } }] },
        { finish_reason: 'length' },
      ),
    },
    expected: { calls: [['now', '']], status: 'incomplete' },
    check: ({ response }) =>
      expect(response.output).toMatchObject([{ status: 'incomplete', arguments: '' }]),
  },
  {
    number: 28,
    name: 'arguments as an object are its JSON',
    upstream: { messages: [call(0, 'call_a', 'add', { a: 1 }), ...ending('tool_calls')] },
    expected: { calls: [['add', '{"a":1}']] },
  },
  {
    number: 29,
    name: 'arguments cut off are incomplete and not repaired',
    upstream: {
      messages: [
        call(0, 'call_a', 'add', '{"a":1}'),
        call(1, 'call_b', 'mul', '{"b":'),
        ...ending('length'),
      ],
    },
    expected: {
      calls: [
        ['add', '{"a":1}'],
        ['mul', '{"b":'],
      ],
      status: 'incomplete',
      reason: 'max_output_tokens',
    },
    check: ({ response }) =>
      expect(response.output).toMatchObject([{ status: 'completed' }, { status: 'incomplete' }]),
  },
  {
    number: 30,
    name: 'arguments of an empty object pass',
    upstream: { messages: [call(0, 'call_a', 'now', '{}'), ...ending('tool_calls')] },
    expected: { calls: [['now', '{}']] },
  },
  {
    number: 31,
    name: 'odd ids pass, an empty one is made, a repeated one is made anew',
    upstream: {
      messages: [
        call(0, 'functions.add:0', 'add', '{}'),
        call(1, 'functions.add:0', 'add', '{}'),
        call(2, '', 'mul', '{}'),
        call(3, 'toolu_01', 'div', '{}'),
        ...ending('tool_calls'),
      ],
    },
    expected: {
      calls: [
        ['add', '{}'],
        ['add', '{}'],
        ['mul', '{}'],
        ['div', '{}'],
      ],
      callIds: ['functions.add:0', 'call_1', 'call_2', 'toolu_01'],
    },
  },
  {
    number: 42,
    name: 'a legacy function_call',
    upstream: {
      messages: [
        chunk({ content: null, function_call: { name: 'add', arguments: '' } }),
        chunk({ function_call: { arguments: '{"a":' } }),
        chunk({ function_call: { arguments: '1}' } }),
        ...ending('function_call'),
      ],
    },
    expected: { calls: [['add', '{"a":1}']], callIds: ['call_1'], status: 'completed' },
  },
  {
    number: 42,
    name: 'an empty legacy function_call is none',
    upstream: {
      body: completion({ content: 'Four.', function_call: { name: '', arguments: '' } }),
    },
    expected: { text: 'Four.', items: ['message'] },
  },
  {
    number: 43,
    name: 'a chat custom tool call, and tools the provider ran itself',
    upstream: {
      body: completion(
        {
          content: null,
          executed_tools: [{ type: 'search', arguments: '{}' }],
          tool_calls: [{ id: 'call_a', type: 'custom', custom: { name: 'sh', input: 'ls -l' } }],
        },
        { finish_reason: 'tool_calls' },
      ),
    },
    expected: { calls: [['sh', 'ls -l']], items: ['custom_tool_call'] },
  },
  {
    number: 43,
    name: 'an empty custom call beside a function is not one',
    upstream: {
      body: completion({
        tool_calls: [
          {
            id: 'call_a',
            custom: { name: '', input: '' },
            function: { name: 'add', arguments: '{}' },
          },
        ],
      }),
    },
    expected: { calls: [['add', '{}']], items: ['function_call'] },
  },
]
