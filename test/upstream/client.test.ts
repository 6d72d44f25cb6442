/** The upstream's socket against servers that misbehave below HTTP's polite surface. */
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { BridgeError } from '../../src/errors.ts'
import type { UpstreamHandler } from '../../src/gateway/ports.ts'
import { createUpstreamClient } from '../../src/upstream/client.ts'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** A server that answers every connection's first bytes with exactly `bytes`. */
async function serverSaying(bytes: string): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => socket.write(bytes))
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
