/**
 * Stands between Codex and the bridge, and keeps the messages that go through: whether a turn went over
 * a WebSocket, and what of the conversation it sent, can be seen nowhere else.
 */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { type RawData, WebSocket, WebSocketServer } from 'ws'

export interface TapMessage {
  readonly type: string
  readonly [member: string]: unknown
}

export interface SocketTap {
  readonly url: string
  /** Of each connection, the headers it was asked for with. */
  readonly connections: readonly IncomingHttpHeaders[]
  readonly fromClient: readonly TapMessage[]
  readonly fromBridge: readonly TapMessage[]
  /** Requests that asked for no WebSocket; they get a 404. */
  readonly requests: readonly string[]
  close(): Promise<void>
}

export async function startSocketTap(bridgeUrl: string): Promise<SocketTap> {
  const connections: IncomingHttpHeaders[] = []
  const fromClient: TapMessage[] = []
  const fromBridge: TapMessage[] = []
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    response.writeHead(404).end()
  })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (client, request) => {
    connections.push(request.headers)
    const { host: _, ...headers } = request.headers
    const kept = Object.entries(headers).filter(
      ([name]) => !/^(sec-websocket|upgrade|connection)/.test(name),
    )
    const bridge = new WebSocket(bridgeUrl.replace(/^http/, 'ws') + request.url, {
      headers: Object.fromEntries(kept) as Record<string, string>,
    })
    const opened = once(bridge, 'open')
    const pass = (to: WebSocket, kept: TapMessage[]) => async (data: RawData) => {
      kept.push(JSON.parse(String(data)))
      await opened
      to.send(String(data))
    }
    client.on('message', pass(bridge, fromClient))
    bridge.on('message', pass(client, fromBridge))
    client.on('close', () => bridge.terminate())
    bridge.on('close', () => client.terminate())
    bridge.on('error', () => client.terminate())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    connections,
    fromClient,
    fromBridge,
    requests,
    close: () =>
      new Promise((resolve) => {
        for (const client of sockets.clients) client.terminate()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
