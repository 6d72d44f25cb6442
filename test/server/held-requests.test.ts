/** A request is let go of once the upstream has accepted it: histories are megabytes, streams are many. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { startTestBridge } from '../support/bridge.ts'
import { heldBytes } from '../support/memory.ts'

const HISTORY_BYTES = 8 * 1024 * 1024
const STREAMS = 3

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const part of running.splice(0).reverse()) await part.close()
})

/** Reads requests without keeping them, and answers each with the beginning of a stream. */
async function startEndlessUpstream(firstFrame: string): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    let missing = -1
    socket.on('data', (piece) => {
      if (missing < 0) {
        const text = piece.toString('latin1')
        const length = Number(/content-length: (\d+)/i.exec(text)?.[1])
        missing = length + text.indexOf('\r\n\r\n') + 4
      }
      missing -= piece.length
      if (missing === 0) {
        socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n')
        socket.write(firstFrame)
      }
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  running.push({
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
}

/** Resolves when the answer has begun. */
function openStream(url: string, path: string, body: string): Promise<void> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  running.push({ close: async () => void socket.destroy() })
  socket.on('error', () => {})
  socket.write(
    `POST ${path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n`,
  )
  socket.write(body)
  return new Promise((resolve, reject) => {
    socket.on('data', (bytes) => {
      if (/^HTTP\/1\.1 [^2]/.test(bytes.toString())) reject(new Error(bytes.toString()))
      if (bytes.includes('data: ')) resolve()
    })
  })
}

const chatFrame = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'a' } }] })}\n\n`
const responsesFrame = `event: response.created\ndata: ${JSON.stringify({
  type: 'response.created',
  sequence_number: 0,
  response: { id: 'resp_1', object: 'response', status: 'in_progress', output: [] },
})}\n\n`

const history = (): string =>
  `${'x'.repeat(HISTORY_BYTES / 2)}-middle-${'x'.repeat(HISTORY_BYTES / 2)}`
const responsesBody = (more: object) =>
  JSON.stringify({
    model: 'm',
    stream: true,
    store: false,
    input: [{ role: 'user', content: history() }],
    ...more,
  })
const chatBody = () =>
  JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: history() }] })

test.each([
  { call: 'a translated call', wire: 'chat', path: '/v1/responses', body: () => responsesBody({}) },
  {
    call: 'a call that may be asked again',
    wire: 'chat',
    path: '/v1/responses',
    body: () =>
      responsesBody({
        tools: [
          {
            type: 'custom',
            name: 'word',
            format: { type: 'grammar', syntax: 'regex', definition: '[a-z]+' },
          },
        ],
      }),
  },
  {
    call: 'a relayed call',
    wire: 'responses',
    path: '/v1/responses',
    body: () => responsesBody({}),
  },
  { call: 'a relayed chat call', wire: 'chat', path: '/v1/chat/completions', body: chatBody },
  {
    call: 'a translated chat call',
    wire: 'responses',
    path: '/v1/chat/completions',
    body: chatBody,
  },
  {
    call: "a trial's call",
    wire: 'chat',
    path: '/api/interceptor/v1/mine/chat/completions',
    body: chatBody,
  },
])('$call does not hold its request while it streams', async ({ wire, path, body }) => {
  const baseUrl = await startEndlessUpstream(wire === 'chat' ? chatFrame : responsesFrame)
  const bridge = await startTestBridge({
    config: {
      upstreams: { local: { base_url: baseUrl, wire, grammar_retry: true } },
      models: { m: { upstream: 'local' } },
    },
    timing: { openAfterMs: 600_000 },
  })
  running.push(bridge)
  // Its candidate takes a piece out of the middle of each history.
  const replacement = { apply_to_role: 'user', old_text: '-middle-', new_text: '' }
  await fetch(`${bridge.url}/api/interceptor/v1/trials`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      trial_id: 'mine',
      candidate: { strict: true, replacements: [replacement] },
    }),
  })
  const before = heldBytes()
  await Promise.all(Array.from({ length: STREAMS }, () => openStream(bridge.url, path, body())))
  // What sockets have written may still have to be told so.
  for (let turn = 0; turn < 50 && heldBytes() - before >= HISTORY_BYTES; turn++)
    await setImmediate()
  expect(heldBytes() - before).toBeLessThan(HISTORY_BYTES)
})

test('a background run does not hold the history it goes on from', async () => {
  const baseUrl = await startEndlessUpstream(chatFrame)
  const bridge = await startTestBridge({
    config: {
      upstreams: { local: { base_url: baseUrl } },
      models: { m: { upstream: 'local' } },
    },
    timing: { openAfterMs: 600_000 },
    drainMs: 0,
  })
  running.push(bridge)
  const conversations = await Promise.all(
    Array.from({ length: STREAMS }, async () => {
      const made = await fetch(`${bridge.url}/v1/conversations`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ items: [{ role: 'user', content: history() }] }),
      })
      return Object(await made.json()).id as string
    }),
  )
  const before = heldBytes()
  await Promise.all(
    conversations.map((conversation) => {
      const asked = { model: 'm', stream: true, background: true, input: 'go on', conversation }
      return openStream(bridge.url, '/v1/responses', JSON.stringify(asked))
    }),
  )
  for (let turn = 0; turn < 50 && heldBytes() - before >= HISTORY_BYTES; turn++)
    await setImmediate()
  expect(heldBytes() - before).toBeLessThan(HISTORY_BYTES)
})
