/**
 * The built-in model: a real Chat Completions server on a free loopback port whose answers are
 * scripted. `synth demo` runs Codex against it, and it is what `synth serve` offers when nothing is
 * configured. It never looks outside this machine.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { toChatAnswer, toCompletion, toFrames } from './chat-answer.ts'
import { type ScriptedRequest, ScriptedRequestSchema } from './chat-request.ts'
import { DEMO_MODEL, nextAnswer } from './script.ts'

export interface ScriptedModelOptions {
  /** The port to listen on; a free one by default. */
  readonly port?: number
  /** Sees every well-formed chat request before it is answered. */
  readonly onRequest?: (request: ScriptedRequest) => void
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

export interface ScriptedModel {
  /** The base URL, `/v1` included. */
  readonly url: string
  /** How many chat requests were answered. */
  readonly requests: number
  /** Stops listening and drops open connections. */
  close(): Promise<void>
}

const MAX_BODY_BYTES = 64 * 1024 * 1024

/** Starts the model on 127.0.0.1. The caller closes it. */
export async function startScriptedModel(
  options: ScriptedModelOptions = {},
): Promise<ScriptedModel> {
  const now = options.now ?? Date.now
  let requests = 0

  async function answerChat(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const read = await readChatRequest(request)
    if (!read.ok) return sendError(response, read.status, read.message)
    requests += 1
    options.onRequest?.(read.chat)
    const answer = toChatAnswer(read.chat, nextAnswer(read.chat), {
      id: `chatcmpl-demo-${requests}`,
      model: read.chat.model ?? DEMO_MODEL.name,
      createdAtSeconds: Math.floor(now() / 1000),
    })
    if (read.chat.stream !== true) return sendJson(response, 200, toCompletion(answer))
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    for (const frame of toFrames(answer, read.chat.stream_options?.include_usage === true)) {
      response.write(frame)
    }
    response.end()
  }

  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname.replace(/^\/v1(?=\/)/, '')
    const route = `${request.method} ${path}`
    if (route === 'POST /chat/completions') {
      answerChat(request, response).catch((error: unknown) => response.destroy(toError(error)))
    } else if (route === 'GET /models') {
      sendJson(response, 200, { object: 'list', data: [MODEL_CARD] })
    } else if (route === `GET /models/${DEMO_MODEL.name}`) {
      sendJson(response, 200, MODEL_CARD)
    } else {
      sendError(response, 404, `The built-in model has no route ${route}.`)
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The model has no port.')
  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    get requests() {
      return requests
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const MODEL_CARD = {
  id: DEMO_MODEL.name,
  object: 'model',
  created: 0,
  owned_by: 'synth-bridge',
  max_model_len: DEMO_MODEL.contextWindow,
}

type ReadResult =
  | { readonly ok: true; readonly chat: ScriptedRequest }
  | { readonly ok: false; readonly status: number; readonly message: string }

async function readChatRequest(request: IncomingMessage): Promise<ReadResult> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of request) {
    bytes += piece.length
    if (bytes > MAX_BODY_BYTES) {
      return { ok: false, status: 413, message: `The body is over ${MAX_BODY_BYTES} bytes.` }
    }
    pieces.push(piece)
  }
  let body: unknown
  try {
    body = JSON.parse(Buffer.concat(pieces).toString())
  } catch {
    return { ok: false, status: 400, message: 'The body is not JSON.' }
  }
  const parsed = ScriptedRequestSchema.safeParse(body)
  if (parsed.success) return { ok: true, chat: parsed.data }
  const issue = parsed.error.issues[0]
  const message = `${issue?.path.join('.') ?? 'body'}: ${issue?.message ?? 'not a chat request'}`
  return { ok: false, status: 400, message }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

function sendError(response: ServerResponse, status: number, message: string): void {
  const error = { message, type: 'invalid_request_error', param: null, code: null }
  sendJson(response, status, { error })
}

const toError = (cause: unknown) => (cause instanceof Error ? cause : new Error(String(cause)))
