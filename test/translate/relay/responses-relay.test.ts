import { describe, expect, test } from 'vitest'
import { BridgeError } from '../../../src/errors.ts'
import {
  completed,
  ECHO,
  ESTIMATE,
  eventsOf,
  feed,
  messageItem,
  opening,
  response,
  run,
  sse,
  testRelay,
  textBegun,
  textDone,
  typesOf,
  type UpstreamEvent,
  USAGE,
  whole,
} from './responses-harness.ts'
import { failuresOf } from './stream-findings.ts'

const DONE = 'data: [DONE]\n\n'
const numbersOf = (text: string): number[] =>
  eventsOf(text).map(({ sequence_number: number }) => number)
const countingUp = (length: number): number[] => Array.from({ length }, (_, index) => index)

describe('a whole stream', () => {
  const upstream = sse(...whole('Hel', 'lo'))

  test('reaches the client as it is, with [DONE] behind it', () => {
    expect(run([upstream]).text()).toBe(upstream + DONE)
  })

  test('that ends in [DONE] gets no second one', () => {
    expect(run([upstream + DONE]).text()).toBe(upstream + DONE)
  })

  test('keeps the text of its data: spaces, order, escapes, unknown members', () => {
    const data =
      '{ "sequence_number":2, "type":"response.other", "big":15924764223251450000, "a":"\\u00e9" }'
    const { text } = run([`${sse(...opening)}event: response.other\ndata: ${data}\n\n`])
    expect(text()).toContain(`event: response.other\ndata: ${data}\n\n`)
  })

  test('gets the event line that it lacks', () => {
    expect(run([upstream.replaceAll(/^event: .*\n/gm, '')]).text()).toBe(upstream + DONE)
  })

  test('whose data is on several lines gets it on one', () => {
    const spread = upstream.replace(
      'data: {"type":"response.created",',
      'data: {"type":\ndata: "response.created",',
    )
    expect(spread).not.toBe(upstream)
    expect(eventsOf(run([spread]).text())).toEqual(eventsOf(upstream))
    expect(run([spread]).text()).not.toMatch(/^data: .*\ndata: /m)
  })

  test('without numbers gets them, without gaps', () => {
    const { text } = run([upstream.replaceAll(/"sequence_number":\d+,/g, '')])
    expect(numbersOf(text())).toEqual(countingUp(eventsOf(upstream).length))
  })

  test('that counts from another number keeps it', () => {
    const shifted = upstream.replaceAll(
      /"sequence_number":(\d+)/g,
      (_, number) => `"sequence_number":${Number(number) + 5}`,
    )
    expect(run([shifted]).text()).toBe(shifted + DONE)
  })

  test('tells its outcome, usage and length', () => {
    const { relay } = run([upstream])
    expect(relay.outcome).toEqual({
      status: 'completed',
      usage: {
        inputTokens: 10,
        cachedInputTokens: 4,
        cacheWriteTokens: 0,
        outputTokens: 5,
        reasoningTokens: 1,
      },
      error: undefined,
    })
    expect(relay.outputChars).toBe(5)
    expect(relay.response).toEqual(completed('Hello').response)
  })

  test('holds its terminal event back until the conclusion', () => {
    const { relay, text } = testRelay()
    feed(relay, upstream)
    expect(relay.phase).toBe('finished')
    expect(typesOf(text())).not.toContain('response.completed')
    expect(text()).not.toContain('[DONE]')
    relay.conclude()
    expect(relay.phase).toBe('concluded')
    expect(text()).toBe(upstream + DONE)
  })

  test('that is incomplete stays so', () => {
    const event = {
      type: 'response.incomplete',
      response: response({
        status: 'incomplete',
        incomplete_details: { reason: 'max_output_tokens' },
        usage: USAGE,
      }),
    }
    const { relay, text } = run([sse(...opening, event)])
    expect(relay.outcome).toMatchObject({ status: 'incomplete', usage: { outputTokens: 5 } })
    expect(text()).toBe(sse(...opening, event) + DONE)
  })

  test('without usage gets the estimate, and the ledger does not', () => {
    const bare = { type: 'response.completed', response: response({ status: 'completed' }) }
    const { relay, text } = run([sse(...opening, bare)], {}, ESTIMATE)
    expect(eventsOf(text()).at(-1)).toMatchObject({
      response: { usage: { input_tokens: 3, output_tokens: 4, total_tokens: 7 } },
    })
    expect(relay.outcome?.usage).toBeUndefined()
  })

  test('with usage does not get the estimate', () => {
    expect(run([upstream], {}, ESTIMATE).text()).toBe(upstream + DONE)
  })

  test('shows no client which model answered in a header', () => {
    const headers = { 'OpenAI-Model': 'other', 'x-request-id': 'r' }
    const [created, ...rest] = whole('a')
    const events = [
      { ...created, type: 'response.created', response: response({ headers }) },
      ...rest,
    ]
    const { text } = run([sse(...events)])
    expect(text()).not.toMatch(/openai-model/i)
    expect(eventsOf(text())[0]).toMatchObject({ response: { headers: { 'x-request-id': 'r' } } })
  })
})

describe('a sign of life', () => {
  test('is an event with a number of its own; those behind it are counted anew', () => {
    const { relay, text } = testRelay()
    const [created = '', inProgress = '', ...rest] = sse(...whole('a')).split(/(?<=\n\n)/)
    feed(relay, created, inProgress)
    relay.keepalive()
    feed(relay, ...rest)
    relay.conclude()
    const events = eventsOf(text())
    expect(events[2]).toEqual({ type: 'keepalive', sequence_number: 2 })
    expect(numbersOf(text())).toEqual(countingUp(events.length))
    const others = events.filter(({ type }) => type !== 'keepalive')
    const without = ({
      sequence_number: _number,
      ...event
    }: object & { sequence_number?: number }) => event
    expect(others.map(without)).toEqual(eventsOf(sse(...whole('a'))).map(without))
    expect(failuresOf(text(), 'both')).toEqual([])
  })

  test('before the upstream has begun begins the response, whose name then stays', () => {
    const { relay, text } = testRelay()
    relay.open()
    relay.keepalive()
    expect(typesOf(text())).toEqual(['response.created', 'response.in_progress'])
    relay.keepalive()
    feed(relay, sse(...whole('a')))
    relay.conclude()
    const events = eventsOf(text())
    expect(numbersOf(text())).toEqual(countingUp(events.length))
    expect(events.filter(({ type }) => type === 'response.created')).toHaveLength(1)
    expect(events.at(-1)).toMatchObject({
      type: 'response.completed',
      response: { id: ECHO.id, created_at: ECHO.created_at, status: 'completed', usage: USAGE },
    })
    expect(failuresOf(text(), 'both')).toEqual([])
  })

  test('is none once it is over', () => {
    const { relay, writes } = testRelay()
    feed(relay, sse(...whole('a')))
    const before = writes.length
    relay.keepalive()
    relay.conclude()
    relay.keepalive()
    expect(writes).toHaveLength(before + 1)
  })
})

describe('an answer that fails', () => {
  const error = {
    type: 'insufficient_quota',
    code: 'insufficient_quota',
    message: 'You exceeded your current quota.',
    param: null,
  }

  test('in the upstream’s words keeps them, error event and all', () => {
    const failed = {
      type: 'response.failed',
      response: response({
        status: 'failed',
        error: { code: 'insufficient_quota', message: 'You exceeded your current quota.' },
      }),
    }
    const { relay, text } = run([sse(...opening, { type: 'error', error }, failed)])
    expect(relay.outcome).toMatchObject({ status: 'failed', error: { code: 'upstream_quota' } })
    const [told, last] = eventsOf(text()).slice(-2)
    expect(told).toMatchObject({
      type: 'error',
      message: error.message,
      error: { code: 'insufficient_quota' },
    })
    expect(last).toEqual({ sequence_number: 3, ...failed })
    expect(text().endsWith(DONE)).toBe(true)
    expect(failuresOf(text(), 'none')).toEqual([])
  })

  test('is announced to the client only once it is settled', () => {
    const { relay, text } = testRelay()
    feed(relay, sse(...opening, { type: 'error', error }))
    expect(typesOf(text())).toEqual(['response.created', 'response.in_progress'])
    expect(relay.phase).toBe('open')
  })

  test.each<[name: string, upstream: string, code: string, message: string]>([
    [
      'without its terminal event',
      sse(...opening, ...textBegun('Hel')),
      'upstream_cut',
      'The upstream ended its stream before the answer was whole.',
    ],
    [
      'with [DONE] in place of it',
      sse(...opening) + DONE,
      'upstream_cut',
      'The upstream ended its stream before the answer was whole.',
    ],
    [
      'with an error event in place of it',
      sse(...opening, { type: 'error', error }),
      'upstream_quota',
      error.message,
    ],
    [
      'with a flat error event',
      sse(...opening, {
        type: 'error',
        code: 'rate_limit_exceeded',
        message: 'Slow down.',
        param: null,
      }),
      'upstream_rate_limit',
      'Slow down.',
    ],
    [
      'with an error frame of another wire',
      `${sse(...opening)}data: {"error":{"message":"Broken.","code":500}}\n\n`,
      'upstream_error',
      'Broken.',
    ],
    [
      'with an error that is no JSON',
      `${sse(...opening)}event: error\ndata: Broken\n\n`,
      'upstream_error',
      'The upstream reported an error: "Broken".',
    ],
    [
      'with what is no JSON',
      `${sse(...opening)}data: <html>\n\n`,
      'upstream_bad_answer',
      'The upstream sent something that is not an event: an HTML page.',
    ],
    [
      'with what is no event',
      `${sse(...opening)}data: 5\n\n`,
      'upstream_bad_answer',
      'The upstream sent JSON that is not an event.',
    ],
    [
      'with an event of no type',
      `${sse(...opening)}data: {}\n\n`,
      'upstream_bad_answer',
      'The upstream sent an event without a type.',
    ],
    [
      'with a type that would break its frame',
      `${sse(...opening)}data: {"type":"a\\nb"}\n\n`,
      'upstream_bad_answer',
      'The upstream sent an event without a type.',
    ],
    [
      'with an end without a response',
      sse(...opening, { type: 'response.completed' }),
      'upstream_bad_answer',
      'The upstream sent response.completed without a response.',
    ],
    [
      'with nothing at all',
      '',
      'upstream_cut',
      'The upstream ended its stream before the answer was whole.',
    ],
    [
      'with an error before anything',
      sse({ type: 'error', error }),
      'upstream_quota',
      error.message,
    ],
  ])('%s ends in error, response.failed and [DONE]', (_name, upstream, code, message) => {
    const { relay, text } = run([upstream])
    expect(relay.outcome).toMatchObject({ status: 'failed', error: { code, message } })
    const events = eventsOf(text())
    expect(events.slice(-2)).toMatchObject([
      { type: 'error', message, error: { message } },
      { type: 'response.failed', response: { status: 'failed', error: { message }, usage: null } },
    ])
    expect(numbersOf(text())).toEqual(countingUp(events.length))
    expect(text().endsWith(DONE)).toBe(true)
    expect(failuresOf(text(), 'both')).toEqual([])
  })

  test('is told on the upstream’s own response, with the items that were closed', () => {
    const { text } = run([sse(...opening, ...textBegun('a'), ...textDone('a'))])
    expect(eventsOf(text()).at(-1)).toMatchObject({
      response: {
        id: 'resp_up',
        model: 'real-model',
        metadata: { theirs: 'yes' },
        output: [messageItem('a')],
      },
    })
  })

  test('before the upstream began is told on the bridge’s', () => {
    const { relay, text } = testRelay()
    relay.open()
    relay.fail(new BridgeError('upstream_auth', 'No.'))
    relay.conclude()
    expect(typesOf(text())).toEqual([
      'response.created',
      'response.in_progress',
      'error',
      'response.failed',
    ])
    expect(eventsOf(text()).at(-1)).toMatchObject({
      response: {
        id: ECHO.id,
        metadata: { asked: 'yes' },
        error: { code: 'invalid_prompt', message: 'No.' },
      },
    })
    expect(failuresOf(text(), 'both')).toEqual([])
  })

  test('in words that hold a key shows the key to nobody', () => {
    const message = 'Incorrect API key provided: sk-abcdefghijklmnop.'
    const failed = {
      type: 'response.failed',
      response: response({ status: 'failed', error: { code: 'server_error', message } }),
    }
    const { text } = run([sse(...opening, { type: 'error', error: { message } }, failed)])
    expect(text()).not.toContain('sk-abcdef')
    expect(typesOf(text()).slice(-2)).toEqual(['error', 'response.failed'])
  })

  test('because its connection broke after an error event is told in that event’s words', () => {
    const { relay } = testRelay()
    feed(relay, sse(...opening, { type: 'error', error }))
    relay.fail(new BridgeError('upstream_cut', 'Reset.'))
    expect(relay.outcome?.error?.message).toBe(error.message)
  })

  test('behind its terminal event does not fail', () => {
    const { relay } = testRelay()
    feed(relay, sse(...whole('a')))
    relay.fail(new BridgeError('upstream_cut', 'Reset.'))
    expect(relay.outcome?.status).toBe('completed')
  })
})

describe('a cut', () => {
  const cutAfter = (upstream: string) => {
    const test = testRelay()
    feed(test.relay, upstream)
    test.relay.cut({ budget: 'session_cost_limit' })
    test.relay.conclude(ESTIMATE)
    return { ...test, events: eventsOf(test.text()) }
  }

  test('closes what is open and ends in response.incomplete, which says why', () => {
    const { relay, events, text } = cutAfter(sse(...opening, ...textBegun('Hel', 'lo')))
    expect(relay.outcome).toEqual({ status: 'incomplete', usage: undefined, error: undefined })
    expect(events.slice(6).map(({ type }) => type)).toEqual([
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.incomplete',
    ])
    expect(events.at(-2)).toMatchObject({ item: messageItem('Hello', 'incomplete') })
    expect(events.at(-1)).toMatchObject({
      response: {
        id: 'resp_up',
        status: 'incomplete',
        incomplete_details: { reason: 'max_output_tokens' },
        metadata: { theirs: 'yes', budget: 'session_cost_limit' },
        output: [messageItem('Hello', 'incomplete')],
        usage: { total_tokens: 7 },
        error: null,
      },
    })
    expect(text().endsWith(DONE)).toBe(true)
    expect(failuresOf(text(), 'both')).toEqual([])
  })

  const item = (fields: object) => ({
    type: 'response.output_item.added',
    output_index: 0,
    item: { status: 'in_progress', id: 'x_1', ...fields },
  })
  const inItem = { item_id: 'x_1', output_index: 0 }

  test.each<[name: string, events: UpstreamEvent[], done: object]>([
    [
      'a call',
      [
        item({ type: 'function_call', call_id: 'c', name: 'f', arguments: '' }),
        { type: 'response.function_call_arguments.delta', ...inItem, delta: '{"a' },
      ],
      { type: 'function_call', status: 'incomplete', arguments: '{"a', call_id: 'c', name: 'f' },
    ],
    [
      'a custom call',
      [
        item({ type: 'custom_tool_call', call_id: 'c', name: 'f', input: '' }),
        { type: 'response.custom_tool_call_input.delta', ...inItem, delta: '*** ' },
      ],
      { type: 'custom_tool_call', status: 'incomplete', input: '*** ' },
    ],
    [
      'a call whose arguments were whole',
      [
        item({ type: 'function_call', call_id: 'c', name: 'f', arguments: '' }),
        { type: 'response.function_call_arguments.delta', ...inItem, delta: '{}' },
        { type: 'response.function_call_arguments.done', ...inItem, name: 'f', arguments: '{}' },
      ],
      { type: 'function_call', status: 'incomplete', arguments: '{}' },
    ],
    [
      'reasoning in a summary',
      [
        item({ type: 'reasoning', summary: [] }),
        {
          type: 'response.reasoning_summary_part.added',
          ...inItem,
          summary_index: 0,
          part: { type: 'summary_text', text: '' },
        },
        { type: 'response.reasoning_summary_text.delta', ...inItem, summary_index: 0, delta: 'Hm' },
      ],
      { type: 'reasoning', summary: [{ type: 'summary_text', text: 'Hm' }] },
    ],
    [
      'reasoning in the open',
      [
        item({ type: 'reasoning', summary: [] }),
        {
          type: 'response.content_part.added',
          ...inItem,
          content_index: 0,
          part: { type: 'reasoning_text', text: '' },
        },
        { type: 'response.reasoning_text.delta', ...inItem, content_index: 0, delta: 'Hm' },
      ],
      { type: 'reasoning', content: [{ type: 'reasoning_text', text: 'Hm' }] },
    ],
    [
      'a refusal',
      [
        item({ type: 'message', role: 'assistant', content: [] }),
        {
          type: 'response.content_part.added',
          ...inItem,
          content_index: 0,
          part: { type: 'refusal', refusal: '' },
        },
        { type: 'response.refusal.delta', ...inItem, content_index: 0, delta: 'No' },
      ],
      { type: 'message', status: 'incomplete', content: [{ type: 'refusal', refusal: 'No' }] },
    ],
    [
      'a text with an annotation',
      [
        item({ type: 'message', role: 'assistant', content: [] }),
        {
          type: 'response.content_part.added',
          ...inItem,
          content_index: 0,
          part: { type: 'output_text', text: '', annotations: [], logprobs: [] },
        },
        {
          type: 'response.output_text.delta',
          ...inItem,
          content_index: 0,
          delta: 'Hm',
          logprobs: [],
        },
        {
          type: 'response.output_text.annotation.added',
          ...inItem,
          content_index: 0,
          annotation_index: 0,
          annotation: { type: 'url_citation', url: 'u', title: 't', start_index: 0, end_index: 1 },
        },
      ],
      { content: [{ text: 'Hm', annotations: [{ url: 'u' }] }] },
    ],
    [
      'a message of which nothing came',
      [item({ type: 'message', role: 'assistant', content: [] })],
      { type: 'message', status: 'incomplete', content: [] },
    ],
    [
      'a search',
      [item({ type: 'web_search_call' })],
      { type: 'web_search_call', status: 'failed' },
    ],
    [
      'an item of a kind to come',
      [item({ type: 'new_call', foo: 1 })],
      { type: 'new_call', status: 'incomplete', foo: 1 },
    ],
  ])('in the middle of %s keeps what there is of it', (_name, events, done) => {
    const cut = cutAfter(sse(...opening, ...events))
    const closing = cut.events.find(({ type }) => type === 'response.output_item.done')
    expect(closing).toMatchObject({ output_index: 0, item: done })
    expect(cut.events.at(-1)).toMatchObject({ response: { output: [closing?.['item']] } })
    expect(failuresOf(cut.text(), 'none')).toEqual([])
  })

  test('leaves closed items as they are', () => {
    const { events } = cutAfter(sse(...opening, ...textBegun('a'), ...textDone('a')))
    expect(events.at(-1)).toMatchObject({ response: { output: [messageItem('a', 'completed')] } })
  })

  test('of two open items makes only the last incomplete', () => {
    const call = (index: number) => ({
      type: 'response.output_item.added',
      output_index: index,
      item: {
        type: 'function_call',
        id: `fc_${index}`,
        call_id: `c${index}`,
        name: 'f',
        arguments: '',
        status: 'in_progress',
      },
    })
    const { events, text } = cutAfter(sse(...opening, call(0), call(1)))
    expect(events.at(-1)).toMatchObject({
      response: { output: [{ status: 'completed' }, { status: 'incomplete' }] },
    })
    expect(failuresOf(text(), 'none')).toEqual([])
  })

  test('before the upstream began is a response of the bridge’s', () => {
    const { events, text } = cutAfter('')
    expect(events.map(({ type }) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'response.incomplete',
    ])
    expect(events.at(-1)).toMatchObject({
      response: { id: ECHO.id, metadata: { asked: 'yes', budget: 'session_cost_limit' } },
    })
    expect(failuresOf(text(), 'both')).toEqual([])
  })

  test('behind the terminal event has nothing to cut', () => {
    const { events } = cutAfter(sse(...whole('a')))
    expect(events.at(-1)?.type).toBe('response.completed')
  })
})

describe('a whole body', () => {
  const bodyRun = (body: unknown, estimate?: typeof ESTIMATE) => {
    const test = testRelay({ streaming: false })
    test.relay.body(body)
    test.relay.conclude(estimate)
    return { ...test, body: JSON.parse(test.text()) }
  }
  const answer = { ...completed('Hello').response, extra: { kept: [1, null] } }

  test('reaches the client value for value', () => {
    const { relay, body, writes } = bodyRun(answer)
    expect(writes).toHaveLength(1)
    expect(body).toEqual(answer)
    expect(relay.outcome).toMatchObject({ status: 'completed', usage: { inputTokens: 10 } })
    expect(relay.outputChars).toBe(5)
  })

  test('gets an estimate only where it has no usage', () => {
    expect(bodyRun({ ...answer, usage: null }, ESTIMATE).body.usage).toMatchObject({
      total_tokens: 7,
    })
    expect(bodyRun(answer, ESTIMATE).body).toEqual(answer)
  })

  test.each([
    ['incomplete', 'incomplete'],
    ['failed', 'failed'],
    ['completed', 'completed'],
    [undefined, 'completed'],
  ])('of status %s is %s', (status, outcome) => {
    const { relay, body } = bodyRun({ ...answer, status })
    expect(relay.outcome?.status).toBe(outcome)
    expect(body.id).toBe('resp_up')
  })

  test.each<[name: string, body: unknown, code: string]>([
    ['an error', { error: { message: 'No.', code: 429 } }, 'upstream_rate_limit'],
    ['a completion', { choices: [] }, 'upstream_bad_answer'],
    ['a text', 'hello', 'upstream_bad_answer'],
    ['nothing', null, 'upstream_bad_answer'],
  ])('that is %s is a failed response of the bridge’s', (_name, upstream, code) => {
    const { relay, body } = bodyRun(upstream)
    expect(relay.outcome).toMatchObject({ status: 'failed', error: { code } })
    expect(body).toMatchObject({
      id: ECHO.id,
      status: 'failed',
      error: { message: relay.outcome?.error?.message },
    })
  })

  test('for a client that streams is a failure, in a stream', () => {
    const { relay, text } = testRelay()
    relay.body(answer)
    relay.conclude()
    expect(relay.outcome?.error?.code).toBe('upstream_bad_answer')
    expect(typesOf(text()).at(-1)).toBe('response.failed')
  })
})

test('nesting without end is a bad answer, not a crash', () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  const { relay, text } = run([`${sse(...opening)}data: {"type":"response.x","deep":${deep}}\n\n`])
  expect(relay.outcome?.error?.code).toBe('upstream_bad_answer')
  expect(typesOf(text()).at(-1)).toBe('response.failed')
})

test('nothing leaves after the conclusion, whatever comes', () => {
  const { relay, writes } = run([sse(...whole('a'))])
  const before = writes.length
  feed(relay, sse(...opening, { type: 'error', message: 'x' }))
  relay.body({ output: [] })
  relay.ended()
  relay.fail(new BridgeError('upstream_cut', 'Reset.'))
  relay.cut({ budget: 'x' })
  relay.keepalive()
  relay.conclude()
  expect(writes).toHaveLength(before)
  expect(relay.outcome?.status).toBe('completed')
})
