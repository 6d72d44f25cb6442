/** Who calls, through which client, and how the call is named. */

/**
 * `codex` and `opencode` retry what no retry can mend, each in its own way, so their answers to
 * errors differ; every other client gets the plain status.
 */
export type ClientKind = 'codex' | 'opencode' | 'other'

export interface CallIdentity {
  /** Ours, `x-request-id` of the answer. */
  readonly requestId: string
  readonly clientKind: ClientKind
  /** `X-Client-Request-Id`, for the records. */
  readonly clientRequestId: string | undefined
  /** The key's name, or `local` without keys. */
  readonly keyName: string
  readonly orgId: string
  readonly userId: string
  /** A session the client named, if it did. */
  readonly sessionId: string | undefined
  /** `X-No-Session: true`. */
  readonly optOut: boolean
}
