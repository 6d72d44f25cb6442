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
async function connected(): Promise<{ client: Socket; response: ServerResponse }> {
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
  client.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
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
