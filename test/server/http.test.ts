/** The bridge over real sockets: routes, forms of answer, errors, hang-ups. */
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { INFERENCE_PREFIXES } from '../../src/server/routes.ts'
import { startTestBridge, type TestBridge, type TestBridgeOptions } from '../support/bridge.ts'
import {
  type Answerer,
  answering,
  type HttpUpstream,
  startHttpUpstream,
  streaming,
  textFrames,
} from '../support/http-upstream.ts'

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.close()))
})

async function start(
  answer: Answerer,
  options: Partial<TestBridgeOptions> = {},
  switches: Record<string, unknown> = {},
): Promise<{ bridge: TestBridge; upstream: HttpUpstream }> {
  const upstream = await startHttpUpstream(answer)
  running.push(upstream)
  const bridge = await startTestBridge({
    ...options,
    config: {
      upstreams: {
        local: {
          base_url: upstream.baseUrl,
          api_key_env: 'LOCAL_KEY',
          max_retries: 0,
          ...switches,
        },
      },
      models: { m: { upstream: 'local', model: 'real-name' } },
      ...options.config,
    },
    env: { LOCAL_KEY: 'upstream-secret-1', ...options.env },
  })
  running.push(bridge)
  return { bridge, upstream }
}

function post(bridge: TestBridge, path: string, body: unknown, headers = {}): Promise<Response> {
  return fetch(bridge.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

const hello = textFrames('hello')

describe('responses', () => {
  test.each(
    INFERENCE_PREFIXES.flatMap((prefix) => [
      `${prefix}/responses`,
      `${prefix}/responses/responses`,
    ]),
  )('POST %s answers whole', async (path) => {
    const { bridge, upstream } = await start(streaming(hello))
    const answer = await post(bridge, path, { model: 'm', input: 'hi' })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(answer.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{32}$/)
    expect(await answer.json()).toMatchObject({
      object: 'response',
      status: 'completed',
      output: [{ type: 'message', content: [{ type: 'output_text', text: 'hello' }] }],
      usage: { input_tokens: 7, output_tokens: 3, total_tokens: 10 },
    })
    expect(upstream.received[0]).toMatchObject({
      path: '/v1/chat/completions',
      body: { model: 'real-name', stream: true, stream_options: { include_usage: true } },
    })
  })

  test('streams events and ends with [DONE]', async () => {
    const { bridge } = await start(streaming(hello))
    const answer = await post(bridge, '/v1/responses', { model: 'm', input: 'hi', stream: true })
    expect(answer.headers.get('content-type')).toBe('text/event-stream')
    const text = await answer.text()
    expect(text.match(/^event: .*$/gm)).toEqual([
      'event: response.created',
      'event: response.in_progress',
      'event: response.output_item.added',
      'event: response.content_part.added',
      'event: response.output_text.delta',
      'event: response.output_text.done',
      'event: response.content_part.done',
      'event: response.output_item.done',
      'event: response.completed',
    ])
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
  })

  test('never sets an openai-model header, which Codex takes for a rerouting', async () => {
    const { bridge } = await start((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'openai-model': 'other' })
      response.end(`${hello.join('')}data: [DONE]\n\n`)
    })
    const answer = await post(bridge, '/v1/responses', { model: 'm', input: 'hi', stream: true })
    await answer.text()
    expect(answer.headers.get('openai-model')).toBeNull()
  })

  test('names what it could not carry', async () => {
    const { bridge } = await start(streaming(hello))
    const answer = await post(bridge, '/v1/responses', {
      model: 'm',
      input: 'hi',
      tools: [{ type: 'web_search' }],
    })
    expect(answer.headers.get('x-synth-dropped')).toBe('tools.web_search')
  })

  test('names what it could not carry in a header that can be sent', async () => {
    const { bridge } = await start(streaming(hello))
    for (const stream of [true, false]) {
      const answer = await post(bridge, '/v1/responses', {
        model: 'm',
        input: 'hi',
        stream,
        tools: [{ type: 'wëb\nsearch' }],
        ['k'.repeat(100_000)]: 1,
      })
      expect(answer.status).toBe(200)
      expect(answer.headers.get('x-synth-dropped')).toBe(
        `${'k'.repeat(64)}, tools.w%C3%ABb%0Asearch`,
      )
      expect(await answer.text()).toContain('completed')
    }
  })

  test('asks once more for a call that breaks its grammar, and charges both', async () => {
    const inputs = ['drop it', 'SELECT 1']
    const { bridge, upstream } = await start(
      (request, response) => {
        const input = inputs.shift() ?? ''
        const call = { name: 'sql', arguments: JSON.stringify({ input }) }
        const delta = { tool_calls: [{ index: 0, id: 'call_1', function: call }] }
        streaming([
          `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: 'tool_calls' }] })}\n\n`,
          `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 3 } })}\n\n`,
        ])(request, response)
      },
      {},
      { grammar_retry: true },
    )
    const format = { type: 'grammar', syntax: 'regex', definition: 'SELECT .+' }
    const answer = await post(bridge, '/v1/responses', {
      model: 'm',
      input: 'hi',
      tools: [{ type: 'custom', name: 'sql', format }],
    })
    expect(await answer.json()).toMatchObject({
      status: 'completed',
      output: [{ type: 'custom_tool_call', input: 'SELECT 1' }],
      usage: { total_tokens: 10 },
      metadata: {},
    })
    expect(upstream.received).toHaveLength(2)
    const sessions = await (await fetch(`${bridge.url}/api/v1/sessions`)).json()
    expect(sessions).toMatchObject([{ current_usage: { tokens: 20, api_calls: 2 } }])
  })

  test('pads its deltas where asked to', async () => {
    const { bridge } = await start(streaming(hello))
    const padded = { model: 'm', input: 'hi', stream: true }
    const text = async (members: object) =>
      (await post(bridge, '/v1/responses', { ...padded, ...members })).text()
    const asked = await text({ stream_options: { include_obfuscation: true } })
    expect(asked).toMatch(/"delta":"hello","logprobs":\[\],"obfuscation":"\w{27}"\}/)
    expect(await text({})).not.toContain('obfuscation')
  })

  test('says which turns it left out of a window that is too small', async () => {
    const { bridge, upstream } = await start(streaming(hello), {
      config: { models: { m: { upstream: 'local', context_window: 40 } } },
    })
    const input = [
      { role: 'user', content: 'old '.repeat(50) },
      { role: 'assistant', content: 'yes' },
      { role: 'user', content: 'new' },
    ]
    const answer = await post(bridge, '/v1/responses', { model: 'm', input, truncation: 'auto' })
    expect(answer.headers.get('x-synth-dropped')).toBe('input.turns')
    expect(upstream.received[0]?.body).toMatchObject({
      messages: [{ role: 'user', content: 'new' }],
    })
  })

  test('is strict where the configuration says so', async () => {
    const { bridge, upstream } = await start(streaming(hello), {
      config: { server: { strict: true } },
    })
    const answer = await post(bridge, '/v1/responses', {
      model: 'm',
      input: 'hi',
      tools: [{ type: 'web_search' }],
    })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ error: { code: 'cannot_carry' } })
    expect(upstream.received).toHaveLength(0)
  })

  test('a failure inside a 200 is a failed response', async () => {
    const { bridge } = await start(
      streaming([hello[0] ?? '', 'data: {"error":{"message":"boom"}}\n\n']),
    )
    const answer = await post(bridge, '/v1/responses', { model: 'm', input: 'hi' })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ status: 'failed', error: { message: 'boom' } })
  })
})

describe('chat completions', () => {
  test('pass through, streamed, with usage asked for and hidden from who did not ask', async () => {
    const { bridge, upstream } = await start(streaming(hello))
    const request = {
      model: 'm',
      messages: [{ role: 'user', content: 'hi' }],
      stream: true,
      seed: 7,
    }
    const text = await (await post(bridge, '/v1/chat/completions', request)).text()
    expect(text).toContain('"content":"hello"')
    expect(text).not.toContain('"usage"')
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
    expect(upstream.received[0]?.body).toEqual({
      ...request,
      model: 'real-name',
      stream_options: { include_usage: true },
    })
    const asked = { ...request, stream_options: { include_usage: true } }
    expect(await (await post(bridge, '/v1/chat/completions', asked)).text()).toContain('"usage"')
  })

  test('pass through whole, value for value', async () => {
    const whole = {
      id: 'x',
      choices: [
        { index: 0, message: { role: 'assistant', content: 'hey' }, finish_reason: 'stop' },
      ],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
      timings: { odd: 1 },
    }
    const { bridge } = await start(answering(200, JSON.stringify(whole)))
    const answer = await post(bridge, '/api/v1/chat/completions', {
      model: 'm',
      messages: [{ role: 'user', content: 'hi' }],
    })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual(whole)
  })

  test('an error inside a 200 is an error for a client that does not stream', async () => {
    const { bridge } = await start(answering(200, '{"error":{"message":"no","code":400}}'))
    const answer = await post(bridge, '/v1/chat/completions', { model: 'm', messages: [] })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ error: { message: 'no' } })
  })
})

describe('an upstream that speaks Responses', () => {
  const events = [
    { type: 'response.created', response: { id: 'resp_u', status: 'in_progress', output: [] } },
    { type: 'response.completed', response: { id: 'resp_u', status: 'completed', output: [] } },
  ]
    .map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    .join('')

  test('is passed through', async () => {
    const upstream = await startHttpUpstream(
      answering(200, events, { 'content-type': 'text/event-stream' }),
    )
    running.push(upstream)
    const bridge = await startTestBridge({
      config: {
        upstreams: { local: { base_url: upstream.baseUrl, wire: 'responses' } },
        models: { m: { upstream: 'local', model: 'real-name' } },
      },
    })
    running.push(bridge)
    const answer = await post(bridge, '/v1/responses', {
      model: 'm',
      input: 'hi',
      stream: true,
      novelty: 1,
    })
    const text = await answer.text()
    expect(text.match(/^event: .*$/gm)).toEqual([
      'event: response.created',
      'event: response.completed',
    ])
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
    expect(upstream.received[0]).toMatchObject({
      path: '/v1/responses',
      body: { model: 'real-name', input: 'hi', novelty: 1 },
    })
  })
})

describe('what a client presents', () => {
  test('never reaches the upstream; the configured key does', async () => {
    const { bridge, upstream } = await start(streaming(hello))
    const canary = 'canary-canary'
    await post(
      bridge,
      '/v1/responses',
      {
        model: 'm',
        input: 'hi',
        client_metadata: { a: canary },
        api_base: canary,
        api_key: canary,
      },
      {
        authorization: `Bearer ${canary}`,
        'x-api-key': canary,
        cookie: canary,
        'session-id': canary,
        'x-codex-turn-metadata': canary,
      },
    )
    expect(JSON.stringify(upstream.received)).not.toContain(canary)
    expect(upstream.received[0]?.headers.authorization).toBe('Bearer upstream-secret-1')
  })

  test('an upstream that echoes its key in the middle of a stream has it taken out', async () => {
    const { bridge } = await start(
      streaming([hello[0] ?? '', 'data: {"error":{"message":"key upstream-secret-1 is bad"}}\n\n']),
    )
    const answer = await post(bridge, '/v1/responses', { model: 'm', input: 'hi', stream: true })
    const text = await answer.text()
    expect(text).toContain('key [redacted] is bad')
    expect(text + JSON.stringify(bridge.events)).not.toContain('upstream-secret-1')
  })

  test('an upstream that echoes its key has it taken out', async () => {
    const { bridge } = await start(
      answering(401, '{"error":{"message":"Incorrect API key provided: upstream-secret-1"}}'),
    )
    const answer = await post(bridge, '/v1/responses', { model: 'm', input: 'hi' })
    expect(answer.status).toBe(401)
    const text = await answer.text()
    expect(text).toContain('Incorrect API key provided: [redacted]')
    expect(text + JSON.stringify(bridge.events)).not.toContain('upstream-secret-1')
  })
})

describe('errors of the upstream', () => {
  test('a key that no header can hold is named, not shown, and not tried', async () => {
    const { bridge, upstream } = await start(streaming(hello), {
      env: { LOCAL_KEY: 'upstream-secret-1\r' },
    })
    const answer = await post(bridge, '/v1/responses', { model: 'm', input: 'hi' })
    expect(answer.status).toBe(401)
    const text = await answer.text()
    expect(text).toContain('LOCAL_KEY')
    expect(text).not.toContain('upstream-secret-1')
    expect(upstream.received).toHaveLength(0)
  })

  test.each([
    { name: 'HTML', status: 502, body: '<html>nginx</html>', type: 'text/html', expected: 502 },
    { name: 'a redirect', status: 302, body: '', type: 'text/plain', expected: 502 },
    { name: 'garbage', status: 500, body: '\u0000\u0001', type: 'text/plain', expected: 500 },
  ])('$name never reaches the client raw', async ({ status, body, type, expected }) => {
    const { bridge } = await start(
      answering(status, body, { 'content-type': type, location: 'http://x' }),
    )
    const answer = await post(bridge, '/v1/responses', { model: 'm', input: 'hi', stream: true })
    expect(answer.status).toBe(expected)
    const text = await answer.text()
    expect(text).not.toMatch(/nginx|\\u0000/)
    expect(JSON.parse(text)).toMatchObject({ error: { message: expect.any(String) } })
  })

  test('a 429 keeps its Retry-After', async () => {
    const { bridge } = await start(
      answering(429, '{"error":{"message":"slow down"}}', { 'retry-after': '30' }),
    )
    const answer = await post(bridge, '/v1/responses', { model: 'm', input: 'hi' })
    expect(answer.status).toBe(429)
    expect(answer.headers.get('retry-after')).toBe('30')
  })

  test('an upstream that is not there is a 502 that names it', async () => {
    const { bridge, upstream } = await start(streaming(hello))
    await upstream.close()
    const answer = await post(bridge, '/v1/responses', { model: 'm', input: 'hi' })
    expect(answer.status).toBe(502)
    expect(await answer.json()).toMatchObject({
      error: { message: expect.stringMatching(/"local" at http:\/\/127.*refused/) },
    })
  })
})

describe('sealed reasoning', () => {
  const thought = { choices: [{ index: 0, delta: { reasoning_content: 'hm' } }] }
  const frames = [`data: ${JSON.stringify(thought)}\n\n`, ...hello]

  test.each([
    { name: 'asks for it', body: { include: ['reasoning.encrypted_content'] } },
    { name: 'stores nothing', body: { store: false } },
    { name: 'says nothing of it', body: {} },
  ])('goes to a client that $name', async ({ body }) => {
    const { bridge } = await start(streaming(frames))
    const answer = await post(bridge, '/v1/responses', { model: 'm', input: 'x', ...body })
    const response: unknown = await answer.json()
    expect(response).toMatchObject({ output: [{ type: 'reasoning' }, {}] })
    expect(JSON.stringify(response)).toContain('"encrypted_content":"synth1.')
  })
})

describe('bad requests', () => {
  test.each([
    { name: 'not JSON', body: '{', status: 400, code: 'invalid_json' },
    { name: 'an array', body: '[]', status: 400, code: 'invalid_request' },
    { name: 'no model', body: '{"input":"x"}', status: 400, code: 'invalid_request' },
    {
      name: 'a model nobody has',
      body: '{"model":"x","input":"x"}',
      status: 404,
      code: 'model_not_found',
    },
    { name: 'a wrong type', body: '{"model":"m","input":7}', status: 400, code: 'invalid_request' },
    {
      name: 'a stored response',
      body: '{"model":"m","input":"x","previous_response_id":"resp_1"}',
      status: 400,
      code: 'previous_response_not_found',
    },
    {
      name: 'a stored item',
      body: '{"model":"m","input":[{"role":"user","content":"hi"},{"id":"msg_1"}]}',
      status: 404,
      code: 'not_found',
    },
  ])('$name is a $status and sends nothing upstream', async ({ body, status, code }) => {
    const { bridge, upstream } = await start(streaming(hello))
    const answer = await post(bridge, '/v1/responses', body)
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ error: { code } })
    expect(upstream.received).toHaveLength(0)
  })

  test('a chat body is read as strictly, and its errors in the same words', async () => {
    const { bridge } = await start(streaming(hello))
    const errorOf = async (body: unknown) =>
      (await post(bridge, '/v1/chat/completions', body)).json()
    expect(await errorOf({ model: 'm', input: 'x' })).toMatchObject({
      error: { param: 'messages', message: 'messages is missing; expected an array.' },
    })
    expect(await errorOf({ model: 'm', messages: ['x'] })).toMatchObject({
      error: { param: 'messages[0]', message: 'messages[0] is "x"; expected an object.' },
    })
  })

  test('a stored item is refused by its place, with the way out', async () => {
    const { bridge } = await start(streaming(hello))
    const answer = await post(bridge, '/v1/responses', {
      model: 'm',
      input: [
        { role: 'user', content: 'hi' },
        { type: 'item_reference', id: 'msg_1' },
      ],
    })
    expect(await answer.json()).toMatchObject({
      error: {
        param: 'input[1]',
        message: expect.stringMatching(
          /'msg_1'.*nothing is stored.*Send the item itself.*store: false/,
        ),
      },
    })
  })

  test('a base URL without its /v1 is told so', async () => {
    const { bridge } = await start(streaming(hello))
    const messageAt = async (path: string) => (await post(bridge, path, {})).json()
    expect(await messageAt('/responses')).toMatchObject({
      error: { message: 'No route POST /responses. The base URL ends in /v1.' },
    })
    expect(await messageAt('/nothing')).toMatchObject({
      error: { message: 'No route POST /nothing.' },
    })
  })

  test('over the limit is refused on a connection that still works', async () => {
    const { bridge } = await start(streaming(hello), {
      config: { server: { max_body_bytes: 2048 } },
    })
    const answer = await post(bridge, '/v1/responses', { model: 'm', input: 'x'.repeat(100_000) })
    expect(answer.status).toBe(413)
    expect(await answer.json()).toMatchObject({ error: { code: 'body_too_large' } })
  })
})

describe('other routes', () => {
  test('health is open and says so', async () => {
    const { bridge } = await start(streaming(hello))
    const answer = await fetch(`${bridge.url}/health`)
    expect(await answer.json()).toMatchObject({ status: 'ok' })
  })

  test.each(INFERENCE_PREFIXES)('%s/models lists the models', async (prefix) => {
    const { bridge } = await start(answering(404, '{}'))
    const answer = await fetch(`${bridge.url}${prefix}/models`)
    expect(await answer.json()).toMatchObject({
      object: 'list',
      data: [{ id: 'm', object: 'model', owned_by: 'local' }],
    })
    const one = await fetch(`${bridge.url}${prefix}/models/m`)
    expect(await one.json()).toMatchObject({ id: 'm', object: 'model' })
  })

  test('models say their context window, and are Codex’s catalogue when Codex asks', async () => {
    const { bridge } = await start(answering(404, '{}'), {
      config: { models: { m: { upstream: 'local', context_window: 4096 } } },
    })
    const plain = await fetch(`${bridge.url}/v1/models`)
    expect(await plain.json()).toMatchObject({ data: [{ id: 'm', context_window: 4096 }] })
    const catalogue = await fetch(`${bridge.url}/v1/models?client_version=0.169.0`)
    expect(await catalogue.json()).toMatchObject({
      models: [{ slug: 'm', context_window: 4096, shell_type: 'shell_command' }],
    })
  })

  // Codex goes on over HTTP at once on a 426; most other errors it would get as a 400.
  test.each(['', 'originator: codex_exec'])(
    'a WebSocket that is off is a 426 (%s)',
    async (client) => {
      const { bridge } = await start(streaming(hello), {
        config: { server: { websocket: false } },
      })
      expect(
        await rawRequest(bridge, 'GET /v1/responses HTTP/1.1', [
          ...(client === '' ? [] : [client]),
          'Connection: Upgrade',
          'Upgrade: websocket',
          'Sec-WebSocket-Version: 13',
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        ]),
      ).toMatch(/^HTTP\/1\.1 426 /)
    },
  )

  test.each([
    { method: 'GET', path: '/nothing', status: 404 },
    { method: 'GET', path: '/v1/chat/completions', status: 405 },
    { method: 'DELETE', path: '/v1/models', status: 405 },
  ])('$method $path is a $status in the OpenAI shape', async ({ method, path, status }) => {
    const { bridge } = await start(streaming(hello))
    const answer = await fetch(bridge.url + path, { method })
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ error: { message: expect.any(String) } })
  })

  test('a name that is rebound to this machine is refused', async () => {
    const { bridge } = await start(streaming(hello))
    expect(await rawRequest(bridge, 'GET /v1/models HTTP/1.1', ['Host: evil.test'])).toMatch(
      /^HTTP\/1\.1 403 /,
    )
  })
})

describe('keys', () => {
  test('are asked for where there are any, and never forwarded', async () => {
    const { bridge, upstream } = await start(streaming(hello), {
      config: { keys: [{ name: 'ci', key_env: 'CI_KEY' }] },
      env: { CI_KEY: 'ci-secret-key' },
    })
    const request = { model: 'm', input: 'hi' }
    expect((await post(bridge, '/v1/responses', request)).status).toBe(401)
    expect((await fetch(`${bridge.url}/v1/models`)).status).toBe(401)
    const bearer = { authorization: 'Bearer ci-secret-key' }
    expect((await post(bridge, '/v1/responses', request, bearer)).status).toBe(200)
    expect(
      (await post(bridge, '/v1/responses', request, { 'x-api-key': 'ci-secret-key' })).status,
    ).toBe(200)
    expect(JSON.stringify(upstream.received)).not.toContain('ci-secret-key')
  })

  test.each([{}, { CI_KEY: '' }])(
    'let nobody in where the only one has no value ($CI_KEY)',
    async (env: Record<string, string>) => {
      const { bridge, upstream } = await start(streaming(hello), {
        config: { keys: [{ name: 'ci', key_env: 'CI_KEY' }] },
        env,
      })
      const request = { model: 'm', input: 'hi' }
      expect((await post(bridge, '/v1/responses', request)).status).toBe(401)
      const bearer = { authorization: 'Bearer guess' }
      expect((await post(bridge, '/v1/responses', request, bearer)).status).toBe(401)
      expect(upstream.received).toHaveLength(0)
    },
  )
})

describe('a client that hangs up', () => {
  test('takes the upstream with it within 100 ms', async () => {
    const { bridge, upstream } = await start((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(hello[0])
    })
    const leaving = new AbortController()
    const answer = await fetch(`${bridge.url}/v1/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', input: 'hi', stream: true }),
      signal: leaving.signal,
    })
    await answer.body?.getReader().read()
    const leftAtMs = performance.now()
    leaving.abort()
    await upstream.closedByPeer()
    expect(performance.now() - leftAtMs).toBeLessThan(1000)
  })

  test.each([{ stream: true }, { stream: false }])(
    'before the upstream has answered is no different ($stream)',
    async ({ stream }) => {
      let arrived = () => {}
      const waiting = new Promise<void>((resolve) => {
        arrived = resolve
      })
      const { bridge, upstream } = await start(() => arrived())
      const leaving = new AbortController()
      const call = fetch(`${bridge.url}/v1/responses`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'm', input: 'hi', stream }),
        signal: leaving.signal,
      }).catch(() => 'left')
      await waiting
      leaving.abort()
      expect(await call).toBe('left')
      await upstream.closedByPeer()
    },
  )
})

test('a quiet upstream keeps the line alive', async () => {
  const { bridge } = await start(
    (_request, response) => {
      setTimeout(() => streaming(hello)(_request, response), 120)
    },
    { timing: { keepaliveMs: 30, openAfterMs: 30 } },
  )
  const answer = await post(bridge, '/v1/responses', { model: 'm', input: 'hi', stream: true })
  const text = await answer.text()
  expect(text).toMatch(/^event: response\.created\n/)
  expect(text).toContain('event: keepalive\ndata: {"type":"keepalive","sequence_number":2}\n\n')
  expect(text).toContain('response.completed')
})

/** The first bytes of the answer to a request that `fetch` would not send. */
function rawRequest(bridge: TestBridge, line: string, headers: string[]): Promise<string> {
  const { hostname, port } = new URL(bridge.url)
  const host = headers.some((header) => header.startsWith('Host:')) ? [] : [`Host: ${hostname}`]
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(`${[line, ...host, ...headers].join('\r\n')}\r\n\r\n`)
    })
    socket.once('data', (bytes) => {
      resolve(bytes.toString())
      socket.destroy()
    })
    socket.once('error', reject)
  })
}
