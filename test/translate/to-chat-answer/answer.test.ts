/** How a chat answer ends, and what odd upstreams become. */
import { describe, expect, test } from 'vitest'
import { BridgeError } from '../../../src/errors.ts'
import {
  completed,
  ESTIMATE,
  opening,
  sse,
  textBegun,
  USAGE as UPSTREAM_USAGE,
  whole,
} from '../relay/responses-harness.ts'
import { chunksOf, feed, run, runBody, saidIn, saidInBody, testAnswer } from './harness.ts'

const DONE = 'data: [DONE]\n\n'
const stream = sse(...whole('Hel', 'lo'))

describe('an answer ends once', () => {
  test('and says so only when it is concluded', () => {
    const { answer, text } = testAnswer()
    feed(answer, stream)
    expect(answer.phase).toBe('finished')
    expect(saidIn(text())).toMatchObject({ text: 'Hello', finish: [] })
    expect(text()).not.toContain('[DONE]')
    answer.conclude()
    answer.conclude()
    expect(saidIn(text()).finish).toEqual(['stop'])
    expect(text().split(DONE)).toHaveLength(2)
  })

  test('whatever the upstream says behind its end', () => {
    const late = sse(...textBegun('more'), completed('more'))
    expect(run([stream, late, DONE]).text).toBe(run([stream]).text)
  })

  test('with length and the limit by name where the budget cut it', () => {
    const { answer, text } = testAnswer()
    feed(answer, sse(...opening, ...textBegun('Hel')))
    answer.cut({ limit: 'cost_usd' })
    answer.conclude(ESTIMATE)
    const [last, usage] = chunksOf(text()).slice(-2)
    expect(last).toMatchObject({
      choices: [{ delta: {}, finish_reason: 'length' }],
      metadata: { limit: 'cost_usd' },
    })
    expect(usage).toMatchObject({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 4 } })
    expect(answer.outcome).toMatchObject({ status: 'incomplete', usage: undefined })
  })

  test('with length before anything came at all', () => {
    const { answer, text } = testAnswer({ streaming: false })
    answer.cut({ limit: 'tokens' })
    answer.conclude()
    expect(JSON.parse(text())).toMatchObject({
      choices: [{ message: { content: '' }, finish_reason: 'length' }],
      metadata: { limit: 'tokens' },
    })
  })

  test('with the error that was announced, however the stream went on', () => {
    const announcement = sse({ type: 'error', error: { code: 'server_error', message: 'Broken.' } })
    for (const end of ['ended', 'cut', 'fail'] as const) {
      const { answer, text } = testAnswer()
      feed(answer, announcement)
      if (end === 'ended') answer.ended()
      else if (end === 'cut') answer.cut({})
      else answer.fail(new BridgeError('upstream_idle_timeout', 'Silent.'))
      answer.conclude()
      expect(chunksOf(text()).at(-1)?.error).toMatchObject({ message: 'Broken.' })
      expect(text()).not.toContain('[DONE]')
    }
  })

  test('a failure keeps what was counted, for the ledger', () => {
    const failed = { type: 'response.failed', response: { ...completed('').response, error: {} } }
    const { outcome } = run([sse(...opening, failed)])
    expect(outcome).toMatchObject({
      status: 'failed',
      usage: { inputTokens: UPSTREAM_USAGE.input_tokens },
    })
  })

  test.each([
    ['nothing', '', 'upstream_cut'],
    ['only [DONE]', DONE, 'upstream_cut'],
    ['no JSON', 'data: <html>oops</html>\n\n', 'upstream_bad_answer'],
    ['a list', 'data: [1]\n\n', 'upstream_bad_answer'],
    ['no type', 'data: {"a":1}\n\n', 'upstream_bad_answer'],
    ['an end without a response', sse({ type: 'response.completed' }), 'upstream_bad_answer'],
    ['a cancelled response', sse({ type: 'response.cancelled', response: {} }), 'upstream_error'],
  ])('with one error frame for an upstream that sends %s', (_name, sent, code) => {
    const { text, outcome } = run([sent])
    expect(outcome?.error?.code).toBe(code)
    expect(chunksOf(text).filter((chunk) => chunk.error !== undefined)).toHaveLength(1)
    expect(chunksOf(text).at(-1)).toHaveProperty('error')
  })
})

test('what was written to a cache is told where there was any', () => {
  const counted = (cache_write_tokens: number) => {
    const usage = {
      ...UPSTREAM_USAGE,
      input_tokens_details: { cached_tokens: 4, cache_write_tokens },
    }
    const response = { ...completed('').response, usage }
    const { text } = run([sse(...opening, { type: 'response.completed', response })])
    return chunksOf(text).at(-1)?.usage?.['prompt_tokens_details']
  }
  expect(counted(3)).toEqual({ cached_tokens: 4, cache_write_tokens: 3 })
  expect(counted(0)).toEqual({ cached_tokens: 4 })
})

describe('a quiet line', () => {
  test('gets comments, for a client that streams, until the end', () => {
    const { answer, text } = testAnswer()
    answer.open()
    answer.keepalive()
    expect(text().endsWith(': keepalive\n\n')).toBe(true)
    feed(answer, stream)
    const before = text()
    answer.keepalive()
    expect(text()).toBe(before)
    const whole = testAnswer({ streaming: false })
    whole.answer.keepalive()
    expect(whole.text()).toBe('')
  })
})

describe('a whole body', () => {
  const body = completed('Hello').response

  test('is a body, or a stream, as the client wants it', () => {
    expect(saidInBody(runBody(body, { streaming: false }).text)).toMatchObject({ text: 'Hello' })
    expect(saidIn(runBody(body).text)).toMatchObject({ text: 'Hello', finish: ['stop'] })
  })

  test.each([
    ['an error', { error: { message: 'No.' } }, 'upstream_error'],
    ['no response', { hello: 1 }, 'upstream_bad_answer'],
    ['no object', [1], 'upstream_bad_answer'],
    ['one that is not done', { ...body, status: 'in_progress' }, 'upstream_error'],
  ])('that is %s fails', (_name, given, code) => {
    expect(runBody(given).outcome?.error?.code).toBe(code)
  })
})

const CALL = { type: 'function_call', id: 'fc_1', call_id: 'call_a', name: 'look' }
const args = (delta: string, index: number | undefined = 0) => ({
  type: 'response.function_call_arguments.delta',
  item_id: 'fc_1',
  ...(index === undefined ? {} : { output_index: index }),
  delta,
})
const added = (item: object, index = 0) => ({
  type: 'response.output_item.added',
  output_index: index,
  item,
})
const done = (item: object, index = 0) => ({
  type: 'response.output_item.done',
  output_index: index,
  item,
})
const end = (...output: object[]) => ({
  type: 'response.completed',
  response: { status: 'completed', output },
})

const message = (id: string) => ({
  type: 'message',
  id,
  role: 'assistant',
  content: [{ type: 'output_text', text: 'Hello' }],
})

describe('odd upstreams', () => {
  test('a call that is announced without its name waits for it', () => {
    const said = saidIn(
      run([
        sse(
          added({ ...CALL, name: '' }),
          args('{"a"'),
          args(':1}'),
          done({ ...CALL, arguments: '{"a":1}' }),
          end(),
        ),
      ]).text,
    )
    expect(said.calls).toEqual([{ id: 'call_a', kind: 'function', name: 'look', text: '{"a":1}' }])
    expect(said.finish).toEqual(['tool_calls'])
  })

  test('a call without any id gets one', () => {
    const item = { type: 'function_call', name: 'look', arguments: '{}' }
    const [call] = saidIn(run([sse(added(item), done(item), end(item))]).text).calls
    expect(call?.id).toBe('call_1')
  })

  test('a call that the model did not finish is left as it is', () => {
    const item = { ...CALL, status: 'incomplete', arguments: '' }
    const incomplete = {
      type: 'response.incomplete',
      response: { output: [item], incomplete_details: { reason: 'max_output_tokens' } },
    }
    const said = saidIn(run([sse(added(item), done(item), incomplete)]).text)
    expect(said).toMatchObject({ calls: [{ name: 'look', text: '' }], finish: ['length'] })
  })

  test('ids that change from event to event say nothing twice', () => {
    const item = { ...CALL, arguments: '{}' }
    const said = saidIn(
      run([
        sse(added(item), args('{}'), done({ ...item, id: 'fc_2' }), end({ ...item, id: 'fc_3' })),
      ]).text,
    )
    expect(said.calls).toHaveLength(1)
    expect(said.calls[0]?.text).toBe('{}')
  })

  test('a last response that leaves items out, so that places shift, says nothing twice', () => {
    const message = completed('Hello').response.output[0] ?? {}
    const reasoning = { type: 'reasoning', id: 'rs_1', summary: [] }
    const said = saidIn(
      run([
        sse(
          added(reasoning),
          done(reasoning),
          ...whole('Hello')
            .slice(2, -1)
            .map((event) => ({ ...event, output_index: 1 })),
          end({ ...message, id: 'other' }),
        ),
      ]).text,
    )
    expect(said.text).toBe('Hello')
  })

  test.each([
    { event: 'output_text', kind: 'text', item: message('msg_1') },
    { event: 'output_text', kind: 'text', item: message('msg_other') },
    {
      event: 'reasoning_text',
      kind: 'reasoning',
      item: { type: 'reasoning', id: 'rs_1', content: [{ type: 'reasoning_text', text: 'Hello' }] },
    },
  ] as const)('an item that was never announced is not said twice: $event', (row) => {
    const { event, kind, item } = row
    const type = `response.${event}`
    const place = { output_index: 0, content_index: 0, item_id: 'msg_1' }
    const events = [
      { ...place, type: `${type}.delta`, delta: 'Hello' },
      { ...place, type: `${type}.done`, text: 'Hello' },
      end(item),
    ]
    expect(saidIn(run([sse(...events)]).text)[kind]).toBe('Hello')
  })

  test('deltas without a place belong to the first item', () => {
    const said = saidIn(run([sse(added(CALL), args('{}', undefined), end())]).text)
    expect(said.calls[0]?.text).toBe('{}')
  })

  test('a done text that is not what was streamed changes nothing', () => {
    const events = whole('Hel', 'lo').map((event) =>
      event.type === 'response.output_text.done' ? { ...event, text: 'Something else' } : event,
    )
    expect(saidIn(run([sse(...events)]).text).text).toBe('Hello')
  })

  test('log probabilities that come only with the done text are told', () => {
    const logprobs = [{ token: 'Hello', logprob: -0.5, bytes: null, top_logprobs: [] }]
    const events = whole('Hello')
      .filter(({ type }) => !type.endsWith('.delta'))
      .map((event) => (event.type === 'response.output_text.done' ? { ...event, logprobs } : event))
    const told = chunksOf(run([sse(...events)], { logprobs: true }).text).flatMap(
      ({ choices }) => choices[0]?.logprobs?.content ?? [],
    )
    expect(told).toEqual(logprobs)
  })

  test('an emoji that is split over two deltas is joined', () => {
    expect(saidIn(run([sse(...whole('a\ud83d', '\ude00b'))]).text).text).toBe('a😀b')
  })

  test('raw reasoning and its summary are not both told', () => {
    const place = { item_id: 'rs_1', output_index: 0 }
    const item = {
      type: 'reasoning',
      id: 'rs_1',
      content: [{ type: 'reasoning_text', text: 'raw' }],
      summary: [{ type: 'summary_text', text: 'short' }],
    }
    const raw = { type: 'response.reasoning_text.delta', ...place, content_index: 0, delta: 'raw' }
    const short = {
      type: 'response.reasoning_summary_text.delta',
      ...place,
      summary_index: 0,
      delta: 'short',
    }
    const open = added({ type: 'reasoning', id: 'rs_1', summary: [] })
    const told = (...events: { type: string }[]) =>
      saidIn(run([sse(open, ...events, done(item), end(item))]).text).reasoning
    expect(told(raw, short)).toBe('raw')
    expect(told(short, raw)).toBe('short')
    expect(told()).toBe('raw')
  })

  test('what no chat client is told of is counted all the same', () => {
    const { answer } = testAnswer()
    feed(
      answer,
      sse({
        type: 'response.code_interpreter_call_code.delta',
        output_index: 0,
        item_id: 'ci_1',
        delta: 'print(1)',
      }),
    )
    expect(answer.outputChars).toBe(8)
  })

  test('the arguments of a call that has its name late are counted once', () => {
    const { answer } = testAnswer()
    const place = { output_index: 0, item_id: 'fc_1' }
    const call = { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'f' }
    feed(
      answer,
      sse(
        { type: 'response.function_call_arguments.delta', ...place, delta: '{"a":1}' },
        { type: 'response.function_call_arguments.done', ...place, arguments: '{"a":1}' },
        {
          type: 'response.output_item.done',
          output_index: 0,
          item: { ...call, arguments: '{"a":1}' },
        },
      ),
    )
    expect(answer.outputChars).toBe(7)
  })

  test('reasoning told in two ways counts both, each once', () => {
    const { answer } = testAnswer()
    const place = { output_index: 0, item_id: 'rs_1' }
    const item = {
      type: 'reasoning',
      id: 'rs_1',
      content: [{ type: 'reasoning_text', text: 'raw' }],
      summary: [{ type: 'summary_text', text: 'short' }],
    }
    feed(
      answer,
      sse(
        { type: 'response.reasoning_text.delta', ...place, content_index: 0, delta: 'raw' },
        {
          type: 'response.reasoning_summary_text.delta',
          ...place,
          summary_index: 0,
          delta: 'short',
        },
        { type: 'response.output_item.done', output_index: 0, item },
      ),
    )
    expect(answer.outputChars).toBe(8)
  })
})
