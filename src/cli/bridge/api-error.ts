/** Why a question to a bridge has no answer. Apart from the client, which loads all of zod. */
import { CliError } from '../context.ts'

export type ApiFailure =
  /** Nobody listens there, or the connection broke. */
  | 'unreachable'
  | 'timeout'
  /** The key is missing or is none of the bridge's. */
  | 'unauthorized'
  /** What answers is no bridge, or one without this route. */
  | 'not_a_bridge'
  /** The bridge said no: `code` says why. */
  | 'refused'

/** Printed as it is; exit code 2 where the command line or the configuration is at fault, else 1. */
export class BridgeApiError extends CliError {
  override readonly name = 'BridgeApiError'
  readonly failure: ApiFailure
  /** HTTP status; undefined where there was no answer. */
  readonly status: number | undefined
  /** The bridge's error code (`not_found`, `session_not_active`, …). */
  readonly code: string | undefined

  constructor(
    failure: ApiFailure,
    message: string,
    answer: { readonly status?: number; readonly code?: string; readonly cause?: unknown } = {},
  ) {
    const isUsage = failure === 'unauthorized' || answer.code === 'invalid_request'
    super(message, isUsage ? 2 : 1, answer)
    this.failure = failure
    this.status = answer.status
    this.code = answer.code
  }
}
