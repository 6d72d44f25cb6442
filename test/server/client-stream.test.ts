import { createServer, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createClientStream } from '../../src/server/client-stream.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

/** One request on a real socket, with both of its ends. */
async function connected(version = '1.1'): Promise<{ client: Socket; response: ServerResponse }> {
  const server = createServer()
  servers.push(server)
  const arrived = new Promise<ServerResponse>((resolve) => {
    server.once('request', (_request, response) => resolve(response))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.on('error', () => {})
  client.write(`GET / HTTP/${version}\r\nhost: localhost\r\n\r\n`)
  return { client, response: await arrived }
}

function goneOf(stream: ReturnType<typeof createClientStream>): Promise<'gone'> {
  return new Promise((resolve) => {
    stream.onGone(() => resolve('gone'))
  })
}

test('a client that leaves is told of', async () => {
  const { client, response } = await connected()
  const gone = goneOf(createClientStream(response))
  client.destroy()
  expect(await gone).toBe('gone')
})

test('a client that left before anybody asked is told of', async () => {
  const { client, response } = await connected()
  const closed = new Promise((resolve) => {
    response.once('close', resolve)
  })
  client.destroy()
  await closed
  expect(await goneOf(createClientStream(response))).toBe('gone')
})

/** What a client's socket brings, up to and with `end`, or all of it until the server closes. */
function bytesOf(client: Socket, end?: string): Promise<string> {
  let text = ''
  return new Promise((resolve) => {
    client.setEncoding('utf8')
    client.on('data', (piece) => {
      text += piece
      if (end !== undefined && text.endsWith(end)) resolve(text)
    })
    client.on('end', () => resolve(text))
  })
}

const bodyIn = (answer: string) => answer.slice(answer.indexOf('\r\n\r\n') + 4)

test('a turn of the event loop is one chunk, whose size counts bytes', async () => {
  const { client, response } = await connected()
  const answer = bytesOf(client, '0\r\n\r\n')
  const stream = createClientStream(response)
  stream.open({ 'content-type': 'text/event-stream' })
  stream.write('data: ä')
  stream.write('😀\n\n')
  await new Promise(setImmediate)
  stream.write('data: last\n\n')
  stream.end()
  expect(bodyIn(await answer)).toBe('e\r\ndata: ä😀\n\n\r\nc\r\ndata: last\n\n\r\n0\r\n\r\n')
})

test('a stream that ends without a word is whole all the same', async () => {
  const { client, response } = await connected()
  const answer = bytesOf(client, '0\r\n\r\n')
  const stream = createClientStream(response)
  stream.open({})
  stream.end()
  const text = await answer
  expect(text).toMatch(/^transfer-encoding: chunked\r$/im)
  expect(bodyIn(text)).toBe('0\r\n\r\n')
})

test('the connection serves the next request', async () => {
  const { client, response } = await connected()
  const first = bytesOf(client, '0\r\n\r\n')
  const stream = createClientStream(response)
  stream.open({})
  stream.write('one')
  stream.end()
  await first
  const server = servers[0]
  server?.once('request', (_request, next) => {
    createClientStream(next).respond(200, {}, 'two')
  })
  const second = bytesOf(client, 'two')
  client.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
  expect(bodyIn(await second)).toBe('two')
})

test('an HTTP/1.0 client gets the bare text, and the end of the connection', async () => {
  const { client, response } = await connected('1.0')
  const answer = bytesOf(client)
  const stream = createClientStream(response)
  stream.open({})
  stream.write('one')
  await new Promise(setImmediate)
  stream.write('two')
  stream.end()
  const text = await answer
  expect(text).not.toMatch(/transfer-encoding/i)
  expect(bodyIn(text)).toBe('onetwo')
})
