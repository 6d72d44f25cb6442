/** What an upstream answers to `GET /models`: who is there, and what it serves. */
import type { UpstreamSettings } from '../config/settings.ts'
import { BridgeError } from '../errors.ts'
import { createRedactor } from '../gateway/redact.ts'
import { isRecord, listOf, tryParse } from '../translate/narrow.ts'
import { excerptOf } from '../translate/upstream-error.ts'
import { toUpstreamRejection } from '../translate/upstream-rejection.ts'
import { toUpstreamFailure } from '../upstream/failure.ts'

export interface ModelCard {
  readonly id: string
  /** Tokens that input and output share, where the server says so. */
  readonly contextWindow: number | undefined
}

export type ListingOutcome =
  | { readonly is: 'listed'; readonly cards: readonly ModelCard[] }
  /** Somebody is there, and answers this with an error. */
  | { readonly is: 'rejected'; readonly error: BridgeError }
  /** Somebody is there who is no model server. */
  | { readonly is: 'foreign'; readonly error: BridgeError }
  | { readonly is: 'unreachable'; readonly error: BridgeError }

export interface ListingOptions {
  readonly fetch: typeof globalThis.fetch
  readonly apiKey: string | undefined
  readonly timeoutMs: number
}

export async function fetchListing(
  upstream: UpstreamSettings,
  { fetch, apiKey, timeoutMs }: ListingOptions,
): Promise<ListingOutcome> {
  const url = `${upstream.baseUrl}/models`
  const redact = createRedactor(apiKey === undefined ? [] : [apiKey])
  let response: Response
  let body: string
  try {
    response = await fetch(url, {
      headers: {
        accept: 'application/json',
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      },
      // A key must not follow wherever an address leads.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
    body = redact(await response.text())
  } catch (cause) {
    return { is: 'unreachable', error: toFailure(cause, url, upstream.name, timeoutMs) }
  }
  if (!response.ok) {
    const headers = Object.fromEntries(response.headers)
    const rejection = { upstream: upstream.name, status: response.status, headers, body }
    return { is: 'rejected', error: toUpstreamRejection(rejection) }
  }
  const json = tryParse(body)?.value
  if (!isRecord(json) && !Array.isArray(json)) {
    const said = `The upstream "${upstream.name}" answered ${url} with ${excerptOf(body)}.`
    return { is: 'foreign', error: new BridgeError('upstream_bad_answer', said) }
  }
  return { is: 'listed', cards: readCards(json) }
}

function toFailure(cause: unknown, url: string, upstream: string, timeoutMs: number): BridgeError {
  if (cause instanceof Error && cause.name === 'TimeoutError') {
    const said = `The upstream "${upstream}" at ${new URL(url).origin} did not answer within ${timeoutMs / 1000} s.`
    return new BridgeError('upstream_headers_timeout', said, { cause })
  }
  const timeouts = { headersMs: timeoutMs, idleMs: timeoutMs }
  const request = { upstream, url, headers: {}, body: '', timeouts }
  return toUpstreamFailure(reasonOf(cause), request, false)
}

/** `fetch failed` hides the socket's error in its cause. */
function reasonOf(cause: unknown): Error {
  if (!(cause instanceof Error)) return new Error(String(cause))
  return cause.cause instanceof Error ? cause.cause : cause
}

/** `{data: […]}` as OpenAI has it, or the bare list that Together answers with. */
function readCards(json: unknown): ModelCard[] {
  const entries = Array.isArray(json) ? json : isRecord(json) ? listOf(json['data']) : []
  return entries.filter(isRecord).flatMap((entry) => {
    const { id } = entry
    return typeof id === 'string' && id !== '' ? [{ id, contextWindow: readWindow(entry) }] : []
  })
}

/** As vLLM, OpenRouter and Together, Groq, and Mistral call it. */
const WINDOW_FIELDS = ['max_model_len', 'context_length', 'context_window', 'max_context_length']

function readWindow(entry: Readonly<Record<string, unknown>>): number | undefined {
  const value = WINDOW_FIELDS.map((field) => entry[field]).find((found) => found != null)
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : undefined
}

const NO_CHAT = /embed|rerank|whisper|\btts\b|moderation|dall-e|transcri|speech|image|guard/i

/** Those that are likely to chat: lists name embedders and voices, too. */
export function chatModelsOf(cards: readonly ModelCard[]): ModelCard[] {
  return cards.filter(({ id }) => !NO_CHAT.test(id))
}

/**
 * The model to take where nobody names one: the only one, or the first of a server of one's own,
 * whose list is what somebody chose to load. A provider's first is anything.
 */
export function pickModel(cards: readonly ModelCard[], isLoopback: boolean): ModelCard | undefined {
  const usable = chatModelsOf(cards)
  return isLoopback || usable.length === 1 ? usable[0] : undefined
}
