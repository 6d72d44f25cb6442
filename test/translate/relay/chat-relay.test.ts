import { describe, expect, test } from 'vitest'
import { BridgeError } from '../../../src/errors.ts'
import {
  counted,
  dataOf,
  feed,
  finished,
  framesOf,
  HEAD,
  run,
  said,
  sse,
  testRelay,
  USAGE,
} from './chat-harness.ts'

const DONE = '[DONE]'
const json = (value: unknown): string => JSON.stringify(value)

describe('what a streaming client gets', () => {
  test.each<[name: string, upstream: unknown[], includeUsage: boolean, frames: unknown[]]>([
    [
      'every chunk, and one [DONE]',
      [said('a'), said('b'), finished('stop'), DONE],
      false,
      [said('a'), said('b'), finished('stop'), DONE],
    ],
    [
      'a [DONE] that the upstream left out',
      [said('a'), finished('stop')],
      false,
      [said('a'), finished('stop'), DONE],
    ],
    [
      'one [DONE] for two',
      [said('a'), finished('stop'), DONE, DONE],
      false,
      [said('a'), finished('stop'), DONE],
    ],
    [
      'no usage-only chunk that it did not ask for',
      [said('a'), finished('stop'), counted(1, 2), DONE],
      false,
      [said('a'), finished('stop'), DONE],
    ],
    [
      'the usage-only chunk that it asked for',
      [said('a'), finished('stop'), counted(1, 2), DONE],
      true,
      [said('a'), finished('stop'), counted(1, 2), DONE],
    ],
    [
      'usage that came behind [DONE], in front of it',
      [said('a'), finished('stop'), DONE, counted(1, 2)],
      true,
      [said('a'), finished('stop'), counted(1, 2), DONE],
    ],
    [
      'usage that stands on other chunks, as it is',
      [{ ...said('a'), usage: null }, { ...finished('stop'), usage: counted(1, 2).usage }, DONE],
      false,
      [{ ...said('a'), usage: null }, { ...finished('stop'), usage: counted(1, 2).usage }, DONE],
    ],
    [
      'usage in the place it asked for, where the upstream has a place of its own',
      [said('a'), { ...finished('stop'), x_groq: { usage: counted(3, 4).usage } }, DONE],
      true,
      [
        said('a'),
        { ...finished('stop'), x_groq: { usage: counted(3, 4).usage } },
        {
          ...counted(3, 4),
          usage: {
            ...counted(3, 4).usage,
            prompt_tokens_details: { cached_tokens: 0 },
            completion_tokens_details: { reasoning_tokens: 0 },
          },
        },
        DONE,
      ],
    ],
    [
      'a chunk without choices that is no usage',
      [{ id: '', choices: [], prompt_filter_results: [] }, said('a'), finished('stop'), DONE],
      false,
      [{ id: '', choices: [], prompt_filter_results: [] }, said('a'), finished('stop'), DONE],
    ],
    [
      'text behind a finish, and the second finish',
      [said('a'), finished('tool_calls'), said('b'), finished('stop'), DONE],
      false,
      [said('a'), finished('tool_calls'), said('b'), finished('stop'), DONE],
    ],
    [
      'nothing but usage of what stands behind [DONE]',
      [said('a'), finished('stop'), DONE, said('b')],
      false,
      [said('a'), finished('stop'), DONE],
    ],
    ['an answer that ends without a reason', [said('a'), DONE], false, [said('a'), DONE]],
    [
      'the frames of a server that parts them by one newline',
      [`${json(said('a'))}\ndata: ${json(finished('stop'))}\ndata: ${DONE}`],
      false,
      [said('a'), finished('stop'), DONE],
    ],
    [
      'all choices of several',
      [said('a'), said('b', 1), finished('stop'), said('c', 1), finished('length', 1), DONE],
      false,
      [said('a'), said('b', 1), finished('stop'), said('c', 1), finished('length', 1), DONE],
    ],
  ])('%s', (_name, upstream, includeUsage, frames) => {
    const { text } = run([sse(...upstream)], { includeUsage })
    const expected = frames.map((frame) => (typeof frame === 'string' ? frame : json(frame)))
    expect(dataOf(text())).toEqual(expected)
  })

  test('the text of the data is the upstream’s own, spaces, order and large numbers included', () => {
    const data =
      '{ "choices":[ {"delta":{"content":"\\u0061"}, "index":0} ], "seed": 15924764223251450000,  "x":1.0 }'
    const { text } = run([sse(data, finished('stop'), DONE)])
    expect(framesOf(text())[0]).toEqual({ event: undefined, data })
  })

  test('data on several lines stays on them', () => {
    const upstream = 'data: {"choices":\ndata: [{"delta":{"content":"a"}}]}\n\ndata: [DONE]\n\n'
    expect(run([upstream]).text()).toBe(upstream)
  })

  test('chunks in a list are chunks', () => {
    const { text } = run([sse([said('a'), finished('stop')], DONE)])
    expect(dataOf(text())).toEqual([json(said('a')), json(finished('stop')), DONE])
  })

  test('nesting without end is a bad answer, not a crash', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    const body = `{"choices":[{"message":{"content":${deep}}}]}`
    expect(run([sse(deep)]).relay.outcome?.error?.code).toBe('upstream_bad_answer')
    expect(run([sse(`[${body}]`)]).relay.outcome?.error?.code).toBe('upstream_bad_answer')
    const { relay } = testRelay({ streaming: false })
    relay.body(JSON.parse(body))
    expect(relay.outcome?.error?.code).toBe('upstream_bad_answer')
  })

  test('an event of another wire is left out, a named chunk is not', () => {
    const upstream = `event: ping\ndata: {"type":"ping"}\n\nevent: chunk\n${sse(said('a'), DONE)}`
    expect(dataOf(run([upstream]).text())).toEqual([json(said('a')), DONE])
  })

  test('each frame leaves with its message, and what says that it is over leaves last', () => {
    const { relay, text } = testRelay({ includeUsage: true })
    feed(relay, [sse(said('a'))])
    expect(dataOf(text())).toEqual([json(said('a'))])
    feed(relay, [sse(finished('stop'), counted(1, 2), DONE)])
    expect(relay.phase).toBe('finished')
    expect(dataOf(text())).toEqual([json(said('a'))])
    relay.conclude()
    expect(dataOf(text()).slice(1)).toEqual([json(finished('stop')), json(counted(1, 2)), DONE])
  })

  test('a finish of one choice holds nobody up while another runs', () => {
    const { relay, text } = testRelay()
    feed(relay, [sse(said('a'), said('b', 1), finished('stop'))])
    expect(dataOf(text())).toHaveLength(3)
    expect(relay.phase).toBe('open')
  })

  test('an estimate fills in what a client asked for and the upstream left out', () => {
    const { text } = run([sse(said('a'), finished('stop'), DONE)], { includeUsage: true }, USAGE)
    expect(JSON.parse(dataOf(text()).at(-2) ?? '')).toEqual({
      id: 'chatcmpl-1',
      object: 'chat.completion.chunk',
      created: 5,
      model: 'm',
      choices: [],
      usage: {
        prompt_tokens: 3,
        completion_tokens: 4,
        total_tokens: 7,
        prompt_tokens_details: { cached_tokens: 1 },
        completion_tokens_details: { reasoning_tokens: 2 },
      },
    })
  })

  test('no estimate goes to a client that did not ask, nor beside real usage', () => {
    const whole = [said('a'), finished('stop'), counted(1, 2), DONE]
    expect(run([sse(...whole.slice(0, 2))], {}, USAGE).text()).not.toContain('usage')
    expect(dataOf(run([sse(...whole)], { includeUsage: true }, USAGE).text())).toHaveLength(4)
  })
})

describe('the outcome', () => {
  test.each<[name: string, upstream: unknown[], status: string, usage: object | undefined]>([
    ['a finish', [said('a'), finished('stop')], 'completed', undefined],
    [
      'calls',
      [said('a'), finished('tool_calls'), counted(1, 2)],
      'completed',
      { inputTokens: 1, outputTokens: 2 },
    ],
    ['the length', [said('a'), finished('length'), DONE], 'incomplete', undefined],
    ['the filter', [said('a'), finished('content_filter'), DONE], 'incomplete', undefined],
    ['[DONE] alone', [said('a'), DONE], 'completed', undefined],
    [
      'two finishes, of which the first stands',
      [finished('length'), finished('stop'), DONE],
      'incomplete',
      undefined,
    ],
    [
      'usage on every chunk, of which the last counts',
      [
        { ...said('a'), usage: counted(1, 0).usage },
        { ...finished('stop'), usage: counted(1, 9).usage },
        DONE,
      ],
      'completed',
      { inputTokens: 1, outputTokens: 9 },
    ],
    [
      'usage that is no usage',
      [
        finished('stop'),
        { choices: [], usage: { prompt_tokens: -1, completion_tokens: 'x' } },
        DONE,
      ],
      'completed',
      undefined,
    ],
  ])('of %s', (_name, upstream, status, usage) => {
    const { relay } = run([sse(...upstream)])
    expect(relay.outcome).toMatchObject({ status, error: undefined })
    if (usage === undefined) expect(relay.outcome?.usage).toBeUndefined()
    else expect(relay.outcome?.usage).toMatchObject(usage)
  })

  test.each<[name: string, upstream: string, code: string, message: string]>([
    [
      'an end without a finish',
      sse(said('a')),
      'upstream_cut',
      'The upstream ended its stream before the answer was whole.',
    ],
    [
      'an end without anything',
      '',
      'upstream_cut',
      'The upstream ended its stream before the answer was whole.',
    ],
    [
      '[DONE] without anything',
      sse(DONE),
      'upstream_bad_answer',
      'The upstream ended its stream without an answer.',
    ],
    [
      'an end in the middle of a second choice',
      sse(said('a'), said('b', 1), finished('stop')),
      'upstream_cut',
      'The upstream ended its stream before the answer was whole.',
    ],
    [
      'an error frame',
      sse(said('a'), { error: { message: 'Overloaded.', code: 503 } }, DONE),
      'upstream_error',
      'Overloaded.',
    ],
    [
      'an error frame behind a finish',
      sse(said('a'), finished('length'), { error: { message: 'Late.' } }),
      'upstream_error',
      'Late.',
    ],
    [
      'an error on a choice',
      sse({ choices: [{ index: 0, error: { message: 'Bad.', code: 429 } }] }),
      'upstream_rate_limit',
      'Bad.',
    ],
    [
      'an event named error',
      'event: error\ndata: {"message":"Broken."}\n\n',
      'upstream_error',
      'Broken.',
    ],
    [
      'an event named error, without JSON',
      'event: error\ndata: Broken\n\n',
      'upstream_error',
      'The upstream reported an error: "Broken".',
    ],
    [
      'what is not JSON',
      sse(said('a'), '<html>'),
      'upstream_bad_answer',
      'The upstream sent something that is not a chunk: an HTML page.',
    ],
    [
      'JSON that is no chunk',
      sse(said('a'), '5'),
      'upstream_bad_answer',
      'The upstream sent JSON that is not a chunk.',
    ],
    [
      'a reason that is a failure',
      sse(said('a'), finished('network_error'), DONE),
      'upstream_error',
      'The upstream gave up with finish_reason "network_error".',
    ],
  ])('of %s is a failure, told in one frame and no [DONE]', (_name, upstream, code, message) => {
    const { relay, text } = run([upstream])
    expect(relay.outcome).toMatchObject({ status: 'failed', error: { code, message } })
    const last = JSON.parse(dataOf(text()).at(-1) ?? '')
    expect(last).toEqual({
      error: { message, type: expect.any(String), param: null, code: expect.any(String) },
    })
    expect(dataOf(text()).filter((data) => data.includes('"error":{'))).toHaveLength(1)
    expect(text()).not.toContain(DONE)
  })

  test('a connection that breaks before the finish is the failure that broke it', () => {
    const { relay, text } = testRelay()
    feed(relay, [sse(said('a'))])
    relay.fail(new BridgeError('upstream_idle_timeout', 'Silent for 300 s.'))
    relay.conclude()
    expect(relay.outcome?.status).toBe('failed')
    expect(dataOf(text()).at(-1)).toBe(
      '{"error":{"message":"Silent for 300 s.","type":"server_error","param":null,"code":"upstream_idle_timeout"}}',
    )
  })

  test('a connection that breaks behind the finish breaks nothing', () => {
    const { relay, text } = testRelay()
    feed(relay, [sse(said('a'), finished('stop'))])
    relay.fail(new BridgeError('upstream_cut', 'Reset.'))
    relay.conclude()
    expect(relay.outcome?.status).toBe('completed')
    expect(dataOf(text()).at(-1)).toBe(DONE)
  })
})

describe('phases', () => {
  test('open until the finish, lingering for usage, finished with it', () => {
    const { relay } = testRelay()
    const phases = [said('a'), finished('stop'), DONE, counted(1, 2)].map((message) => {
      feed(relay, [sse(message)])
      return relay.phase
    })
    expect(phases).toEqual(['open', 'lingering', 'lingering', 'finished'])
    relay.conclude()
    expect(relay.phase).toBe('concluded')
  })

  test('usage in front of [DONE] waits for it', () => {
    const { relay } = testRelay()
    feed(relay, [sse(said('a'), finished('stop'), counted(1, 2))])
    expect(relay.phase).toBe('lingering')
    feed(relay, [sse(DONE)])
    expect(relay.phase).toBe('finished')
  })

  test('nothing leaves after the conclusion, whatever comes', () => {
    const { relay, writes } = run([sse(said('a'), finished('stop'), DONE)])
    const before = writes.length
    feed(relay, [sse(said('b'), counted(1, 2), { error: { message: 'x' } }, DONE)])
    relay.body({ choices: [] })
    relay.ended()
    relay.fail(new BridgeError('upstream_cut', 'Reset.'))
    relay.cut({ limit: 'cost' })
    relay.keepalive()
    relay.conclude(USAGE)
    expect(writes).toHaveLength(before)
    expect(relay.outcome).toMatchObject({ status: 'completed', usage: undefined })
  })

  test('a sign of life is a comment, and none once it is over', () => {
    const { relay, writes } = testRelay()
    relay.keepalive()
    expect(writes).toEqual([': keepalive\n\n'])
    feed(relay, [sse(said('a'), finished('stop'), counted(1, 2), DONE)])
    relay.keepalive()
    expect(writes).toHaveLength(2)
  })

  test('an answer that failed before anything left is one error frame', () => {
    const { relay, text } = testRelay()
    relay.open()
    relay.fail(new BridgeError('upstream_auth', 'No.'))
    relay.conclude()
    expect(dataOf(text())).toEqual([
      '{"error":{"message":"No.","type":"authentication_error","param":null,"code":"upstream_auth"}}',
    ])
  })
})

describe('a cut', () => {
  const cutAfter = (upstream: unknown[], options = {}, estimate?: typeof USAGE) => {
    const test = testRelay(options)
    feed(test.relay, [sse(...upstream)])
    test.relay.cut({ budget: 'session_cost_limit' })
    test.relay.conclude(estimate)
    return { ...test, frames: dataOf(test.text()) }
  }

  test('ends the stream as if the length had, under the upstream’s name, and says why', () => {
    const { relay, frames } = cutAfter([said('a')])
    expect(relay.outcome).toEqual({ status: 'incomplete', usage: undefined, error: undefined })
    expect(frames.slice(1).map((data) => (data === DONE ? data : JSON.parse(data)))).toEqual([
      { ...finished('length'), metadata: { budget: 'session_cost_limit' } },
      DONE,
    ])
  })

  test('before the first chunk has the call’s own name', () => {
    const { frames } = cutAfter([])
    expect(JSON.parse(frames[0] ?? '')).toEqual({
      ...HEAD,
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta: {}, finish_reason: 'length' }],
      metadata: { budget: 'session_cost_limit' },
    })
  })

  test('ends every choice that runs, and no other', () => {
    const { frames } = cutAfter([said('a'), said('b', 1), said('c', 2), finished('stop', 1)])
    const { choices } = JSON.parse(frames.at(-2) ?? '')
    expect(choices.map(({ index }: { index: number }) => index)).toEqual([0, 2])
  })

  test('tells the estimate to a client that asked for usage', () => {
    const { frames } = cutAfter([said('a')], { includeUsage: true }, USAGE)
    expect(
      frames.map((data) => (data === DONE ? DONE : Object.keys(JSON.parse(data)).at(-1))),
    ).toEqual(['choices', 'metadata', 'usage', DONE])
  })

  test('behind the finish has nothing to cut', () => {
    const { relay, frames } = cutAfter([said('a'), finished('stop')])
    expect(relay.outcome?.status).toBe('completed')
    expect(frames).toEqual([json(said('a')), json(finished('stop')), DONE])
  })
})

describe('a whole body', () => {
  const completion = {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 5,
    model: 'm',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: 'Hello',
          tool_calls: [
            { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } },
            { id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } },
          ],
        },
        finish_reason: 'tool_calls',
      },
    ],
    usage: counted(1, 2).usage,
    extra: { kept: [1, null] },
  }
  const bodyRun = (body: unknown, options = {}, estimate?: typeof USAGE) => {
    const test = testRelay({ streaming: false, ...options })
    test.relay.body(body)
    test.relay.conclude(estimate)
    return { ...test, body: JSON.parse(test.text()) }
  }

  test('reaches the client value for value', () => {
    const { relay, body, writes } = bodyRun(completion)
    expect(writes).toHaveLength(1)
    expect(body).toEqual(completion)
    expect(relay.outcome).toMatchObject({ status: 'completed', usage: { outputTokens: 2 } })
    expect(relay.outputChars).toBe('Hello'.length + 'f{}g{}'.length)
  })

  test('gets an estimate only where it has no usage', () => {
    const { usage: _usage, ...bare } = completion
    expect(bodyRun(bare, {}, USAGE).body.usage).toMatchObject({ total_tokens: 7 })
    expect(bodyRun({ ...bare, usage: null }, {}, USAGE).body.usage).toMatchObject({
      total_tokens: 7,
    })
    expect(bodyRun(completion, {}, USAGE).body).toEqual(completion)
    expect(bodyRun(bare).body).toEqual(bare)
  })

  test.each<[name: string, body: unknown, code: string]>([
    ['an error', { error: { message: 'No.', code: 429 } }, 'upstream_rate_limit'],
    ['no completion', 'hello', 'upstream_bad_answer'],
    ['nothing', null, 'upstream_bad_answer'],
    ['a completion without choices', { choices: [] }, 'upstream_bad_answer'],
  ])('of %s fails with an error body', (_name, upstream, code) => {
    const { relay, body } = bodyRun(upstream)
    expect(relay.outcome).toMatchObject({ status: 'failed', error: { code } })
    expect(body).toEqual({
      error: expect.objectContaining({ message: relay.outcome?.error?.message }),
    })
  })

  test('that was cut before it came is empty, and says why', () => {
    const test = testRelay({ streaming: false })
    test.relay.cut({ budget: 'session_cost_limit' })
    test.relay.conclude()
    expect(JSON.parse(test.text())).toMatchObject({
      id: HEAD.id,
      choices: [{ message: { role: 'assistant', content: '' }, finish_reason: 'length' }],
      metadata: { budget: 'session_cost_limit' },
    })
  })

  test('reaches a client that streams as a stream', () => {
    const { relay, text } = testRelay({ includeUsage: true })
    relay.body(completion)
    expect(relay.phase).toBe('finished')
    relay.conclude()
    const [first, second, last] = dataOf(text())
    expect(JSON.parse(first ?? '')).toEqual({
      ...{ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 5, model: 'm' },
      choices: [
        {
          index: 0,
          delta: {
            role: 'assistant',
            content: 'Hello',
            tool_calls: [
              { index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } },
              { index: 1, id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } },
            ],
          },
          finish_reason: 'tool_calls',
        },
      ],
      extra: { kept: [1, null] },
    })
    expect(JSON.parse(second ?? '')).toEqual(counted(1, 2))
    expect(last).toBe(DONE)
  })

  test('that comes as a stream fails: a client that wants one value cannot be given it', () => {
    const test = testRelay({ streaming: false })
    feed(test.relay, [sse(said('a'), finished('stop'), DONE)])
    expect(test.relay.outcome?.error?.code).toBe('upstream_bad_answer')
  })
})

describe('generated text is counted', () => {
  test.each<[name: string, delta: object, chars: number]>([
    ['content', { content: 'abc' }, 3],
    [
      'content in parts',
      {
        content: [
          { type: 'text', text: 'ab' },
          { type: 'thinking', thinking: [{ type: 'text', text: 'c' }] },
        ],
      },
      3,
    ],
    ['a refusal', { refusal: 'abc' }, 3],
    ['reasoning', { reasoning_content: 'abc' }, 3],
    ['reasoning under another name', { reasoning: 'abc' }, 3],
    ['reasoning under two names, once', { reasoning: 'abc', reasoning_content: 'abc' }, 3],
    ['a call', { tool_calls: [{ index: 0, function: { name: 'f', arguments: '{"a"' } }] }, 5],
    [
      'two calls',
      { tool_calls: [{ function: { arguments: 'ab' } }, { function: { arguments: 'c' } }] },
      3,
    ],
    ['a custom call', { tool_calls: [{ custom: { name: 'f', input: 'ab' } }] }, 3],
    ['a call of the old kind', { function_call: { name: 'f', arguments: 'ab' } }, 3],
    ['nothing', { role: 'assistant', content: null, tool_calls: null }, 0],
    ['what is not of its kind', { content: 5, tool_calls: [null, 'x', { function: 'f' }] }, 0],
  ])('%s', (_name, delta, chars) => {
    const { relay } = testRelay()
    feed(relay, [sse({ choices: [{ index: 0, delta }] })])
    expect(relay.outputChars).toBe(chars)
  })

  test('over all choices', () => {
    const { relay } = testRelay()
    feed(relay, [sse(said('ab'), said('c', 1))])
    expect(relay.outputChars).toBe(3)
  })
})
