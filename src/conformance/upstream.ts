/**
 * The scripted upstream: a Chat Completions server on loopback that answers each request the way its
 * cell says. A bridge under test is configured to use it.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { isRecord, tryParse } from '../translate/narrow.ts'
import { CELLS, findMarker } from './cells.ts'
import { type ChatWish, completionBody, type Play } from './play.ts'

export interface ReceivedCall {
  /** The cell that the request named; undefined for one that named none. */
  readonly cell: string | undefined
  readonly wish: ChatWish
}

export interface ScriptedUpstreamOptions {
  /** 0 takes a free one. */
  readonly port: number
  /** The one model it lists; it answers to any name. */
  readonly model: string
  /** How long a pause waits for a client that sees nothing. */
  readonly pauseTimeoutMs: number
}

export interface ScriptedUpstream {
  /** Ends in `/v1`. */
  readonly baseUrl: string
  readonly received: readonly ReceivedCall[]
  /** The client has seen something of this cell's answer: a pause is over. */
  resume(cell: string): void
  /** Cells whose pause ended because the client saw nothing for too long. */
  readonly stalled: ReadonlySet<string>
  /** Ends whatever pauses and drops open connections. */
  close(): Promise<void>
}

/** @throws an `EADDRINUSE` and its like when it cannot listen */
export async function startScriptedUpstream(
  options: ScriptedUpstreamOptions,
): Promise<ScriptedUpstream> {
  const received: ReceivedCall[] = []
  const pauses = new Map<string, () => void>()
  const stalled = new Set<string>()

  function pause(cell: string): Promise<void> {
    stalled.delete(cell)
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        stalled.add(cell)
        resolve()
      }, options.pauseTimeoutMs)
      pauses.set(cell, () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  async function answerChat(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = tryParse(await readText(request))?.value
    if (!isRecord(body)) return sendJson(response, 400, toError('The body is no JSON object.'))
    const wish = toWish(body, options.model)
    const name = findMarker(JSON.stringify(body))
    received.push({ cell: name, wish })
    const cell = CELLS.find((candidate) => candidate.name === name)
    if (cell === undefined) return greet(response, wish)
    await perform(cell.ending.play(wish, cell.content), response, () => pause(cell.name))
  }

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    if (request.method === 'POST' && pathname.endsWith('/chat/completions')) {
      answerChat(request, response).catch(() => response.destroy())
    } else if (request.method === 'GET' && pathname.endsWith('/models')) {
      const card = { id: options.model, object: 'model', created: 0, owned_by: 'conformance' }
      sendJson(response, 200, { object: 'list', data: [card] })
    } else {
      sendJson(response, 404, toError(`No route ${request.method} ${pathname}.`))
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The upstream has no port.')
  return {
    baseUrl: `http://127.0.0.1:${address.port}/v1`,
    received,
    stalled,
    resume: (cell) => pauses.get(cell)?.(),
    close: () =>
      new Promise((resolve) => {
        for (const end of pauses.values()) end()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function toWish(body: Readonly<Record<string, unknown>>, fallbackModel: string): ChatWish {
  const { model, stream, stream_options: streamOptions } = body
  return {
    model: typeof model === 'string' ? model : fallbackModel,
    isStreaming: stream === true,
    wantsUsage: isRecord(streamOptions) && streamOptions['include_usage'] === true,
  }
}

/** Bridges try their upstreams out with calls of their own; those name no cell. */
function greet(response: ServerResponse, wish: ChatWish): void {
  if (wish.isStreaming) {
    sendJson(response, 400, toError('Only requests that name a case are streamed.'))
    return
  }
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(completionBody(wish, [{ role: 'assistant', content: 'Hello.' }], 'stop'))
}

async function perform(
  play: Play,
  response: ServerResponse,
  pause: () => Promise<void>,
): Promise<void> {
  const { status, contentType, pieces, pauseAfter, parting } = play
  response.writeHead(status, {
    'content-type': contentType,
    // A body that is cut promises more than comes; a stream promises another chunk by itself.
    ...(contentType === 'application/json' && parting !== 'closed'
      ? { 'content-length': String(Buffer.byteLength(pieces.join('')) * 2) }
      : {}),
  })
  for (const [index, piece] of pieces.entries()) {
    if (index === pauseAfter) await pause()
    await write(response, piece)
  }
  if (parting === 'closed') response.end()
  else if (parting === 'cut') response.socket?.end()
  else response.socket?.resetAndDestroy()
}

/** Resolves once the piece is handed to the system: nothing that breaks off may overtake it. */
const write = (response: ServerResponse, piece: string): Promise<void> =>
  new Promise((resolve, reject) => {
    response.write(piece, (error) => (error ? reject(error) : resolve()))
  })

async function readText(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

const toError = (message: string) => ({
  error: { message, type: 'invalid_request_error', param: null, code: null },
})
