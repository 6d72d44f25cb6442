/** Quirks of reasoning in its spellings, and of the order of what is said: 18–24. */
import { expect } from 'vitest'
import { PLAIN_SEAL } from '../harness.ts'
import { call, chunk, completion, ending, type Quirk } from './quirk.ts'

const answer = [chunk({ content: 'Four.' }), ...ending('stop')]

export const reasoningQuirks: readonly Quirk[] = [
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
]
