/** A Chat Completions server that does everything right, except for what a test has it do wrong. */
import type { ServerResponse } from 'node:http'
import { type HttpUpstream, type ReceivedRequest, startHttpUpstream } from './http-upstream.ts'

export interface ModelServerOptions {
  readonly models?: readonly Record<string, unknown>[]
  /** The only key it takes; without one it takes any. */
  readonly key?: string
  /** The usage of each answer. */
  readonly usage?: Record<string, unknown> | undefined
  /** Whether it streams when asked to; else it sends one body. */
  readonly streams?: boolean
  /** The message in place of the one that holds the call. */
  readonly callMessage?: Record<string, unknown>
  /** The message that answers the call's result. */
  readonly resultMessage?: Record<string, unknown>
  /** Answers a request by itself when it returns true. */
  readonly override?: (request: ReceivedRequest, response: ServerResponse) => boolean
}

export const USAGE = { prompt_tokens: 10, completion_tokens: 4, total_tokens: 14 }

const CALL = {
  content: null,
  tool_calls: [
    {
      index: 0,
      id: 'call_1',
      type: 'function',
      function: { name: 'read_note', arguments: '{"name":"today"}' },
    },
  ],
}

export function sendJson(response: ServerResponse, status: number, body: unknown): true {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
  return true
}

export function startModelServer(options: ModelServerOptions = {}): Promise<HttpUpstream> {
  const models = options.models ?? [{ id: 'm' }]
  const usage = 'usage' in options ? options.usage : USAGE

  const messageFor = ({ body }: ReceivedRequest): Record<string, unknown> => {
    const messages = Array.isArray(body['messages']) ? body['messages'] : []
    const isResult = messages.at(-1)?.role === 'tool'
    if (isResult) return options.resultMessage ?? { content: 'Buy three lemons.' }
    const isOffered = Array.isArray(body['tools']) && body['tools'].length > 0
    return isOffered ? (options.callMessage ?? CALL) : { content: 'ready' }
  }

  return startHttpUpstream((request, response) => {
    if (options.override?.(request, response) === true) return
    if (options.key !== undefined && request.headers.authorization !== `Bearer ${options.key}`) {
      const given = request.headers.authorization?.replace('Bearer ', '')
      const said = `Incorrect API key provided: ${given}`
      sendJson(response, 401, { error: { message: said, code: 'invalid_api_key' } })
      return
    }
    if (request.method === 'GET') {
      sendJson(response, 200, { object: 'list', data: models })
      return
    }
    const message = { role: 'assistant', ...messageFor(request) }
    const finish = 'tool_calls' in message ? 'tool_calls' : 'stop'
    if (options.streams === false) {
      const choices = [{ index: 0, message, finish_reason: finish }]
      sendJson(response, 200, { object: 'chat.completion', choices, usage })
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const chunks = [
      { choices: [{ index: 0, delta: message }] },
      { choices: [{ index: 0, delta: {}, finish_reason: finish }] },
      ...(usage === undefined ? [] : [{ choices: [], usage }]),
    ]
    for (const chunk of chunks) response.write(`data: ${JSON.stringify(chunk)}\n\n`)
    response.end('data: [DONE]\n\n')
  })
}
