/**
 * All WebSocket connections: how a request becomes one, how many there may be, and how they end. A
 * request that asks for one goes through the same routes as every other, so that hosts, keys and errors
 * are the same.
 */
import { type IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { BridgeError } from '../../errors.ts'
import type { CallIdentity } from '../../gateway/identity.ts'
import { isRoute } from '../routes.ts'
import { Connection, type ConnectionDeps } from './connection.ts'

export interface SocketsDeps extends ConnectionDeps {
  readonly maxConnections: number
}

export interface Sockets {
  /** Whether the request is for a WebSocket here; any other goes on as if it asked for no upgrade. */
  wants(request: IncomingMessage): boolean
  /**
   * Takes over a request that Node has let go of. `serve` answers it as an ordinary one would be: with
   * an error, or by `accept`.
   */
  offer(
    request: IncomingMessage,
    transport: Duplex,
    head: Buffer,
    serve: (request: IncomingMessage, response: ServerResponse) => void,
  ): void
  /** @throws {BridgeError} upgrade_required for a request that was not offered; websocket_connections_limit. */
  accept(request: IncomingMessage, identity: CallIdentity): void
  /** No more turns, anywhere; connections close as theirs end. */
  drain(): void
  terminate(): void
}

interface Offer {
  readonly transport: Socket
  readonly head: Buffer
  readonly response: ServerResponse
}

export function createSockets(deps: SocketsDeps): Sockets {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: deps.limits.maxMessageBytes,
    // Compressing costs a third of a core and a window of memory each; what is sent is small.
    perMessageDeflate: false,
  })
  const offers = new WeakMap<IncomingMessage, Offer>()
  const connections = new Set<Connection>()

  return {
    wants: ({ headers, method, url }) =>
      headers.upgrade?.toLowerCase() === 'websocket' &&
      isRoute('responses-socket', method ?? '', url ?? ''),

    offer(request, transport, head, serve) {
      // Node listens no more, and an error without a listener would end the process.
      transport.on('error', () => {})
      if (!(transport instanceof Socket)) {
        transport.destroy()
        return
      }
      const response = new ServerResponse(request)
      response.shouldKeepAlive = false
      response.assignSocket(transport)
      response.once('finish', () => transport.end())
      offers.set(request, { transport, head, response })
      serve(request, response)
    },

    accept(request, identity) {
      const offer = offers.get(request)
      if (offer === undefined) throw upgradeRequired('This is a WebSocket route.')
      if (connections.size >= deps.maxConnections) {
        throw new BridgeError(
          'websocket_connections_limit',
          `${connections.size} WebSocket connections are open, which is the most there may be (server.websocket_connections). Close one, or use POST with "stream": true.`,
        )
      }
      const { transport, head, response } = offer
      offers.delete(request)
      response.detachSocket(transport)
      server.handleUpgrade(request, transport, head, (socket) => {
        const connection = new Connection(socket, transport, identity, deps)
        connections.add(connection)
        socket.once('close', () => connections.delete(connection))
      })
    },

    drain() {
      for (const connection of connections) connection.drain()
    },
    terminate() {
      for (const connection of connections) connection.terminate()
    },
  }
}

export function upgradeRequired(why: string): BridgeError {
  return new BridgeError('upgrade_required', `${why} Use POST with "stream": true.`, {
    // Codex falls back to HTTP at once on this status, and only on this one.
    headers: { upgrade: 'websocket' },
  })
}
