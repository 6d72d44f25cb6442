/** The upstream's socket against servers that misbehave below HTTP's polite surface. */
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import type { BridgeError } from '../../src/errors.ts'
import type { UpstreamHandler } from '../../src/gateway/ports.ts'
import { createUpstreamClient } from '../../src/upstream/client.ts'
import { heldBytes } from '../support/memory.ts'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** A server that answers with exactly `bytes` once a connection has brought `after` bytes. */
async function serverSaying(bytes: string, after = 1): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    let missing = after
    socket.on('data', (piece) => {
      if (missing > 0 && missing <= piece.length) socket.write(bytes)
      missing -= piece.length
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  closing.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  )
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/chat/completions`
}

/** Sends one request; resolves with what failed it, or undefined when it ended well. */
function failureOf(
  url: string,
  handler: Partial<UpstreamHandler> = {},
): Promise<BridgeError | undefined> {
  const client = createUpstreamClient({ local: { connectTimeoutMs: 1000 } })
  closing.push(() => client.close())
  return new Promise((resolve) => {
    client.send(
      {
        upstream: 'local',
        url,
        headers: {},
        body: '{}',
        timeouts: { headersMs: 5000, idleMs: 5000 },
      },
      {
        onSent() {},
        onAccepted() {},
        onMessage() {},
        onBody() {},
        onEnd: () => resolve(undefined),
        onRejected: () => resolve(undefined),
        onFailed: resolve,
        ...handler,
      },
    )
  })
}

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n'

test('a body that was sent is not held while the answer runs', async () => {
  const bodyBytes = 4 * 1024 * 1024
  const streams = 4
  const url = await serverSaying(`${HEAD}\r\ndata: a\n\n`, bodyBytes)
  const client = createUpstreamClient({ local: { connectTimeoutMs: 1000 } })
  closing.push(() => client.close())
  const before = heldBytes()
  const answering = Array.from({ length: streams }, () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    client.send(
      {
        upstream: 'local',
        url,
        headers: {},
        body: 'x'.repeat(bodyBytes),
        timeouts: { headersMs: 5000, idleMs: 5000 },
      },
      {
        onSent() {},
        onAccepted() {},
        onMessage: () => resolve(),
        onBody() {},
        onEnd() {},
        onRejected() {},
        onFailed: reject,
      },
    )
    return promise
  })
  await Promise.all(answering)
  // A write that the server has read may still have to be told so here.
  while (heldBytes() - before >= bodyBytes) await setImmediate()
})

describe('a fault of ours while the answer is handled', () => {
  const fault = () => {
    throw new TypeError('ours')
  }
  test.each<{ where: string; handler: Partial<UpstreamHandler> }>([
    { where: 'the start', handler: { onSent: fault } },
    { where: 'the head', handler: { onAccepted: fault } },
    { where: 'a message', handler: { onMessage: fault } },
    { where: 'the end', handler: { onEnd: fault } },
  ])('in $where is told as ours, with its cause', async ({ handler }) => {
    const url = await serverSaying(`${HEAD}content-length: 9\r\n\r\ndata: a\n\n`)
    const error = await failureOf(url, handler)
    expect(error?.code).toBe('internal_error')
    expect(error?.cause).toMatchObject({ message: 'ours' })
  })

  test('in a refusal is told as ours, with its cause', async () => {
    const url = await serverSaying('HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n')
    expect(await failureOf(url, { onRejected: fault })).toMatchObject({ code: 'internal_error' })
  })
})

describe('what an upstream sends in place of an answer', () => {
  test.each([
    { name: 'no HTTP', bytes: '\u0015\u0003\u0003\u0000\u0002\r\n\r\n', says: /is not HTTP/ },
    {
      name: 'headers without end',
      bytes: `HTTP/1.1 200 OK\r\n${`x: ${'a'.repeat(1000)}\r\n`.repeat(100)}\r\n`,
      says: /headers.*too long/,
    },
  ])('$name is said to be that, not a closed connection', async ({ bytes, says }) => {
    const error = await failureOf(await serverSaying(bytes))
    expect(error).toMatchObject({
      code: 'upstream_bad_answer',
      message: expect.stringMatching(says),
    })
  })

  test('a plain server at an https:// address is not taken for a bad certificate', async () => {
    const url = (await serverSaying('HTTP/1.1 400 Bad\r\n\r\n')).replace('http:', 'https:')
    const error = await failureOf(url)
    expect(error).toMatchObject({
      code: 'upstream_unreachable',
      message: expect.stringMatching(/speak TLS.*http:\/\//),
    })
  })
})

test('a refusal that comes while the body is still being sent is told', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.pause()
      socket.write('HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}')
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  closing.push(async () => void server.close())
  const client = createUpstreamClient({ local: { connectTimeoutMs: 1000 } })
  closing.push(() => client.close())
  const { promise, resolve } = Promise.withResolvers<string>()
  client.send(
    {
      upstream: 'local',
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      headers: {},
      body: 'x'.repeat(16 * 1024 * 1024),
      timeouts: { headersMs: 5000, idleMs: 5000 },
    },
    {
      onSent() {},
      onAccepted() {},
      onMessage() {},
      onBody() {},
      onEnd: () => resolve('end'),
      onRejected: (status) => resolve(`rejected ${status}`),
      onFailed: (error) => resolve(`failed ${error.code}`),
    },
  )
  expect(await promise).toBe('rejected 413')
})
