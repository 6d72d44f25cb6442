/**
 * A non-2xx answer of the upstream as a BridgeError. Its status stays; its message reaches the client
 * only where it is a message: pages of HTML and garbage do not.
 */
import { BridgeError, errorCodes } from '../errors.ts'
import { isRecord, tryParse } from './narrow.ts'
import { excerptOf, toUpstreamError } from './upstream-error.ts'

const MAX_PLAIN_CHARS = 200

export interface UpstreamRejection {
  /** A key of `[upstreams]`. */
  readonly upstream: string
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** The member that describes the error: nested, flat, a bare string, or FastAPI's `detail`. */
function errorValueOf(body: string): unknown {
  const json = tryParse(body)?.value
  const outer = Array.isArray(json) ? json[0] : json
  if (!isRecord(outer)) return isPlainText(body) ? body.trim() : undefined
  const { error, detail } = outer
  if (isRecord(error)) return withProvidersOwnWords(error)
  // xAI and Venice put the words in `error` and the code beside it.
  if (typeof error === 'string') return { ...outer, message: error }
  return isRecord(detail) ? detail : outer
}

/** OpenRouter says "Provider returned error" and hides what the provider said behind it. */
function withProvidersOwnWords(error: Record<string, unknown>): Record<string, unknown> {
  const { message, metadata } = error
  const raw = isRecord(metadata) ? metadata['raw'] : undefined
  if (typeof raw !== 'string' || raw.trim() === '') return error
  return { ...error, message: `${String(message)}: ${raw}` }
}

/** Proxies write a line such as "no healthy upstream"; what is longer or not text is not a message. */
function isPlainText(body: string): boolean {
  const text = body.trim()
  return text.length <= MAX_PLAIN_CHARS && /^[\x20-\x7e\s]+$/.test(text) && !/^[<{[]/.test(text)
}

function retryAfterOf({ headers }: UpstreamRejection): Record<string, string> {
  const value = headers['retry-after']
  const first = Array.isArray(value) ? value[0] : value
  return first === undefined ? {} : { 'retry-after': first }
}

export function toUpstreamRejection(rejection: UpstreamRejection): BridgeError {
  const { upstream, status, body } = rejection
  if (status < 400) {
    return new BridgeError(
      'upstream_bad_answer',
      `The upstream "${upstream}" answered ${status} in place of an answer. Redirects are not followed: check its base_url.`,
    )
  }
  const value = errorValueOf(body)
  const error = toUpstreamError(value, status)
  const said =
    value === undefined
      ? `it gave no reason that can be shown${body.trim() === '' ? '' : ` (it sent ${excerptKind(body)})`}.`
      : error.message
  const explained =
    error.code === 'upstream_auth'
      ? `${asSentence(said)} Check the key of [upstreams.${upstream}].`
      : said
  return new BridgeError(
    error.code,
    `The upstream "${upstream}" answered ${status}: ${explained}`,
    {
      // A fault of the upstream's own that it calls a 200-class or odd status keeps ours.
      status: status <= 599 ? status : errorCodes[error.code].status,
      upstreamCode: error.upstreamCode ?? undefined,
      headers: retryAfterOf(rejection),
    },
  )
}

function asSentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}

function excerptKind(body: string): string {
  return excerptOf(body) === 'an HTML page' ? 'an HTML page' : 'something that is not text'
}
