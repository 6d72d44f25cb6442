/** A Chat Completions upstream over real HTTP whose answer each test writes by hand. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ReceivedRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: Record<string, unknown>
}

export interface HttpUpstream {
  /** Ends in `/v1`. */
  readonly baseUrl: string
  readonly received: readonly ReceivedRequest[]
  /** Resolves when the connection of the latest answer has closed, however. */
  closedByPeer(): Promise<void>
  close(): Promise<void>
}

export type Answerer = (request: ReceivedRequest, response: ServerResponse) => void

export async function startHttpUpstream(answer: Answerer): Promise<HttpUpstream> {
  const received: ReceivedRequest[] = []
  let closed: Promise<void> = Promise.resolve()
  const server = createServer(async (request, response) => {
    closed = new Promise((resolve) => {
      response.once('close', resolve)
    })
    let text = ''
    for await (const piece of request) text += piece
    const entry = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: text === '' ? {} : JSON.parse(text),
    }
    received.push(entry)
    answer(entry, response)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    received,
    closedByPeer: () => closed,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Frames of a stream that says `text` and reports usage. */
export function textFrames(text: string): string[] {
  return [
    { choices: [{ index: 0, delta: { role: 'assistant', content: text } }] },
    { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
    { choices: [], usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 } },
  ].map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`)
}

/** Answers with these frames and `[DONE]`. */
export function streaming(frames: readonly string[]): Answerer {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const frame of frames) response.write(frame)
    response.end('data: [DONE]\n\n')
  }
}

export function answering(
  status: number,
  body: string,
  headers: Record<string, string> = { 'content-type': 'application/json' },
): Answerer {
  return (_request, response) => {
    response.writeHead(status, headers)
    response.end(body)
  }
}

/** Says `text` in the form that it is asked for, a stream or one body, with the usage of `textFrames`. */
export function saying(text: string): Answerer {
  const whole = {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 0,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
  }
  return (request, response) => {
    const answer =
      request.body['stream'] === true
        ? streaming(textFrames(text))
        : answering(200, JSON.stringify(whole))
    answer(request, response)
  }
}
