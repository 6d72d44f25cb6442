/** One connection with its time and its calls under the test's control. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { ClientStream } from '../../src/gateway/ports.ts'
import { createSockets } from '../../src/server/socket/sockets.ts'
import { FakeClock, IDENTITY, planOf } from '../gateway/fakes.ts'
import { connectSocket } from '../support/socket-client.ts'

const PING_MS = 30_000

const running: (() => void)[] = []
afterEach(() => {
  for (const end of running.splice(0)) end()
})

/** @param run what a call does with its client */
async function connected(run: (client: ClientStream) => Promise<void>) {
  const clock = new FakeClock()
  const refused: string[] = []
  const sockets = createSockets({
    clock,
    newRequestId: () => 'req_1',
    plan: async () => ({ responseToGoOnFrom: undefined, items: [], does: { call: planOf() } }),
    run: (_plan, client) => run(client),
    onError: ({ code }) => refused.push(code),
    maxConnections: 1,
    limits: { maxMessageBytes: 65_536, maxTurnsWaiting: 8, idleMs: 600_000, pingMs: PING_MS },
  })
  const server = createServer()
  server.on('upgrade', (request, transport, head) =>
    sockets.offer(request, transport, head, () => sockets.accept(request, IDENTITY)),
  )
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  const client = await connectSocket(`http://127.0.0.1:${port}`)
  running.push(() => {
    client.socket.terminate()
    sockets.terminate()
    server.close()
  })
  return { clock, client, refused }
}

const TURN = { type: 'response.create', model: 'm', input: 'hi' }
const frame = (text: string) =>
  `event: x.delta\ndata: ${JSON.stringify({ type: 'x.delta', text })}\n\n`
const nothing = async () => {}
const turnOfTheLoop = () => new Promise(setImmediate)

describe('a ping', () => {
  test('that is answered keeps the connection', async () => {
    const { clock, client } = await connected(nothing)
    for (let pings = 0; pings < 3; pings++) {
      const pinged = new Promise((resolve) => client.socket.once('ping', resolve))
      await clock.advance(PING_MS)
      await pinged
      // The pong has arrived when what was sent after it has been answered.
      client.send('{')
      await client.nextTurn()
    }
    expect(client.socket.readyState).toBe(client.socket.OPEN)
  })

  test('that is not answered ends it', async () => {
    const { clock, client } = await connected(nothing)
    client.socket.pause()
    await clock.advance(PING_MS)
    await clock.advance(PING_MS)
    client.socket.resume()
    expect(await client.closed).toMatchObject({ code: 1006 })
  })
})

describe('a slow reader', () => {
  test('blocks the answer, and lets it go on when it reads', async () => {
    let isBlocked = false
    const begun = Promise.withResolvers<ClientStream>()
    const end = Promise.withResolvers<void>()
    const { client } = await connected((stream) => {
      stream.onBlocked((blocked) => {
        isBlocked = blocked
      })
      begun.resolve(stream)
      return end.promise
    })
    client.send(TURN)
    const stream = await begun.promise
    client.socket.pause()
    const text = 'x'.repeat(65_536)
    let sent = 0
    // Each message alone is more than is buffered without a word; the kernel takes many before it stops.
    for (let quiet = 0; quiet < 50; quiet = isBlocked ? quiet + 1 : 0) {
      if (!isBlocked) {
        stream.write(frame(text))
        sent++
      }
      await turnOfTheLoop()
    }
    client.socket.resume()
    while (isBlocked || client.events.length < sent) await turnOfTheLoop()
    end.resolve()
    expect(client.events.every((event) => event['text'] === text)).toBe(true)
  })
})

test('a client that asks in vain and reads nothing is let go', async () => {
  const { client, refused } = await connected(nothing)
  client.socket.pause()
  while (client.socket.readyState === client.socket.OPEN) {
    const before = refused.length
    for (let asked = 0; asked < 2000; asked++) client.send('{')
    while (refused.length === before && client.socket.readyState === client.socket.OPEN) {
      await turnOfTheLoop()
    }
    if (refused.length > 200_000) throw new Error('never let go')
    // A paused client hears of its end only when it writes.
    await turnOfTheLoop()
  }
  client.socket.resume()
  expect(await client.closed).toMatchObject({ code: 1006 })
})

describe('a call that goes wrong', () => {
  test('drops the connection where it says so', async () => {
    const { client } = await connected(async (stream) => stream.drop())
    client.send(TURN)
    expect(await client.closed).toMatchObject({ code: 1006 })
  })

  test('is told that its client has gone, even when that was before it asks', async () => {
    const begun = Promise.withResolvers<ClientStream>()
    const { client } = await connected((stream) => {
      begun.resolve(stream)
      return new Promise((resolve) => stream.onGone(resolve))
    })
    client.send(TURN)
    const stream = await begun.promise
    const gone = new Promise<void>((resolve) => stream.onGone(resolve))
    await client.close()
    await gone
    await new Promise<void>((resolve) => stream.onGone(resolve))
  })
})

test('many turns leave no listeners behind', async () => {
  const warnings: string[] = []
  const warn = (warning: Error) => warnings.push(warning.message)
  process.on('warning', warn)
  running.push(() => process.off('warning', warn))
  const { client } = await connected(async (stream) => {
    stream.onGone(() => {})
    stream.write(
      'event: response.completed\ndata: {"type":"response.completed","response":{"id":"r","output":[]}}\n\n',
    )
    stream.end()
  })
  for (let turns = 0; turns < 30; turns++) {
    client.send(TURN)
    await client.nextTurn()
  }
  await turnOfTheLoop()
  expect(warnings).toEqual([])
})
