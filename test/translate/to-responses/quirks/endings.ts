/** Quirks of usage, finish reasons, ends and errors: 1–5, 10–17, 27, 32–34, 41, 46–48. */
import { expect } from 'vitest'
import {
  call,
  chunk,
  completion,
  DONE,
  ending,
  finish,
  type Quirk,
  USAGE,
  usageOnly,
} from './quirk.ts'

const hello = chunk({ role: 'assistant', content: 'Hello' })

export const endingQuirks: readonly Quirk[] = [
  {
    number: 1,
    name: 'usage in a chunk of its own, behind the finish, without choices',
    upstream: { messages: [hello, finish('stop'), usageOnly(), DONE] },
    expected: { text: 'Hello', status: 'completed', usage: [10, 5] },
  },
  {
    number: 2,
    name: 'a first chunk without choices, id or model',
    upstream: {
      messages: [
        { id: '', model: '', choices: [], prompt_filter_results: [{ prompt_index: 0 }] },
        hello,
        ...ending('stop'),
      ],
    },
    expected: { text: 'Hello', status: 'completed', items: ['message'] },
  },
  {
    number: 3,
    name: 'usage behind the finish beside an empty delta',
    upstream: {
      messages: [hello, finish('length'), { ...chunk({ content: '' }), usage: USAGE }, DONE],
    },
    expected: { text: 'Hello', status: 'incomplete', items: ['message'], usage: [10, 5] },
  },
  {
    number: 4,
    name: 'a second finish with another reason, and text between the two',
    upstream: {
      messages: [
        call(0, 'call_a', 'now', '{}'),
        finish('tool_calls'),
        chunk({ content: '\n' }),
        finish('length'),
        usageOnly(),
        DONE,
      ],
    },
    expected: { text: '\n', calls: [['now', '{}']], status: 'completed' },
  },
  {
    number: 4,
    name: 'two entries of the one choice in a chunk, with two reasons',
    upstream: {
      messages: [
        {
          choices: [
            { index: 0, delta: { content: 'Hel' }, finish_reason: 'stop' },
            { index: 0, delta: { content: 'lo' }, finish_reason: 'length' },
          ],
        },
        DONE,
      ],
    },
    expected: { text: 'Hello', status: 'completed' },
  },
  {
    number: 5,
    name: 'the last text on the chunk that finishes',
    upstream: { messages: [hello, finish('length', { content: ' world' }), usageOnly(), DONE] },
    expected: { text: 'Hello world', status: 'incomplete', reason: 'max_output_tokens' },
  },
  {
    number: 5,
    name: 'the last arguments on the chunk that finishes',
    upstream: {
      messages: [
        call(0, 'call_a', 'add', '{"a":'),
        finish('tool_calls', { tool_calls: [{ index: 0, function: { arguments: '1}' } }] }),
        usageOnly(),
        DONE,
      ],
    },
    expected: { calls: [['add', '{"a":1}']], status: 'completed' },
  },
  {
    number: 10,
    name: 'an error event in the middle',
    upstream: {
      sse: `data: ${JSON.stringify(hello)}\n\nevent: error\ndata: {"error":{"message":"The server is gone","type":"server_error"}}\n\n`,
    },
    expected: { text: 'Hello', status: 'failed', error: 'upstream_error' },
    check: ({ response, events }) => {
      expect(response.error).toEqual({ code: 'server_error', message: 'The server is gone' })
      expect(events.at(-2)?.type).toBe('error')
    },
  },
  {
    number: 10,
    name: 'an error beside choices, behind a finish',
    upstream: {
      messages: [
        hello,
        finish('length'),
        { ...chunk({ content: '!' }), error: { code: 400, message: 'Token limit reached' } },
        DONE,
      ],
    },
    expected: { text: 'Hello!', status: 'failed', error: 'upstream_rejected' },
  },
  {
    number: 11,
    name: 'an error in a body that came with 200',
    upstream: { body: { error: { message: 'Provider down', code: 502 } } },
    expected: { status: 'failed', error: 'upstream_error', items: [] },
  },
  {
    number: 11,
    name: 'an error on the choice of a body, its finish null',
    upstream: {
      body: completion(
        { role: 'assistant', content: 'Once upon' },
        { finish_reason: null, error: { code: 429, message: 'Slow down' } },
      ),
    },
    expected: { text: 'Once upon', status: 'failed', error: 'upstream_rate_limit' },
  },
  {
    number: 12,
    name: 'the mark of the end without a finish completes',
    upstream: { messages: [hello, usageOnly(), DONE] },
    expected: { text: 'Hello', status: 'completed', usage: [10, 5] },
  },
  {
    number: 12,
    name: 'neither a finish nor the mark is a cut',
    upstream: { messages: [hello] },
    expected: { text: 'Hello', status: 'failed', error: 'upstream_cut', items: [] },
  },
  {
    number: 13,
    name: 'a finish without the mark of the end completes',
    upstream: { messages: [hello, finish('stop')] },
    expected: { text: 'Hello', status: 'completed', usage: null },
  },
  {
    number: 14,
    name: 'usage in x_groq alone',
    upstream: {
      messages: [hello, { ...finish('stop'), x_groq: { id: 'req', usage: USAGE } }, DONE],
    },
    expected: { text: 'Hello', usage: [10, 5] },
  },
  {
    number: 14,
    name: 'usage in x_groq and at the top counts once',
    upstream: {
      messages: [hello, { ...finish('stop'), usage: USAGE, x_groq: { usage: USAGE } }, DONE],
    },
    expected: { text: 'Hello', usage: [10, 5] },
  },
  {
    number: 15,
    name: 'usage inside the choice',
    upstream: { messages: [hello, chunk({}, { finish_reason: 'stop', usage: USAGE }), DONE] },
    expected: { text: 'Hello', usage: [10, 5] },
  },
  {
    number: 16,
    name: 'usage on every chunk, zero first and null in part',
    upstream: {
      messages: [
        {
          ...chunk({ content: 'He' }),
          usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
        },
        { ...chunk({ content: 'llo' }), usage: { prompt_tokens: 10, completion_tokens: null } },
        { ...chunk({}), usage: { prompt_tokens: 10, completion_tokens: 1, total_tokens: 11 } },
        { ...finish('stop'), usage: USAGE },
        { ...chunk({}), usage: null },
        DONE,
      ],
    },
    expected: { text: 'Hello', usage: [10, 5] },
  },
  {
    number: 17,
    name: 'no usage at all is null',
    upstream: { messages: [hello, finish('stop'), DONE] },
    expected: { text: 'Hello', status: 'completed', usage: null },
  },
  {
    number: 27,
    name: 'calls with the reason stop',
    upstream: { messages: [call(0, 'call_a', 'now', '{}'), ...ending('stop')] },
    expected: { calls: [['now', '{}']], status: 'completed' },
  },
  {
    number: 32,
    name: 'all tokens spent without a word',
    upstream: { messages: [chunk({ role: 'assistant', content: '' }), ...ending('length')] },
    expected: { text: '', status: 'incomplete', reason: 'max_output_tokens', items: [] },
  },
  {
    number: 33,
    name: 'a refusal',
    upstream: {
      messages: [
        chunk({ content: null, refusal: "I'm " }),
        chunk({ refusal: 'sorry.' }),
        ...ending('stop'),
      ],
    },
    expected: { refusal: "I'm sorry.", status: 'completed', items: ['message'] },
  },
  {
    number: 34,
    name: 'filtered: a message without content',
    upstream: {
      body: completion({ role: 'assistant' }, { finish_reason: 'content_filter' }),
    },
    expected: { status: 'incomplete', reason: 'content_filter', items: [] },
  },
  {
    number: 34,
    name: 'filtered in the middle, with the filter results ignored',
    upstream: {
      messages: [
        { ...hello, content_filter_results: { hate: { filtered: false } } },
        ...ending('content_filter'),
      ],
    },
    expected: { text: 'Hello', status: 'incomplete', reason: 'content_filter', items: ['message'] },
  },
  {
    number: 41,
    name: 'id and model change within the stream',
    upstream: {
      messages: [
        { ...chunk({ content: 'Hel' }), id: 'a', model: 'one', created: 0 },
        { ...chunk({ content: 'lo' }), id: 'b', model: 'two', object: undefined },
        ...ending('stop'),
      ],
    },
    expected: { text: 'Hello', items: ['message'] },
    check: ({ response }) => expect(response.id).toBe('resp_test'),
  },
  {
    number: 46,
    name: 'an empty finish reason is none',
    upstream: { body: completion({ content: 'Hello' }, { finish_reason: '' }) },
    expected: { text: 'Hello', status: 'completed' },
  },
  {
    number: 46,
    name: 'an empty finish reason does not finish a stream',
    upstream: { messages: [hello, finish('')] },
    expected: { text: 'Hello', status: 'failed', error: 'upstream_cut' },
  },
  {
    number: 46,
    name: 'an unknown finish reason is a stop',
    upstream: { messages: [hello, ...ending('eos')] },
    expected: { text: 'Hello', status: 'completed' },
  },
  {
    number: 47,
    name: 'numbers beyond 2^53 and unknown members',
    upstream: {
      sse: `data: {"seed":15924764223251450000,"p":"abcd","choices":[{"index":0,"delta":{"content":"Hello","channel":"final"},"finish_reason":null}],"obfuscation":"xyz"}\n\ndata: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"timings":{"predicted_ms":1.5}}\n\ndata: [DONE]\n\n`,
    },
    expected: { text: 'Hello', status: 'completed' },
    check: ({ response }) =>
      expect(JSON.stringify(response)).not.toMatch(/seed|obfuscation|timings/),
  },
  {
    number: 48,
    name: 'cached and reasoning tokens under other names',
    upstream: {
      messages: [
        hello,
        finish('stop'),
        usageOnly({ ...USAGE, prompt_cache_hit_tokens: 8, reasoning_tokens: 3 }),
        DONE,
      ],
    },
    expected: { usage: [10, 5] },
    check: ({ response }) => {
      expect(response.usage?.input_tokens_details.cached_tokens).toBe(8)
      expect(response.usage?.output_tokens_details.reasoning_tokens).toBe(3)
    },
  },
]
