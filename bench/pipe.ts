/**
 * The yardstick: what a proxy costs that copies bytes and does nothing else. undici's `dispatch`
 * callbacks into the raw Node response, with back-pressure; every ratio of the bench is to this.
 *
 * Usage: `node bench/pipe.ts UPSTREAM_ORIGIN`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Dispatcher, Pool } from 'undici'

const [upstreamOrigin] = process.argv.slice(2)
if (upstreamOrigin === undefined) throw new Error('usage: node bench/pipe.ts UPSTREAM_ORIGIN')
const pool = new Pool(upstreamOrigin, { headersTimeout: 0, bodyTimeout: 0 })

function createPipe(response: ServerResponse): Dispatcher.DispatchHandler {
  return {
    onRequestStart(controller) {
      response.on('drain', () => controller.resume())
      response.on('close', () => {
        if (!response.writableFinished) controller.abort(new Error('the client went away'))
      })
    },
    onResponseStart(_controller, status, headers) {
      response.writeHead(status, { 'content-type': String(headers['content-type']) })
    },
    onResponseData(controller, bytes) {
      if (!response.write(bytes)) controller.pause()
    },
    onResponseEnd() {
      response.end()
    },
    onResponseError() {
      response.destroy()
    },
  }
}

function relay(request: IncomingMessage, response: ServerResponse): void {
  pool.dispatch(
    {
      path: '/v1/chat/completions',
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'content-length': request.headers['content-length'],
      },
      body: request,
    },
    createPipe(response),
  )
}

const server = createServer({ noDelay: true }, relay)
server.listen({ port: 0, host: '127.0.0.1', backlog: 2048 }, () => {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port to listen on')
  console.log(`pipe listening on http://127.0.0.1:${address.port}`)
})
// By way of an exit, at which Node writes the profile it was asked for.
process.once('SIGTERM', () => process.exit(0))
