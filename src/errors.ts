/**
 * The error catalogue: every code the bridge can answer with, whose fault it is, and whether a retry
 * can help. `docs/errors.md` documents each; a test reads both ways.
 */

export interface ErrorInfo {
  /** HTTP status when nothing has been sent to the client yet. */
  readonly status: number
  /** Who began it. */
  readonly origin: 'client' | 'upstream' | 'bridge'
  /** Whether the same request may succeed later. */
  readonly retryable: boolean
  /** `error.type` on the wire. */
  readonly type: string
}

const client = (status: number, type = 'invalid_request_error') =>
  ({ status, origin: 'client', retryable: false, type }) as const
const upstream = (status: number, retryable: boolean, type = 'server_error') =>
  ({ status, origin: 'upstream', retryable, type }) as const
const bridge = (status: number, retryable: boolean) =>
  ({ status, origin: 'bridge', retryable, type: 'server_error' }) as const

export const errorCodes = {
  invalid_json: client(400),
  invalid_request: client(400),
  invalid_prompt: client(400),
  cannot_carry: client(400),
  reserved_tool_name: client(400),
  request_too_deep: client(400),
  invalid_api_key: client(401, 'authentication_error'),
  forbidden: client(403, 'permission_error'),
  model_not_found: client(404),
  not_found: client(404),
  previous_response_not_found: client(400),
  conversation_locked: { ...client(400), retryable: true },
  response_cancelled: client(400),
  trial_expired: client(410),
  invalid_candidate: client(422),
  candidate_unmatched: client(422),
  method_not_allowed: client(405),
  body_too_large: client(413),
  unsupported_media_type: client(415),
  upgrade_required: client(426),
  turns_waiting_limit: client(429, 'rate_limit_error'),
  session_cost_limit: client(429, 'usage_limit_reached'),
  session_token_limit: client(429, 'usage_limit_reached'),
  session_gpu_hours_limit: client(429, 'usage_limit_reached'),
  session_api_calls_limit: client(429, 'usage_limit_reached'),
  key_cost_limit: client(429, 'usage_limit_reached'),
  session_ended: client(429, 'usage_limit_reached'),
  session_not_active: client(400),
  price_unknown: client(400),
  upstream_rejected: upstream(400, false, 'invalid_request_error'),
  context_length_exceeded: upstream(400, false, 'invalid_request_error'),
  upstream_auth: upstream(401, false, 'authentication_error'),
  upstream_quota: upstream(429, false, 'insufficient_quota'),
  upstream_rate_limit: upstream(429, true, 'rate_limit_error'),
  upstream_error: upstream(502, true),
  upstream_unreachable: upstream(502, true),
  upstream_bad_answer: upstream(502, true),
  upstream_cut: upstream(502, true),
  compaction_failed: upstream(502, false),
  upstream_connect_timeout: upstream(504, true),
  upstream_headers_timeout: upstream(504, true),
  upstream_idle_timeout: upstream(504, true),
  websocket_connections_limit: bridge(503, true),
  shutting_down: bridge(503, true),
  store_unavailable: bridge(503, true),
  trace_unavailable: bridge(503, true),
  response_interrupted: bridge(500, true),
  internal_error: bridge(500, true),
} as const satisfies Record<string, ErrorInfo>

export type ErrorCode = keyof typeof errorCodes

export interface BridgeErrorOptions {
  /** The request field at fault, as a path (`input[3].content`). */
  readonly param?: string | undefined
  /** Overrides the catalogue's status: an upstream's own is kept. */
  readonly status?: number | undefined
  /** The upstream's own code (`model_not_found`, …), shown to the client in place of ours. */
  readonly upstreamCode?: string | undefined
  /** Headers that go with the answer (`retry-after`, …). */
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly cause?: unknown
}

/** The one error type that crosses rooms. Callers branch on `code`, never on the text. */
export class BridgeError extends Error {
  override readonly name = 'BridgeError'
  readonly code: ErrorCode
  readonly status: number
  readonly param: string | null
  readonly upstreamCode: string | null
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ErrorCode, message: string, options: BridgeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.status = options.status ?? errorCodes[code].status
    this.param = options.param ?? null
    this.upstreamCode = options.upstreamCode ?? null
    this.headers = options.headers ?? {}
  }

  get info(): ErrorInfo {
    return errorCodes[this.code]
  }

  /** The same error in other words. */
  withMessage(message: string): BridgeError {
    return new BridgeError(this.code, message, {
      param: this.param ?? undefined,
      status: this.status,
      upstreamCode: this.upstreamCode ?? undefined,
      headers: this.headers,
      cause: this.cause,
    })
  }
}

/** Anything thrown, as a BridgeError; what is not one is our own fault and says nothing to the client. */
export function toBridgeError(cause: unknown): BridgeError {
  if (cause instanceof BridgeError) return cause
  return new BridgeError(
    'internal_error',
    'The bridge failed unexpectedly. Its log has the cause.',
    {
      cause,
    },
  )
}

/** The body of an HTTP error answer, in OpenAI's shape. */
export interface ErrorBody {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly param: string | null
    readonly code: string
  }
}

/** The only place where an error becomes a wire body. */
export function toErrorBody(error: BridgeError): ErrorBody {
  return {
    error: {
      message: error.message,
      type: error.info.type,
      param: error.param,
      code: error.upstreamCode ?? error.code,
    },
  }
}

/** The `code` that Node and its libraries put on what they throw (`ENOENT`, `UND_ERR_…`), or ''. */
export function systemCodeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : ''
}
