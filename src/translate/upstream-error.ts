/**
 * What an upstream says when it refuses: dozens of shapes, one BridgeError. Its message reaches the
 * client only where it is a message; pages of HTML and garbage do not.
 */
import { BridgeError, type ErrorCode } from '../errors.ts'

const MAX_MESSAGE_CHARS = 500

/** The error an upstream put in a body, a frame or a choice. */
export interface UpstreamErrorDetail {
  readonly message: string | undefined
  readonly code: string | undefined
  readonly type: string | undefined
  /** A status inside the body (OpenRouter puts it in `code`). */
  readonly status: number | undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string' && value.trim() !== '') return value
  return undefined
}

function statusOf(value: unknown): number | undefined {
  const number = typeof value === 'string' ? Number(value) : value
  return typeof number === 'number' && Number.isInteger(number) && number >= 400 && number < 600
    ? number
    : undefined
}

/** Reads an error in any of the spellings seen: nested, flat, a bare string, FastAPI's `detail`. */
export function readUpstreamError(json: unknown): UpstreamErrorDetail {
  const outer = Array.isArray(json) ? json[0] : json
  if (typeof outer === 'string') {
    return { message: textOf(outer), code: undefined, type: undefined, status: undefined }
  }
  if (!isRecord(outer)) {
    return { message: undefined, code: undefined, type: undefined, status: undefined }
  }
  const inner = isRecord(outer['error']) ? outer['error'] : outer
  const metadata = isRecord(inner['metadata']) ? inner['metadata'] : undefined
  const message =
    textOf(inner['message']) ??
    textOf(outer['error']) ??
    textOf(outer['message']) ??
    textOf(outer['detail']) ??
    (isRecord(outer['detail']) ? textOf(outer['detail']['message']) : undefined)
  // OpenRouter says "Provider returned error" and hides the provider's own words here.
  const raw = textOf(metadata?.['raw'])
  return {
    message: message !== undefined && raw !== undefined ? `${message}: ${raw}` : message,
    code: textOf(inner['code']),
    type: textOf(inner['type']),
    status: statusOf(inner['code']) ?? statusOf(inner['status']) ?? statusOf(inner['status_code']),
  }
}

const CONTEXT_PATTERN =
  /context_length_exceeded|context (?:length|window|size)|maximum context|exceeds? the available context|prompt is too long|too many tokens|max_model_len/i
const QUOTA_PATTERN =
  /insufficient_quota|exceeded your current quota|insufficient (?:balance|credit)|billing_hard_limit|organization_spend_limit/i

/** Which of our codes a refusal is. */
export function classifyUpstreamError(status: number, detail: UpstreamErrorDetail): ErrorCode {
  const said = `${detail.code ?? ''} ${detail.type ?? ''} ${detail.message ?? ''}`
  if ((status === 400 || status === 413 || status === 422) && CONTEXT_PATTERN.test(said)) {
    return 'context_length_exceeded'
  }
  if (status === 402 || (status === 429 && QUOTA_PATTERN.test(said))) return 'upstream_quota'
  if (status === 429) return 'upstream_rate_limit'
  if (status === 401 || status === 403) return 'upstream_auth'
  if (status === 408 || status === 409 || status === 425) return 'upstream_error'
  if (status >= 300 && status < 400) return 'upstream_bad_answer'
  if (status < 500) return 'upstream_rejected'
  return 'upstream_error'
}

function shorten(message: string): string {
  const flat = message.replace(/\s+/g, ' ').trim()
  return flat.length > MAX_MESSAGE_CHARS ? `${flat.slice(0, MAX_MESSAGE_CHARS)}…` : flat
}

function describe(detail: UpstreamErrorDetail, body: string): string {
  if (detail.message !== undefined) return shorten(detail.message)
  if (/^\s*</.test(body)) return 'it sent a page of HTML instead of an answer'
  const plain = body.trim()
  // Short plain text is a message (proxies write "no healthy upstream"); anything else is not.
  if (/^[\x20-\x7e\s]{1,200}$/.test(plain) && !plain.startsWith('{')) return shorten(plain)
  return 'it gave no reason'
}

function headerOf(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  name: string,
): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** A non-2xx answer. The status stays the upstream's; only what is not an HTTP error becomes a 502. */
export function toUpstreamRejection(rejection: {
  readonly upstream: string
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}): BridgeError {
  const { status, body, upstream } = rejection
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch {
    json = undefined
  }
  const detail = readUpstreamError(json)
  const code = classifyUpstreamError(status, detail)
  const hint = code === 'upstream_auth' ? ` Check the key of [upstreams.${upstream}].` : ''
  const retryAfter = headerOf(rejection.headers, 'retry-after')
  return new BridgeError(
    code,
    `The upstream "${upstream}" answered ${status}: ${describe(detail, body)}${hint}`,
    {
      status: status >= 400 ? status : 502,
      upstreamCode: detail.code,
      headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter },
    },
  )
}
