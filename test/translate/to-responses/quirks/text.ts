/** Quirks of content, roles, framing and choices: 25, 35–40, 44, 45, 49. */
import { expect } from 'vitest'
import { toolTable } from '../harness.ts'
import { call, chunk, completion, DONE, ending, finish, type Quirk, USAGE } from './quirk.ts'

export const textQuirks: readonly Quirk[] = [
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
