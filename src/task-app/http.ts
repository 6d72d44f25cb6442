/**
 * The socket to a task app: one question, one whole answer, as text. Keys go with every question and
 * never to another origin. A broken connection is tried again; an answer, whatever it says, is not.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { Agent, type Dispatcher } from 'undici'
import { systemCodeOf } from '../errors.ts'
import type { TaskAppAnswer } from '../rollout/refusal.ts'

export type TaskAppFailure =
  /** No connection, or it broke before the answer was whole. */
  | 'transport'
  | 'timeout'
  /** What came is too large, or leads elsewhere. */
  | 'answer'

/** There is no answer. `message` completes "The task app …". */
export class TaskAppError extends Error {
  override readonly name = 'TaskAppError'
  readonly failure: TaskAppFailure

  constructor(failure: TaskAppFailure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.failure = failure
  }
}

export interface TaskAppHttpOptions {
  /** Without a slash at its end. */
  readonly url: string
  /** The first is the key; the others are its aliases, while keys are being rotated. */
  readonly keys: readonly string[]
  /** How many questions may be on their way at once. */
  readonly connections: number
  readonly maxAnswerBytes?: number
}

export interface TaskAppHttp {
  readonly url: string
  /**
   * @param signal ends the question; its reason is thrown
   * @throws {TaskAppError} where there is no answer
   */
  ask(
    method: 'GET' | 'POST',
    path: string,
    body: Readonly<Record<string, unknown>> | undefined,
    signal: AbortSignal,
  ): Promise<TaskAppAnswer>
  close(): Promise<void>
}

/** Rollouts may carry their whole trace, images included. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024
const CONNECT_TIMEOUT_MS = 10_000
/** FastAPI redirects `/rollout/` to `/rollout`; more than this is a circle. */
const MAX_REDIRECTS = 5

export function createTaskAppHttp(options: TaskAppHttpOptions): TaskAppHttp {
  const { url, keys, connections, maxAnswerBytes = MAX_ANSWER_BYTES } = options
  const agent = new Agent({
    connections,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    // A rollout takes as long as it takes: the caller's signal is the only clock.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  const headers = { accept: 'application/json', ...keyHeaders(keys) }

  async function askOnce(
    method: Dispatcher.HttpMethod,
    target: URL,
    body: string | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly answer: TaskAppAnswer; readonly location: string | undefined }> {
    const response = await agent.request({
      origin: target.origin,
      path: target.pathname + target.search,
      method,
      headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body }),
      signal,
    })
    const pieces: Buffer[] = []
    let bytes = 0
    for await (const piece of response.body as AsyncIterable<Buffer>) {
      bytes += piece.length
      if (bytes > maxAnswerBytes) {
        throw new TaskAppError('answer', `answered with more than ${maxAnswerBytes} bytes`)
      }
      pieces.push(piece)
    }
    const { location, 'content-type': contentType } = response.headers
    return {
      answer: {
        status: response.statusCode,
        contentType: String(contentType ?? '').toLowerCase(),
        text: Buffer.concat(pieces).toString(),
      },
      location: typeof location === 'string' ? location : undefined,
    }
  }

  return {
    url,
    async ask(method, path, json, signal) {
      const body = json === undefined ? undefined : JSON.stringify(json)
      let target = new URL(url + path)
      try {
        for (let hop = 0; ; hop += 1) {
          const { answer, location } = await askOnce(method, target, body, signal)
          const next = nextPlace(method, target, answer.status, location)
          if (next === undefined) return answer
          if (hop === MAX_REDIRECTS) throw new TaskAppError('answer', 'redirects in a circle')
          target = next
        }
      } catch (cause) {
        signal.throwIfAborted()
        throw cause instanceof TaskAppError ? cause : toTaskAppError(cause)
      }
    },
    close: () => agent.destroy(),
  }
}

/** All three places that the generations of the contract look for a key. */
function keyHeaders([key, ...aliases]: readonly string[]): Record<string, string> {
  if (key === undefined) return {}
  return {
    'x-api-key': key,
    authorization: `Bearer ${key}`,
    ...(aliases.length > 0 && { 'x-api-keys': [key, ...aliases].join(',') }),
  }
}

/** @throws {TaskAppError} for a redirect to where the key must not go */
function nextPlace(
  method: string,
  from: URL,
  status: number,
  location: string | undefined,
): URL | undefined {
  if (status < 300 || status >= 400 || location === undefined) return undefined
  // 301 to 303 would turn a POST into a GET.
  if (method !== 'GET' && status !== 307 && status !== 308) return undefined
  if (!URL.canParse(location, from.href)) return undefined
  const to = new URL(location, from)
  if (to.origin === from.origin) return to
  throw new TaskAppError('answer', `redirects to ${to.origin}; name that as the task app`)
}

function toTaskAppError(cause: unknown): TaskAppError {
  return new TaskAppError('transport', explain(cause), { cause })
}

function explain(cause: unknown): string {
  const code = causeCodeOf(cause)
  switch (code) {
    case 'ECONNREFUSED':
      return 'refused the connection: is it running, and is the port right?'
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'has a host name that does not resolve'
    case 'UND_ERR_CONNECT_TIMEOUT':
      return `did not accept the connection within ${CONNECT_TIMEOUT_MS / 1000} s`
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return 'cannot be reached'
    case 'HTTPParserError':
      return 'answered with what is not HTTP: check the port, and http:// or https://'
    default:
      if (/CERT|SSL|TLS|SIGNED|ALTNAME|EPROTO/.test(code))
        return `does not speak TLS as it should (${code})`
      return `closed the connection before its answer was whole${code === '' ? '' : ` (${code})`}`
  }
}

/** Node tries every address of a host, and packs what went wrong with each into one error. */
function causeCodeOf(cause: unknown): string {
  if (!(cause instanceof Error)) return ''
  if (cause.name === 'HTTPParserError') return cause.name
  const code = systemCodeOf(cause)
  if (code === '' && cause instanceof AggregateError) return causeCodeOf(cause.errors[0])
  return code
}

/** Attempts at what a broken connection kept from being answered. */
export const TRANSPORT_TRIES = 3
const FIRST_PAUSE_MS = 200

/**
 * @param attempt may be called several times, the first time with 0
 * @throws what the last attempt threw
 */
export async function withTransportRetries<T>(
  attempt: (number: number) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  for (let number = 0; ; number += 1) {
    try {
      return await attempt(number)
    } catch (cause) {
      const isTransport = cause instanceof TaskAppError && cause.failure === 'transport'
      if (!isTransport || number + 1 === TRANSPORT_TRIES) throw cause
      await pause(FIRST_PAUSE_MS * 2 ** number, undefined, { signal })
    }
  }
}
