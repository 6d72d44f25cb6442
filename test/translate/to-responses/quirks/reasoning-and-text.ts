/** Quirks of reasoning, content, roles, framing and choices: 18–25, 35–40, 44, 45, 49. */
import { expect } from 'vitest'
import { PLAIN_SEAL, toolTable } from '../harness.ts'
import { call, chunk, completion, DONE, ending, finish, type Quirk, USAGE } from './quirk.ts'

const answer = [chunk({ content: 'Four.' }), ...ending('stop')]

export const textQuirks: readonly Quirk[] = [
  {
    number: 18,
    name: 'reasoning in reasoning_content',
    upstream: {
      messages: [
        chunk({ reasoning_content: 'Two and ' }),
        chunk({ reasoning_content: 'two.' }),
        ...answer,
      ],
    },
    expected: { reasoning: 'Two and two.', text: 'Four.', items: ['reasoning', 'message'] },
  },
  {
    number: 19,
    name: 'reasoning in reasoning',
    upstream: { messages: [chunk({ reasoning: 'Two and two.', content: '' }), ...answer] },
    expected: { reasoning: 'Two and two.', text: 'Four.', items: ['reasoning', 'message'] },
  },
  {
    number: 20,
    name: 'the same reasoning under two names counts once',
    upstream: { messages: [chunk({ reasoning: 'Hm.', reasoning_content: 'Hm.' }), ...answer] },
    expected: { reasoning: 'Hm.', text: 'Four.' },
  },
  {
    number: 21,
    name: 'reasoning_details alone',
    upstream: {
      body: completion({
        content: 'Four.',
        reasoning_details: [
          { type: 'reasoning.summary', summary: 'Two and ' },
          { type: 'reasoning.text', text: 'two.', signature: 'c2ln' },
        ],
      }),
    },
    expected: { reasoning: 'Two and two.', text: 'Four.', items: ['reasoning', 'message'] },
  },
  {
    number: 21,
    name: 'reasoning_details beside reasoning: text once, signature and encrypted part sealed',
    upstream: {
      messages: [
        chunk({
          reasoning: 'Hm',
          reasoning_details: [{ type: 'reasoning.text', text: 'Hm', index: 0 }],
        }),
        chunk({
          reasoning: '.',
          reasoning_details: [{ type: 'reasoning.text', text: '.', index: 0 }],
        }),
        chunk({ reasoning_details: [{ type: 'reasoning.text', signature: 'c2ln', index: 0 }] }),
        chunk({ reasoning_details: [{ type: 'reasoning.encrypted', data: 'ZW5j', index: 1 }] }),
        ...answer,
      ],
    },
    options: { seal: PLAIN_SEAL },
    expected: { reasoning: 'Hm.', text: 'Four.', items: ['reasoning', 'message'] },
    check: ({ response }) => {
      const sealed = {
        v: 1,
        text: 'Hm.',
        details: [
          { type: 'reasoning.text', text: 'Hm.', index: 0, signature: 'c2ln' },
          { type: 'reasoning.encrypted', data: 'ZW5j', index: 1 },
        ],
      }
      expect(response.output[0]).toMatchObject({
        encrypted_content: `sealed:${JSON.stringify(sealed)}`,
      })
    },
  },
  {
    number: 21,
    name: 'details that are signed one by one stay apart; unsigned ones are not sealed',
    upstream: {
      messages: [
        chunk({
          reasoning_details: [
            { type: 'reasoning.text', text: 'a', signature: 'c2ln', index: 0 },
            { type: 'reasoning.text', text: 'b', signature: 'bmVu', index: 0 },
          ],
        }),
        chunk({ content: 'Hm.' }),
        chunk({ reasoning_details: [{ type: 'reasoning.text', text: 'c', index: 0 }] }),
        ...answer,
      ],
    },
    options: { seal: PLAIN_SEAL },
    expected: { reasoning: 'abc' },
    check: ({ response }) => {
      const details = [
        { type: 'reasoning.text', text: 'a', signature: 'c2ln', index: 0 },
        { type: 'reasoning.text', text: 'b', signature: 'bmVu', index: 0 },
      ]
      expect(response.output.filter(({ type }) => type === 'reasoning')).toMatchObject([
        { encrypted_content: `sealed:${JSON.stringify({ v: 1, text: 'ab', details })}` },
        { encrypted_content: 'sealed:{"v":1,"text":"c"}' },
      ])
    },
  },
  {
    number: 21,
    name: 'an encrypted part alone is an item only for who carries it',
    upstream: {
      messages: [
        chunk({ reasoning_details: [{ type: 'reasoning.encrypted', data: 'ZW5j' }] }),
        ...answer,
      ],
    },
    expected: { reasoning: '', text: 'Four.', items: ['message'] },
  },
  {
    number: 22,
    name: 'content as parts: thinking, then text, then plain strings',
    upstream: {
      messages: [
        chunk({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'Two and ' }] }] }),
        chunk({
          content: [
            { type: 'thinking', thinking: 'two.' },
            { type: 'text', text: 'Fo' },
          ],
        }),
        chunk({ content: 'ur.' }),
        ...ending('stop'),
      ],
    },
    expected: { reasoning: 'Two and two.', text: 'Four.', items: ['reasoning', 'message'] },
  },
  {
    number: 23,
    name: 'think tags stay text unless configured',
    upstream: { messages: [chunk({ content: '<think>Hm.</think>Four.' }), ...ending('stop')] },
    expected: { reasoning: '', text: '<think>Hm.</think>Four.', items: ['message'] },
  },
  {
    number: 23,
    name: 'configured think tags are split off, broken over chunks',
    upstream: {
      messages: [
        chunk({ content: '\n<thi' }),
        chunk({ content: 'nk>Hm' }),
        chunk({ content: '.</th' }),
        chunk({ content: 'ink>\n\nFour.' }),
        ...ending('stop'),
      ],
    },
    options: { thinkTags: true },
    expected: { reasoning: 'Hm.', text: 'Four.', items: ['reasoning', 'message'] },
  },
  {
    number: 24,
    name: 'reasoning behind text, and text behind a call',
    upstream: {
      messages: [
        chunk({ content: 'Let me see.' }),
        chunk({ reasoning_content: 'Hm.' }),
        call(0, 'call_a', 'now', '{}'),
        chunk({ content: 'Done.' }),
        ...ending('tool_calls'),
      ],
    },
    expected: {
      text: 'Let me see.Done.',
      reasoning: 'Hm.',
      items: ['message', 'reasoning', 'function_call', 'message'],
    },
  },
  {
    number: 25,
    name: 'text before calls is closed first',
    upstream: {
      messages: [
        chunk({ content: 'Looking.' }),
        call(0, 'call_a', 'ls', '{}'),
        ...ending('tool_calls'),
      ],
    },
    expected: { text: 'Looking.', items: ['message', 'function_call'] },
    check: ({ events }) => {
      const types = events.map(({ type }) => type)
      const closed = types.indexOf('response.output_item.done')
      expect(types.lastIndexOf('response.output_item.added')).toBeGreaterThan(closed)
    },
  },
  {
    number: 35,
    name: 'role null, on every chunk, or never',
    upstream: {
      messages: [
        chunk({ role: null, content: '' }),
        chunk({ role: 'assistant', content: 'Fo' }),
        chunk({ role: 'assistant', content: 'ur.' }),
        ...ending('stop'),
      ],
    },
    expected: { text: 'Four.', items: ['message'] },
  },
  {
    number: 36,
    name: 'null and empty members open nothing',
    upstream: {
      messages: [
        chunk({ content: null, tool_calls: null, reasoning_content: '', refusal: '' }),
        chunk({ content: '', tool_calls: [], reasoning: null, annotations: [] }),
        call(0, 'call_a', 'now', '{}'),
        ...ending('tool_calls'),
      ],
    },
    expected: { calls: [['now', '{}']], items: ['function_call'] },
  },
  {
    number: 37,
    name: 'comments, blank lines, CRLF and event lines',
    upstream: {
      sse: `\n\n: PROCESSING\r\n\r\nevent: message\r\ndata: ${JSON.stringify(chunk({ content: 'Four.' }))}\r\n\r\n: PROCESSING\n\ndata:${JSON.stringify(finish('stop'))}\n\ndata: [DONE]\n\n`,
    },
    expected: { text: 'Four.', status: 'completed' },
  },
  {
    number: 38,
    name: 'a choice without delta, a chunk without choices, a message beside deltas',
    upstream: {
      messages: [
        { choices: [{ index: 0, finish_reason: null, content_filter_offsets: {} }] },
        { id: 'x' },
        { choices: [{ index: 0, delta: { content: 'Four.' }, message: { content: 'Four.' } }] },
        {
          object: 'chat.completion.done',
          choices: [{ index: 0, message: { content: 'Four.' }, finish_reason: 'stop' }],
          usage: USAGE,
        },
      ],
    },
    expected: { text: 'Four.', status: 'completed', items: ['message'], usage: [10, 5] },
  },
  {
    number: 38,
    name: 'a whole completion as the only event of a stream',
    upstream: { messages: [completion({ content: 'Four.' }), DONE] },
    expected: { text: 'Four.', status: 'completed', items: ['message'] },
  },
  {
    number: 39,
    name: 'other candidates neither mix in nor end the stream',
    upstream: {
      messages: [
        {
          choices: [
            { index: 1, delta: { content: 'Five' } },
            { index: 0, delta: { content: 'Fo' } },
          ],
        },
        { choices: [{ index: 1, delta: {}, finish_reason: 'length' }] },
        call(0, 'call_a', 'now', '{}'),
        {
          choices: [
            {
              index: 1,
              delta: {
                tool_calls: [
                  { index: 0, id: 'call_a', function: { name: 'then', arguments: '{}' } },
                ],
              },
            },
          ],
        },
        ...ending('stop'),
      ],
    },
    expected: { text: 'Fo', calls: [['now', '{}']], status: 'completed' },
  },
  {
    number: 40,
    name: 'logprobs nobody asked for',
    upstream: {
      messages: [
        chunk(
          { content: 'Four.' },
          { logprobs: { content: [{ token: 'Four.', logprob: -0.5, bytes: null }] } },
        ),
        ...ending('stop'),
      ],
    },
    expected: { text: 'Four.' },
    check: ({ events }) => expect(JSON.stringify(events)).not.toContain('-0.5'),
  },
  {
    number: 40,
    name: 'logprobs that were asked for, in the delta, the done and the part',
    upstream: {
      messages: [
        chunk(
          { content: 'Four.' },
          {
            logprobs: {
              content: [
                {
                  token: 'Four.',
                  logprob: -0.5,
                  bytes: null,
                  top_logprobs: [{ token: '4', logprob: -1.5, bytes: [52] }],
                },
              ],
            },
          },
        ),
        ...ending('stop'),
      ],
    },
    options: { logprobs: true },
    expected: { text: 'Four.' },
    check: ({ events, response }) => {
      const logprobs = [
        {
          token: 'Four.',
          logprob: -0.5,
          bytes: [],
          top_logprobs: [{ token: '4', logprob: -1.5, bytes: [52] }],
        },
      ]
      const types = ['response.output_text.delta', 'response.output_text.done']
      const carried = events.filter(({ type }) => types.includes(type))
      expect(carried).toEqual([
        expect.objectContaining({ logprobs }),
        expect.objectContaining({ logprobs }),
      ])
      expect(response.output[0]).toMatchObject({ content: [{ logprobs }] })
    },
  },
  {
    number: 44,
    name: 'tool markup in the text is text',
    upstream: {
      messages: [
        chunk({ content: '<tool_call>\n{"name":"now","arguments":{}}\n</tool_call>' }),
        ...ending('stop'),
      ],
    },
    options: { tools: toolTable({ now: { kind: 'function', name: 'now' } }) },
    expected: { text: '<tool_call>\n{"name":"now","arguments":{}}\n</tool_call>', calls: [] },
  },
  {
    number: 45,
    name: 'annotations of the text, but no list of sources without positions',
    upstream: {
      messages: [
        {
          ...chunk({ content: 'Four [1].' }),
          citations: ['https://example.com/4'],
          search_results: [],
        },
        chunk({
          annotations: [
            {
              type: 'url_citation',
              url_citation: {
                url: 'https://example.com/4',
                title: 'Four',
                start_index: 5,
                end_index: 8,
              },
            },
            { type: 'url_citation', url_citation: { url: 'https://example.com/no-positions' } },
            { type: 'file', file: {} },
          ],
        }),
        ...ending('stop'),
      ],
    },
    expected: { text: 'Four [1].', items: ['message'] },
    check: ({ response, events }) => {
      const citation = {
        type: 'url_citation',
        url: 'https://example.com/4',
        title: 'Four',
        start_index: 5,
        end_index: 8,
      }
      expect(response.output[0]).toMatchObject({ content: [{ annotations: [citation] }] })
      expect(events.filter(({ type }) => type.includes('annotation'))).toMatchObject([
        { annotation_index: 0, annotation: citation },
      ])
    },
  },
  {
    number: 49,
    name: 'an emoji whose two escapes come in two chunks',
    upstream: {
      sse: `data: {"choices":[{"index":0,"delta":{"content":"Hi \\ud83d"}}]}\n\ndata: {"choices":[{"index":0,"delta":{"content":"\\ude00!"}}]}\n\ndata: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`,
    },
    expected: { text: 'Hi 😀!', status: 'completed' },
  },
]
