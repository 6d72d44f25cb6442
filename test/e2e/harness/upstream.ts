/**
 * The upstream of an end-to-end test: a Chat Completions server on loopback that answers the turns
 * it was given, one a request, and keeps every request for the test to look at.
 */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { setImmediate as nextTick, setTimeout as pause } from 'node:timers/promises'
import { refuse, type Turn } from './turns.ts'

export interface UpstreamMessage {
  readonly role: string
  readonly content: unknown
  readonly reasoning_content?: string
  readonly tool_call_id?: string
  readonly tool_calls?: readonly {
    readonly id: string
    readonly function: { readonly name: string; readonly arguments: string }
  }[]
}

export interface UpstreamBody {
  readonly model: string
  readonly stream?: boolean
  readonly messages: readonly UpstreamMessage[]
  readonly tools?: readonly {
    readonly function: { readonly name: string; readonly parameters: unknown }
  }[]
  readonly [field: string]: unknown
}

export interface UpstreamRequest {
  readonly body: UpstreamBody
  readonly headers: IncomingHttpHeaders
  /** Milliseconds since 1970. */
  readonly receivedAtMs: number
  /** Settles when the answer's connection is closed, by whichever side. */
  readonly closed: Promise<unknown>
}

/** A turn, or how to make one from what was asked. */
export type Script = readonly (Turn | ((request: UpstreamRequest) => Turn))[]

export interface ScriptedUpstream {
  readonly url: string
  readonly requests: readonly UpstreamRequest[]
  /** Settles with the request of that number, from 0, once it has come. */
  arrival(index: number): Promise<UpstreamRequest>
  close(): Promise<void>
}

export async function startUpstream(script: Script): Promise<ScriptedUpstream> {
  const requests: UpstreamRequest[] = []
  const arrivals = new Map<number, PromiseWithResolvers<UpstreamRequest>>()
  const arrivalOf = (index: number) => {
    const known = arrivals.get(index) ?? Promise.withResolvers<UpstreamRequest>()
    arrivals.set(index, known)
    return known
  }

  const server = createServer(async (incoming, response) => {
    const pieces: Buffer[] = []
    for await (const piece of incoming) pieces.push(piece)
    if (incoming.method !== 'POST') {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ object: 'list', data: [{ id: 'upstream-model' }] }))
      return
    }
    const request: UpstreamRequest = {
      body: JSON.parse(Buffer.concat(pieces).toString()),
      headers: incoming.headers,
      receivedAtMs: Date.now(),
      closed: once(response, 'close'),
    }
    const index = requests.push(request) - 1
    arrivalOf(index).resolve(request)
    const turn = script[index] ?? refuse(400, `The script has no turn ${index}.`)
    await perform(typeof turn === 'function' ? turn(request) : turn, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    requests,
    arrival: (index) => arrivalOf(index).promise,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function perform(turn: Turn, response: ServerResponse): Promise<void> {
  if (turn.kind === 'answer') {
    response.writeHead(turn.status, turn.headers).end(turn.body)
    return
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  for (const [index, text] of turn.frames.entries()) {
    if (index === 1 && turn.pauseMs !== undefined) await pause(turn.pauseMs)
    response.write(text)
    // A read of its own for each frame, as far as the kernel goes along.
    await nextTick()
  }
  if (turn.ending === 'end') response.end()
  // The frames must have left first: what is cut is the stream, not the kernel's buffer.
  if (turn.ending === 'cut') response.write('', () => response.destroy())
}
