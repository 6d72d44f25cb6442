/** How a failed answer looks on the Responses wire. */
import type { BridgeError } from '../../errors.ts'
import type { ErrorEvent } from '../../protocol/responses/events.ts'
import type { ResponseErrorCode, ResponseFailure } from '../../protocol/responses/response.ts'

/**
 * `response.error`, whose code is a closed set in OpenAI's document. Codex retries `server_error` and
 * `rate_limit_exceeded`, and stops after one request, showing the message, on `invalid_prompt`.
 */
export function toResponseFailure(error: BridgeError): ResponseFailure {
  return { code: failureCode(error), message: error.message }
}

function failureCode(error: BridgeError): ResponseErrorCode {
  if (error.code === 'upstream_rate_limit') return 'rate_limit_exceeded'
  return error.info.retryable ? 'server_error' : 'invalid_prompt'
}

/** The event before `response.failed`, where the exact code still fits. */
export function toErrorEvent(error: BridgeError): ErrorEvent {
  const code = error.upstreamCode ?? error.code
  const { message, param } = error
  return {
    type: 'error',
    code,
    message,
    param,
    error: { type: error.info.type, code, message, param },
  }
}
