/** Responses over a WebSocket: turns, what a connection remembers, and how it refuses. */
import { afterEach, describe, expect, test } from 'vitest'
import { introduceSummary } from '../../src/translate/compaction.ts'
import { startTestBridge, type TestBridgeOptions } from '../support/bridge.ts'
import {
  type Answerer,
  answering,
  type HttpUpstream,
  startHttpUpstream,
  streaming,
  textFrames,
} from '../support/http-upstream.ts'
import { connectSocket, type SocketEvent } from '../support/socket-client.ts'
import { eventFailures, schemaFailures } from '../translate/relay/stream-findings.ts'

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const part of running.splice(0).reverse()) await part.close()
})

async function start(answer: Answerer, options: Partial<TestBridgeOptions> = {}) {
  const upstream = await startHttpUpstream(answer)
  running.push(upstream)
  const bridge = await startTestBridge({
    ...options,
    config: {
      upstreams: { local: { base_url: upstream.baseUrl, max_retries: 0 } },
      models: { m: { upstream: 'local' } },
      ...options.config,
    },
  })
  running.push(bridge)
  const connect = async (settings: Parameters<typeof connectSocket>[1] = {}) => {
    const client = await connectSocket(bridge.url, settings)
    running.push(client)
    return client
  }
  return { bridge, upstream, connect }
}

/** Answers with the words of the last message, so that a turn shows what it was asked. */
const echo: Answerer = (request, response) => {
  const messages = request.body['messages'] as { content: string }[]
  streaming(textFrames(`You said ${messages.at(-1)?.content}`))(request, response)
}

const call: Answerer = streaming([
  `data: ${JSON.stringify({
    choices: [
      {
        index: 0,
        delta: {
          tool_calls: [{ index: 0, id: 'call_1', function: { name: 'look', arguments: '{}' } }],
        },
        finish_reason: 'tool_calls',
      },
    ],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  })}\n\n`,
])

const idOf = (turn: readonly SocketEvent[]): string => {
  const { response } = turn.at(-1) as unknown as { response: { id: string } }
  return response.id
}
const typesOf = (turn: readonly SocketEvent[]) => turn.map(({ type }) => type)
const lastMessages = (upstream: HttpUpstream) => upstream.received.at(-1)?.body['messages']
const LOOK = { type: 'function', name: 'look', parameters: {} }
const turn = { model: 'm', store: false }

describe('a turn', () => {
  test('is the events of a stream, a message each, without framing and [DONE]', async () => {
    const { connect } = await start(echo)
    const client = await connect()
    const events = await client.turn({
      model: 'm',
      input: [{ type: 'message', role: 'user', content: 'one' }],
    })
    expect(typesOf(events)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ])
    expect(events.map((event) => event['sequence_number'])).toEqual([...events.keys()])
    expect(eventFailures(events, 'both')).toEqual([])
    expect(client.events).toHaveLength(events.length)
  })

  test('follows another on the same connection, numbered anew', async () => {
    const { connect } = await start(echo)
    const client = await connect()
    for (const input of ['first', 'second']) {
      const events = await client.turn({ ...turn, input })
      expect(eventFailures(events, 'both')).toEqual([])
      expect(events.at(-1)).toMatchObject({
        response: { output: [{ content: [{ text: `You said ${input}` }] }] },
      })
    }
  })

  test('that is sent ahead waits for the one before it', async () => {
    const { connect, upstream } = await start(echo)
    const client = await connect()
    client.send({ type: 'response.create', ...turn, input: 'first' })
    client.send({ type: 'response.create', ...turn, input: 'second' })
    const [first, second] = [await client.nextTurn(), await client.nextTurn()]
    expect(eventFailures(first, 'both')).toEqual([])
    expect(second.at(-1)).toMatchObject({
      response: { output: [{ content: [{ text: 'You said second' }] }] },
    })
    expect(upstream.received).toHaveLength(2)
  })

  test('of a base URL that ends in /responses is served too, and "stream" means nothing', async () => {
    const { connect } = await start(echo)
    const client = await connect({ path: '/api/v1/responses/responses?api-version=1' })
    expect(typesOf(await client.turn({ ...turn, input: 'hi', stream: false })).at(-1)).toBe(
      'response.completed',
    )
  })

  test('of an upstream that speaks Responses is passed through, and gone on from', async () => {
    const said = {
      type: 'message',
      role: 'assistant',
      content: [{ type: 'output_text', text: 'ho' }],
    }
    const response = {
      id: 'resp_u',
      object: 'response',
      status: 'completed',
      store: false,
      output: [said],
    }
    const frame = (type: string) =>
      `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: 0, response })}\n\n`
    const upstream = await startHttpUpstream(streaming([frame('response.completed')]))
    running.push(upstream)
    const { connect } = await start(echo, {
      config: { upstreams: { local: { base_url: upstream.baseUrl, wire: 'responses' } } },
    })
    const client = await connect()
    const first = await client.turn({ ...turn, input: 'hi' })
    expect(first.at(-1)).toMatchObject({ type: 'response.completed', response: { output: [said] } })
    await client.turn({ ...turn, input: 'and?', previous_response_id: idOf(first) })
    expect(upstream.received).toMatchObject([
      { path: '/v1/responses', body: { stream: true, input: 'hi' } },
      { body: { input: [{ content: 'hi' }, said, { content: 'and?' }] } },
    ])
    expect(upstream.received[1]?.body).not.toHaveProperty('previous_response_id')
  })

  test('that compacts gives a window for a new chain', async () => {
    const { connect, upstream, bridge } = await start(streaming(textFrames('The word is slate.')))
    const compacted = await fetch(`${bridge.url}/v1/responses/compact`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', input: 'Remember: slate.' }),
    })
    const { output } = (await compacted.json()) as { output: unknown[] }
    const client = await connect()
    const events = await client.turn({
      ...turn,
      tools: [],
      input: [...output, { type: 'message', role: 'user', content: 'Go on.' }],
    })
    expect(eventFailures(events, 'both')).toEqual([])
    expect(lastMessages(upstream)).toMatchObject([
      { content: 'Remember: slate.' },
      { content: introduceSummary('The word is slate.') },
      { content: 'Go on.' },
    ])
  })
})

describe('going on from a response that is not stored', () => {
  test('puts what was said before the new input', async () => {
    const { connect, upstream } = await start(echo)
    const client = await connect()
    const first = await client.turn({ ...turn, input: 'cobalt' })
    const second = await client.turn({
      ...turn,
      input: 'Which word?',
      previous_response_id: idOf(first),
    })
    expect(eventFailures(second, 'both')).toEqual([])
    expect(second.at(-1)).toMatchObject({ response: { previous_response_id: idOf(first) } })
    await client.turn({ ...turn, input: 'And now?', previous_response_id: idOf(second) })
    expect(lastMessages(upstream)).toEqual([
      { role: 'user', content: 'cobalt' },
      { role: 'assistant', content: 'You said cobalt' },
      { role: 'user', content: 'Which word?' },
      { role: 'assistant', content: 'You said Which word?' },
      { role: 'user', content: 'And now?' },
    ])
  })

  test('answers its calls', async () => {
    const { connect, upstream } = await start(call)
    const client = await connect()
    const first = await client.turn({ ...turn, tools: [LOOK], input: 'look' })
    await client.turn({
      ...turn,
      tools: [LOOK],
      previous_response_id: idOf(first),
      input: [{ type: 'function_call_output', call_id: 'call_1', output: 'a cat' }],
    })
    expect(lastMessages(upstream)).toMatchObject([
      { role: 'user' },
      { role: 'assistant', tool_calls: [{ id: 'call_1' }] },
      { role: 'tool', tool_call_id: 'call_1', content: 'a cat' },
    ])
  })

  test('goes on from a warm-up, which asks nobody', async () => {
    const { connect, upstream } = await start(echo)
    const client = await connect()
    const warm = await client.turn({ ...turn, input: 'ahead', generate: false })
    expect(typesOf(warm)).toEqual([
      'response.created',
      'response.in_progress',
      'response.completed',
    ])
    expect(eventFailures(warm, 'both')).toEqual([])
    expect(upstream.received).toEqual([])
    await client.turn({ ...turn, input: 'now', previous_response_id: idOf(warm) })
    expect(lastMessages(upstream)).toEqual([
      { role: 'user', content: 'ahead' },
      { role: 'user', content: 'now' },
    ])
  })

  const notFound = {
    type: 'error',
    status: 400,
    error: { code: 'previous_response_not_found', param: 'previous_response_id' },
  }

  test('needs the same connection, and the connection goes on after the refusal', async () => {
    const { connect } = await start(echo)
    const first = await (await connect()).turn({ ...turn, input: 'copper' })
    const other = await connect()
    const refused = await other.turn({ ...turn, input: 'go on', previous_response_id: idOf(first) })
    expect(refused).toMatchObject([notFound])
    expect(schemaFailures('WebSocketErrorEvent', refused[0])).toEqual([])
    expect(typesOf(await other.turn({ ...turn, input: 'anew' })).at(-1)).toBe('response.completed')
  })

  test('from one that never was is refused, for Codex with the same code', async () => {
    const { connect } = await start(echo)
    const client = await connect({ headers: { originator: 'codex_exec' } })
    const asked = { ...turn, input: 'go on', previous_response_id: 'resp_missing' }
    expect(await client.turn(asked)).toMatchObject([notFound])
  })

  test('from any but the latest is refused', async () => {
    const { connect } = await start(echo)
    const client = await connect()
    const first = await client.turn({ ...turn, input: 'one' })
    await client.turn({ ...turn, input: 'two' })
    const asked = { ...turn, input: 'go on', previous_response_id: idOf(first) }
    expect(await client.turn(asked)).toMatchObject([notFound])
  })

  test.each([
    {
      name: 'was refused',
      answerer: echo,
      bad: [{ type: 'function_call_output', call_id: 'call_missing', output: 'x' }],
      end: { type: 'error', status: 400, error: { param: 'input[0].call_id' } },
    },
    {
      name: 'failed',
      answerer: ((request, response) => {
        const messages = request.body['messages'] as unknown[]
        const broken = streaming(['data: {"error":{"message":"out of memory"}}\n\n'])
        if (messages.length > 1) broken(request, response)
        else echo(request, response)
      }) satisfies Answerer,
      bad: 'break',
      end: { type: 'response.failed' },
    },
  ])('after a turn from it $name is refused', async ({ answerer, bad, end }) => {
    const { connect } = await start(answerer)
    const client = await connect()
    const first = await client.turn({ ...turn, input: 'ember' })
    const from = { ...turn, previous_response_id: idOf(first) }
    expect((await client.turn({ ...from, input: bad })).at(-1)).toMatchObject(end)
    expect(await client.turn({ ...from, input: 'stale' })).toMatchObject([notFound])
  })

  test('is not remembered beyond the largest message there may be', async () => {
    const { connect } = await start(echo, { config: { server: { max_body_bytes: 4096 } } })
    const client = await connect()
    const first = await client.turn({ ...turn, input: 'x'.repeat(3000) })
    const asked = { ...turn, input: 'go on', previous_response_id: idOf(first) }
    expect(await client.turn(asked)).toMatchObject([notFound])
  })
})

describe('a response that is stored', () => {
  test('is gone on from on any connection, and found over HTTP', async () => {
    const { connect, bridge, upstream } = await start(echo)
    const first = await (await connect()).turn({ model: 'm', input: 'one' })
    expect(first.at(-1)).toMatchObject({ response: { store: true } })
    const found = await fetch(`${bridge.url}/v1/responses/${idOf(first)}`)
    expect(await found.json()).toMatchObject(first.at(-1)?.['response'] as object)
    const other = await connect()
    const asked = { model: 'm', input: 'two', previous_response_id: idOf(first) }
    expect(eventFailures(await other.turn(asked), 'both')).toEqual([])
    expect(lastMessages(upstream)).toHaveLength(3)
  })

  test('may be gone on from without storing more, which the connection then remembers', async () => {
    const { connect, upstream } = await start(echo)
    const client = await connect()
    const stored = await client.turn({ model: 'm', input: 'one' })
    const second = await client.turn({
      ...turn,
      input: 'two',
      previous_response_id: idOf(stored),
    })
    await client.turn({ ...turn, input: 'three', previous_response_id: idOf(second) })
    expect(lastMessages(upstream)).toMatchObject([
      { content: 'one' },
      { content: 'You said one' },
      { content: 'two' },
      { content: 'You said two' },
      { content: 'three' },
    ])
  })

  test.each([
    { from: 'a warm-up', first: { model: 'm', generate: false } },
    { from: 'one that is not stored', first: turn },
  ])('has all that it went on from, where that was $from', async ({ first }) => {
    const { connect, bridge, upstream } = await start(echo)
    const client = await connect()
    const earlier = await client.turn({ ...first, input: 'one' })
    const second = await client.turn({
      model: 'm',
      input: 'two',
      previous_response_id: idOf(earlier),
    })
    expect(second.at(-1)).toMatchObject({
      response: { store: true, previous_response_id: idOf(earlier) },
    })
    const said = lastMessages(upstream) as object[]
    const other = await connect()
    const third = { model: 'm', input: 'three', previous_response_id: idOf(second) }
    expect((await other.turn(third)).at(-1)?.type).toBe('response.completed')
    expect(lastMessages(upstream)).toEqual([
      ...said,
      { role: 'assistant', content: 'You said two' },
      { role: 'user', content: 'three' },
    ])
    const listed = await fetch(`${bridge.url}/v1/responses/${idOf(second)}/input_items`)
    expect(Object(await listed.json()).data).toHaveLength(said.length)
  })

  test('stays after a turn from it that was refused', async () => {
    const { connect } = await start(echo)
    const client = await connect()
    const stored = await client.turn({ model: 'm', input: 'one' })
    const from = { model: 'm', previous_response_id: idOf(stored) }
    const orphan = [{ type: 'function_call_output', call_id: 'missing', output: 'x' }]
    expect((await client.turn({ ...from, input: orphan })).at(-1)).toMatchObject({ status: 400 })
    expect((await client.turn({ ...from, input: 'two' })).at(-1)?.type).toBe('response.completed')
  })
})

describe('what is refused', () => {
  test.each([
    { name: 'no JSON', message: '{', error: { code: 'invalid_json' } },
    { name: 'no object', message: '[]', error: { code: 'invalid_request' } },
    {
      name: 'another type',
      message: '{"type":"response.cancel"}',
      error: { code: 'invalid_request', param: 'type' },
    },
    {
      name: 'a stream of several',
      message: '{"type":"response.create","model":"m","input":"hi","stream_id":"a"}',
      error: { code: 'invalid_request', param: 'stream_id' },
    },
    {
      name: 'no model',
      message: '{"type":"response.create","input":"hi"}',
      error: { code: 'invalid_request', param: 'model' },
    },
    {
      name: 'a turn in the background',
      message: '{"type":"response.create","model":"m","input":"hi","background":true}',
      error: { code: 'invalid_request', param: 'background' },
    },
  ])('$name: with an envelope, and the connection goes on', async ({ message, error }) => {
    const { connect } = await start(echo)
    const client = await connect()
    client.send(message)
    const refused = await client.nextTurn()
    expect(refused).toMatchObject([{ type: 'error', status: 400, error }])
    expect(schemaFailures('WebSocketErrorEvent', refused[0])).toEqual([])
    expect(typesOf(await client.turn({ ...turn, input: 'hi' })).at(-1)).toBe('response.completed')
  })

  test('a binary message', async () => {
    const { connect } = await start(echo)
    const client = await connect()
    client.socket.send(Buffer.from('{"type":"response.create"}'))
    expect(await client.nextTurn()).toMatchObject([{ error: { code: 'invalid_request' } }])
  })

  test('an upstream’s refusal keeps its status, and its headers', async () => {
    const { connect } = await start(
      answering(429, '{"error":{"message":"slow down"}}', { 'retry-after': '7' }),
    )
    const client = await connect()
    expect(await client.turn({ ...turn, input: 'hi' })).toMatchObject([
      {
        type: 'error',
        status: 429,
        error: { code: 'upstream_rate_limit' },
        headers: { 'retry-after': '7', 'x-request-id': expect.stringMatching(/^req_/) },
      },
    ])
  })

  test('a turn past the budget, with the body that HTTP has', async () => {
    const { connect, upstream, bridge } = await start(echo, {
      config: {
        models: { m: { upstream: 'local', price: { input: '1', output: '1' } } },
        session: { limit_cost_usd: '0.000000001' },
      },
    })
    const client = await connect({ headers: { originator: 'codex_exec' } })
    const [refused] = await client.turn({ ...turn, input: 'hi' })
    expect(refused).toMatchObject({
      type: 'error',
      status: 429,
      error: { type: 'usage_limit_reached', code: 'session_cost_limit' },
      headers: { 'x-codex-promo-message': expect.stringMatching(/^Session budget/) },
    })
    const answer = await fetch(`${bridge.url}/v1/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...turn, input: 'hi' }),
    })
    expect(await answer.json()).toEqual({ error: refused?.['error'] })
    expect(upstream.received).toEqual([])
  })
})
