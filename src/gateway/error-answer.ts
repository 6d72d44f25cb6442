/**
 * An error as the HTTP answer that makes this client do the right thing: stop where a retry cannot
 * help, try again where it can, and show the reason either way.
 *
 * @see ../../docs/errors.md
 */
import { BridgeError, toErrorBody } from '../errors.ts'
import type { ClientKind } from './identity.ts'

export interface ErrorAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Codex gives up on a 429 without it after one request, and shows nothing of the body. */
const CODEX_RETRY_AFTER_SECONDS = '2'

/** What Codex itself does the right thing with. */
const CODES_CODEX_KNOWS = new Set([
  // It has a text of its own.
  'context_length_exceeded',
  // It sends the whole input again; it meets this on a WebSocket alone.
  'previous_response_not_found',
  // It goes on over HTTP, at once only at this status.
  'upgrade_required',
])

/**
 * Codex repeats 401, 403, 404, 413, … six times and hides their text; a 400 `invalid_prompt` stops it
 * at once with the message alone.
 */
function forCodex(error: BridgeError): ErrorAnswer | undefined {
  if (error.info.retryable) {
    if (error.status !== 429 || error.headers['retry-after'] !== undefined) return undefined
    return answer(error.status, { 'retry-after': CODEX_RETRY_AFTER_SECONDS }, error)
  }
  // Budgets carry their text in a header.
  if (CODES_CODEX_KNOWS.has(error.code) || error.info.type === 'usage_limit_reached') {
    return undefined
  }
  const named = error.status === 400 ? error.message : `${error.message} (HTTP ${error.status})`
  return answer(
    400,
    {},
    new BridgeError('invalid_prompt', named, { param: error.param ?? undefined }),
  )
}

function answer(status: number, headers: Record<string, string>, error: BridgeError): ErrorAnswer {
  return { status, headers, body: bodyOf(error) }
}

/** Synth's clients parse 200 bytes of a refusal, so it holds nothing that they do not read. */
function bodyOf(error: BridgeError): string {
  const { type, code, message } = toErrorBody(error).error
  if (type === 'usage_limit_reached') return JSON.stringify({ error: { type, code, message } })
  return JSON.stringify(toErrorBody(error))
}

export function toErrorAnswer(error: BridgeError, client: ClientKind): ErrorAnswer {
  const special = client === 'codex' ? forCodex(error) : undefined
  if (special !== undefined) return special
  // OpenAI's SDKs retry 408, 409, 429 and 5xx unless told otherwise.
  const hint: Record<string, string> = error.info.retryable ? {} : { 'x-should-retry': 'false' }
  return answer(error.status, { ...hint, ...error.headers }, error)
}
