/**
 * One question to a running bridge: with its key, in time, and with an answer that is read by a schema.
 * Failures say what to do.
 */
import type { z } from 'zod'
import { INFERENCE_PREFIXES } from '../../server/routes.ts'
import { UsageError } from '../context.ts'
import { toVisible } from '../visible.ts'
import { BridgeApiError } from './api-error.ts'
import { ErrorAnswerSchema } from './api-schemas.ts'
import type { PresentedKey } from './key.ts'

export interface BridgeApiOptions extends PresentedKey {
  /** A base URL of the bridge; one for models (`…/v1`) means the same bridge. */
  readonly url: string
  /** What to do where nobody answers, as sentences. */
  readonly absentHint?: string
  readonly fetch: typeof globalThis.fetch
  /** Ends every question. */
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
}

/** A bridge answers from memory or its store; one that takes longer hangs. */
const TIMEOUT_MS = 10_000

/** What to do where no bridge runs. */
export const ABSENT_HINT = 'Start one with "synth serve", or name another with --url.'

type Query = Readonly<Record<string, string | number | undefined>>

/**
 * @returns what the API's paths are put behind
 * @throws {UsageError} for what is no HTTP address
 */
export function bridgeUrlOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username + url.password !== '') {
    const shown = toVisible(text.replace(/\/\/[^/]*@/, '//…@').slice(0, 80))
    throw new UsageError(
      `--url "${shown}" is not the address of a bridge, such as http://127.0.0.1:4141.`,
    )
  }
  const path = url.pathname.replace(/\/+$/, '')
  const prefix = INFERENCE_PREFIXES.toSorted((left, right) => right.length - left.length).find(
    (candidate) => path.endsWith(candidate),
  )
  return url.origin + (prefix === undefined ? path : path.slice(0, -prefix.length))
}

export interface BridgeAsk {
  /** Of the bridge, without `/v1` or a slash at its end. */
  readonly url: string
  /** @throws {BridgeApiError} */
  ask<Schema extends z.ZodType>(
    schema: Schema,
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
  ): Promise<z.output<Schema>>
}

/** @throws {UsageError} when `url` is none */
export function createAsk(options: BridgeApiOptions): BridgeAsk {
  const { apiKey, keyHint, fetch, timeoutMs = TIMEOUT_MS } = options
  const url = bridgeUrlOf(options.url)

  async function send(
    method: 'GET' | 'POST',
    path: string,
    body: unknown,
    timeout: AbortSignal,
  ): Promise<Response> {
    const headers: Record<string, string> = { accept: 'application/json' }
    if (body !== undefined) headers['content-type'] = 'application/json'
    if (apiKey !== undefined) headers['authorization'] = `Bearer ${apiKey}`
    try {
      return await fetch(url + path, {
        method,
        headers,
        // A key must not follow to wherever an answer points.
        redirect: 'manual',
        signal: options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
    } catch (cause) {
      options.signal?.throwIfAborted()
      if (timeout.aborted) throw timedOut(cause)
      throw new BridgeApiError(
        'unreachable',
        `No bridge answers at ${url}. ${options.absentHint ?? ABSENT_HINT}`,
        { cause },
      )
    }
  }

  const timedOut = (cause: unknown): BridgeApiError =>
    new BridgeApiError(
      'timeout',
      `The bridge at ${url} did not answer within ${timeoutMs / 1000} s.`,
      { cause },
    )

  async function ask<Schema extends z.ZodType>(
    schema: Schema,
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
  ): Promise<z.output<Schema>> {
    // Not `AbortSignal.timeout`: it would hold each answer until its time is up, thousands in an export.
    const timeout = new AbortController()
    const late = () => timeout.abort(new DOMException('late', 'TimeoutError'))
    const timer = setTimeout(late, timeoutMs)
    try {
      return await read(schema, await send(method, path, body, timeout.signal))
    } finally {
      clearTimeout(timer)
    }
  }

  async function read<Schema extends z.ZodType>(
    schema: Schema,
    answer: Response,
  ): Promise<z.output<Schema>> {
    const json = await answer.json().catch((cause: unknown) => {
      options.signal?.throwIfAborted()
      if (cause instanceof DOMException && cause.name === 'TimeoutError') throw timedOut(cause)
      return undefined
    })
    if (!answer.ok) throw refusalOf(answer.status, json)
    const parsed = schema.safeParse(json)
    if (parsed.success) return parsed.data
    const issue = parsed.error.issues[0]
    const place = issue === undefined || issue.path.length === 0 ? '' : ` (${issue.path.join('.')})`
    throw notABridge(`with something else${place}`, answer.status)
  }

  const notABridge = (what: string, status: number): BridgeApiError =>
    new BridgeApiError(
      'not_a_bridge',
      `What runs at ${url} answers ${what}: it is no bridge, or one of another version. Check --url.`,
      { status },
    )

  function refusalOf(status: number, json: unknown): BridgeApiError {
    const parsed = ErrorAnswerSchema.safeParse(json)
    if (!parsed.success) return notABridge(`with HTTP ${status}`, status)
    const { code, message } = parsed.data.error
    const said = toVisible(message)
    if (status === 401) {
      const message = `The bridge at ${url} refused the call: ${keyHint}`
      return new BridgeApiError('unauthorized', message, { status, code })
    }
    return new BridgeApiError('refused', said, { status, code })
  }

  return { url, ask }
}

/** With its `?`; empty where nothing is asked for. */
export function toQueryText(query: Query): string {
  const given = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  )
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}
