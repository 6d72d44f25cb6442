/**
 * An upstream's error object as a `BridgeError`, whatever shape it has: `{message, code, type}` with
 * the code a number, a numeric string or a word, a bare string, or nothing of use.
 *
 * Its own message is kept, because it is the only thing that helps the user; HTML is not one.
 */
import { BridgeError, type BridgeErrorOptions, type ErrorCode } from '../errors.ts'
import { withoutKeys } from './key-shapes.ts'
import { isRecord, textOf } from './narrow.ts'

const MAX_MESSAGE_CHARS = 2000
const MAX_EXCERPT_CHARS = 80
/** @param status The HTTP status, for an error that came with one; else the object's own is used. */
export function toUpstreamError(value: unknown, status?: number): BridgeError {
  const error = isRecord(value) ? value : { message: value }
  const ownStatus =
    status ?? statusOf(error['code']) ?? statusOf(error['status']) ?? statusOf(error['status_code'])
  const word = textOf(error['code'])
  const message = readableMessage(error['message']) ?? readableMessage(error['detail'])
  const code = classify(
    ownStatus,
    `${textOf(error['code'])} ${textOf(error['type'])}`,
    message ?? '',
  )
  const options: BridgeErrorOptions = {
    status: ownStatus,
    upstreamCode: /^[a-z][\w.-]{0,63}$/i.test(word) ? word : undefined,
  }
  const said = message ?? 'The upstream reported an error without saying which.'
  return new BridgeError(code, said, options)
}

/** Whether an `error` member says anything: some servers send an empty one on every chunk. */
export function isErrorValue(value: unknown): boolean {
  if (isRecord(value)) return Object.values(value).some(Boolean)
  return Boolean(value)
}

/** At most 80 characters of what could not be read; never markup. */
export function excerptOf(text: string): string {
  if (isMarkup(text)) return 'an HTML page'
  const line = withoutKeys(text)
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
  const shown = line.length > MAX_EXCERPT_CHARS ? `${line.slice(0, MAX_EXCERPT_CHARS - 1)}…` : line
  return `"${shown.toWellFormed()}"`
}

function statusOf(value: unknown): number | undefined {
  const status = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value
  return typeof status === 'number' && Number.isInteger(status) && status >= 400 && status <= 599
    ? status
    : undefined
}

function isMarkup(text: string): boolean {
  return /<(!doctype|html|head|body)\b/i.test(text)
}

function readableMessage(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.trim() === '') return undefined
  if (isMarkup(value)) return 'The upstream answered with an HTML page in place of an error.'
  const text = value.length > MAX_MESSAGE_CHARS ? `${value.slice(0, MAX_MESSAGE_CHARS)}…` : value
  return withoutKeys(text).toWellFormed()
}

const CONTEXT_LENGTH =
  /context[ _]?(length|window|size)|maximum context|prompt is too long|reduce the length|too many (input )?tokens|too_many_prompt_tokens|max_model_len/i
const QUOTA =
  /insufficient_quota|insufficient[ _](balance|credit)|exceeded your current quota|payment required|organization_spend_limit|billing_hard_limit/i
const RATE_LIMIT = /rate[ _-]?limit|too many requests|too_many_requests/i
const AUTH = /authentication|invalid_api_key|unauthorized|permission_denied/i
const REQUEST_FAULT = /invalid_request|invalid_prompt|bad_?request|content_policy|content_filter/i

function classify(status: number | undefined, words: string, message: string): ErrorCode {
  // Groq: the model wrote a call its server could not read; sampling again may mend it.
  if (words.includes('tool_use_failed')) return 'upstream_bad_answer'
  const isServerFault = status !== undefined && status >= 500
  if (!isServerFault && CONTEXT_LENGTH.test(`${words} ${message}`)) return 'context_length_exceeded'
  if (QUOTA.test(`${words} ${status === 429 ? message : ''}`) || status === 402) {
    return 'upstream_quota'
  }
  if (status === 429 || RATE_LIMIT.test(words)) return 'upstream_rate_limit'
  if (status === 401 || status === 403) return 'upstream_auth'
  if (status === 408 || status === 409 || status === 425) return 'upstream_error'
  if (status !== undefined) return status < 500 ? 'upstream_rejected' : 'upstream_error'
  if (AUTH.test(words)) return 'upstream_auth'
  return REQUEST_FAULT.test(words) ? 'upstream_rejected' : 'upstream_error'
}
