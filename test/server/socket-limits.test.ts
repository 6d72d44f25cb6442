/** The limits of WebSocket connections: who may open one, how many, how large, how long; and their end. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { startTestBridge, type TestBridgeOptions } from '../support/bridge.ts'
import {
  type Answerer,
  startHttpUpstream,
  streaming,
  textFrames,
} from '../support/http-upstream.ts'
import { connectSocket, tryConnect } from '../support/socket-client.ts'

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

const hello = streaming(textFrames('hello'))
const turn = { type: 'response.create', model: 'm', store: false, input: 'hi' }

/** Begins each answer and leaves it to the test to go on. */
function unending() {
  const answers: ServerResponse[] = []
  let wake = () => {}
  const answerer: Answerer = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const chunk = { choices: [{ index: 0, delta: { role: 'assistant', content: 'begun' } }] }
    response.write(`data: ${JSON.stringify(chunk)}\n\n`)
    answers.push(response)
    wake()
  }
  return {
    answerer,
    async answer(index: number): Promise<ServerResponse> {
      for (;;) {
        const found = answers[index]
        if (found !== undefined) return found
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}

const finish = (response: ServerResponse) => {
  for (const frame of textFrames(' and done')) response.write(frame)
  response.end('data: [DONE]\n\n')
}

describe('who may open one', () => {
  test.each([
    { name: 'another host', headers: { host: 'evil.test' }, status: 403 },
    { name: 'a web page', headers: { origin: 'https://evil.test' }, status: 403 },
  ])('not $name, without keys', async ({ headers, status }) => {
    const { bridge } = await start(hello)
    expect(await tryConnect(bridge.url, { headers })).toMatchObject({
      status,
      headers: { connection: 'close' },
      body: { error: { code: 'forbidden' } },
    })
  })

  const keys = [{ name: 'ci', sha256: createHash('sha256').update('client-key').digest('hex') }]

  test('not without a key, where there are keys', async () => {
    const { bridge, connect } = await start(hello, { config: { keys } })
    const refused = { status: 401, body: { error: { code: 'invalid_api_key' } } }
    expect(await tryConnect(bridge.url)).toMatchObject(refused)
    const headers = { authorization: 'Bearer wrong' }
    expect(await tryConnect(bridge.url, { headers })).toMatchObject(refused)
    const client = await connect({ headers: { authorization: 'Bearer client-key' } })
    client.send(turn)
    expect((await client.nextTurn()).at(-1)).toMatchObject({ type: 'response.completed' })
  })

  test('on no other route, and a request without an upgrade is told of it', async () => {
    const { bridge } = await start(hello)
    expect(await tryConnect(bridge.url, { path: '/v1/models' })).toMatchObject({ status: 200 })
    expect(await tryConnect(bridge.url, { path: '/v1/nothing' })).toMatchObject({ status: 404 })
    const plain = await fetch(`${bridge.url}/v1/responses`)
    expect(plain.status).toBe(426)
    expect(plain.headers.get('upgrade')).toBe('websocket')
  })

  test('an upgrade to anything else is no upgrade', async () => {
    const { bridge } = await start(hello)
    // Node's fetch cannot offer h2c, as Java's client does on every first request.
    const { request } = await import('node:http')
    const asked = request(`${bridge.url}/v1/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'Upgrade', upgrade: 'h2c' },
    })
    asked.end(JSON.stringify({ model: 'm', input: 'hi' }))
    const [response] = await once(asked, 'response')
    response.resume()
    expect(response.statusCode).toBe(200)
  })
})

describe('how many, how large, how long', () => {
  test('no more connections than there may be, and room again when one has closed', async () => {
    const { bridge, connect } = await start(hello, {
      config: { server: { websocket_connections: 1 } },
    })
    const first = await connect()
    expect(await tryConnect(bridge.url)).toMatchObject({
      status: 503,
      body: { error: { code: 'websocket_connections_limit' } },
    })
    await first.close()
    await connect()
  })

  test('a message beyond the largest body closes the connection', async () => {
    const { connect } = await start(hello, { config: { server: { max_body_bytes: 2048 } } })
    const client = await connect()
    client.send({ ...turn, input: 'x'.repeat(4096) })
    expect(await client.closed).toMatchObject({ code: 1009 })
  })

  test('a turn more than may wait is refused, and those that wait are not', async () => {
    const upstream = unending()
    const { connect } = await start(upstream.answerer)
    const client = await connect()
    for (let sent = 0; sent < 10; sent++) client.send(turn)
    const first = await upstream.answer(0)
    // The refusal overtakes the turn that runs: it is about what was sent, not about that turn.
    const overtaking = await client.nextTurn()
    expect(overtaking.at(-1)).toMatchObject({
      status: 429,
      error: { code: 'turns_waiting_limit', message: expect.stringMatching(/^8 turns wait/) },
    })
    finish(first)
    expect((await client.nextTurn()).at(-1)).toMatchObject({ type: 'response.completed' })
    finish(await upstream.answer(1))
    expect((await client.nextTurn()).at(-1)).toMatchObject({ type: 'response.completed' })
  })

  test('what waits is no larger than one message may be', async () => {
    const upstream = unending()
    const { connect } = await start(upstream.answerer, {
      config: { server: { max_body_bytes: 4096 } },
    })
    const client = await connect()
    client.send(turn)
    await upstream.answer(0)
    client.send({ ...turn, input: 'x'.repeat(3000) })
    client.send({ ...turn, input: 'x'.repeat(3000) })
    expect((await client.nextTurn()).at(-1)).toMatchObject({
      error: { code: 'turns_waiting_limit' },
    })
  })

  test('a connection without turns closes after its time', async () => {
    const { connect } = await start(hello, { config: { server: { websocket_idle_ms: 20 } } })
    const client = await connect()
    expect(await client.closed).toEqual({ code: 1001, reason: 'idle' })
  })
})

describe('the end', () => {
  test('a client that closes ends its turn at the upstream, and those that wait never begin', async () => {
    const upstream = unending()
    const { connect, upstream: server } = await start(upstream.answerer)
    const client = await connect()
    client.send(turn)
    client.send(turn)
    const response = await upstream.answer(0)
    const hungUp = once(response, 'close')
    await client.close()
    await hungUp
    expect(server.received).toHaveLength(1)
  })

  test('a bridge that stops lets the turn end, refuses the next, and closes', async () => {
    const upstream = unending()
    const { bridge, connect } = await start(upstream.answerer)
    const idle = await connect()
    const busy = await connect()
    busy.send(turn)
    const response = await upstream.answer(0)
    // One waits already; it has arrived when what was sent after it has been answered.
    busy.send(turn)
    busy.socket.send(Buffer.from('{}'))
    await busy.nextTurn()
    const stopped = bridge.close()
    const refused = { status: 503, error: { code: 'shutting_down' } }
    expect((await busy.nextTurn()).at(-1)).toMatchObject(refused)
    expect(await idle.closed).toMatchObject({ code: 1001 })
    busy.send(turn)
    expect((await busy.nextTurn()).at(-1)).toMatchObject(refused)
    finish(response)
    expect((await busy.nextTurn()).at(-1)).toMatchObject({ type: 'response.completed' })
    expect(await busy.closed).toMatchObject({ code: 1001 })
    await stopped
  })

  test('a turn that outlasts the drain ends in response.failed', async () => {
    const upstream = unending()
    const { bridge, connect } = await start(upstream.answerer, { drainMs: 0 })
    const client = await connect()
    client.send(turn)
    await client.heard('response.output_text.delta')
    const stopped = bridge.close()
    expect((await client.nextTurn()).at(-1)).toMatchObject({ type: 'response.failed' })
    expect(await client.closed).toMatchObject({ code: 1001 })
    await stopped
  })
})
