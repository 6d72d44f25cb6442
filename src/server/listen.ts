/** The socket: one Node server, its limits, and its way down. */
import { createServer, type Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import type { Sockets } from './socket/sockets.ts'

/** Shorter than this, and clients that reuse a connection meet resets. */
const KEEP_ALIVE_MS = 75_000
const HEADERS_TIMEOUT_MS = 10_000
/** For the request's body; answers take as long as they take. */
const REQUEST_TIMEOUT_MS = 60_000
const MAX_HEADER_BYTES = 16 * 1024
const SWEEP_MS = 50

export interface Listening {
  readonly url: string
  /**
   * Stops accepting and lets running answers end. After `drainMs` calls `endRunning`, which has to end
   * what still runs, and closes the connections of what does not.
   */
  close(drainMs: number, endRunning: () => void): Promise<void>
}

// biome-ignore lint/suspicious/noExplicitAny: hono's own type for an app of any environment
type AnyApp = Hono<any>

function listening(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.removeListener('error', reject)
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

/** For the last events of answers that are ended, and their spend, after the drain. */
const LAST_WORDS_MS = 2_000

/** @throws an `EADDRINUSE` and its like, for the command line to explain */
export async function listen(
  app: AnyApp,
  host: string,
  port: number,
  sockets: Sockets | undefined,
): Promise<Listening> {
  const serve = getRequestListener(app.fetch, { overrideGlobalObjects: false })
  const server = createServer(
    {
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      noDelay: true,
      // Java's client offers h2c on every first request; what is no WebSocket is answered as usual.
      shouldUpgradeCallback: (request) => sockets?.wants(request) ?? false,
    },
    serve,
  )
  if (sockets !== undefined) {
    server.on('upgrade', (request, transport, head) =>
      sockets.offer(request, transport, head, (...pair) => void serve(...pair)),
    )
  }
  const boundPort = await listening(server, host, port)
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${boundPort}`,
    close(drainMs, endRunning) {
      return new Promise((resolve) => {
        let force = setTimeout(() => {
          endRunning()
          force = setTimeout(() => {
            server.closeAllConnections()
            sockets?.terminate()
          }, LAST_WORDS_MS)
        }, drainMs)
        // A connection whose answer ends while we drain stays open for reuse unless it is swept.
        const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS)
        server.close(() => {
          clearTimeout(force)
          clearInterval(sweep)
          resolve()
        })
        server.closeIdleConnections()
        sockets?.drain()
      })
    },
  }
}
