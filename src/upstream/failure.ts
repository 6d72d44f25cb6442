/**
 * A broken exchange as a BridgeError: which host, what happened, what to do. Callers match on codes,
 * never on classes, as undici's documentation asks.
 */
import { BridgeError, type ErrorCode, systemCodeOf } from '../errors.ts'
import type { UpstreamRequest } from '../gateway/ports.ts'

/** As much of a request as a message about its failure needs. */
export type RequestPlace = Pick<UpstreamRequest, 'upstream' | 'url' | 'timeouts'>

interface Cause {
  readonly code: ErrorCode
  /** Completes "The upstream "local" at http://127.0.0.1:8000 …". */
  readonly says: string
}

/** Undici's parser gives most of its errors no code. */
const NOT_HTTP = 'HTTPParserError'

function codeOf(error: Error): string {
  if (error.name === NOT_HTTP) return NOT_HTTP
  return systemCodeOf(error)
}

function causeOf(code: string, request: RequestPlace, answering: boolean): Cause {
  switch (code) {
    case 'UND_ERR_CONNECT_TIMEOUT':
      return {
        code: 'upstream_connect_timeout',
        says: 'did not accept the connection in time. Raise connect_timeout_ms or check the address',
      }
    case 'UND_ERR_HEADERS_TIMEOUT':
      return {
        code: 'upstream_headers_timeout',
        says: `sent no answer for ${request.timeouts.headersMs} ms. Raise headers_timeout_ms if it is just slow`,
      }
    case 'UND_ERR_BODY_TIMEOUT':
      return {
        code: 'upstream_idle_timeout',
        says: `fell silent for ${request.timeouts.idleMs} ms in the middle of its answer. Raise idle_timeout_ms if it is just slow`,
      }
    case 'ECONNREFUSED':
      return {
        code: 'upstream_unreachable',
        says: 'refused the connection. Start it, or check base_url',
      }
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { code: 'upstream_unreachable', says: 'has a host name that does not resolve' }
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return { code: 'upstream_unreachable', says: 'cannot be reached' }
    case 'UND_ERR_HEADERS_OVERFLOW':
      return { code: 'upstream_bad_answer', says: 'sent headers that are too long' }
    case NOT_HTTP:
      return {
        code: 'upstream_bad_answer',
        says: 'sent what is not HTTP. Check the port in base_url, and whether it should begin with https://',
      }
    default:
      if (/^ERR_SSL_|^EPROTO$/.test(code)) {
        return {
          code: 'upstream_unreachable',
          says: `does not speak TLS as it should (${code}). Check whether base_url should begin with http://`,
        }
      }
      if (/CERT|TLS|SSL|SIGNED|ALTNAME/.test(code)) {
        return {
          code: 'upstream_unreachable',
          says: `has a certificate that is not accepted (${code})`,
        }
      }
      return {
        code: 'upstream_cut',
        says: answering
          ? 'closed the connection in the middle of its answer'
          : 'closed the connection before it answered',
      }
  }
}

/** @param answering whether the head of a 2xx answer had come */
export function toUpstreamFailure(
  error: Error,
  request: RequestPlace,
  answering: boolean,
): BridgeError {
  // What the exchange was ended for, where the bridge ended it.
  if (error instanceof BridgeError) return error
  const cause = causeOf(codeOf(error), request, answering)
  const { origin } = new URL(request.url)
  return new BridgeError(
    cause.code,
    `The upstream "${request.upstream}" at ${origin} ${cause.says}.`,
    { cause: error },
  )
}
