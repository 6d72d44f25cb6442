/**
 * What is told of calls to those who look on and take no part: who counts, logs and exports. A call tells
 * of its turns and its end, never of its chunks; whoever is told must not throw, and `watchTogether` sees
 * to it that nothing comes of it if one does.
 */
import type { Amounts } from '../budget/metric.ts'
import type { BridgeError, ErrorCode } from '../errors.ts'
import type { TraceParent } from './identity.ts'
import type { Charge } from './spending.ts'

export interface CallEnding {
  /** `refused`: by the bridge itself, before anything was sent. */
  readonly outcome: 'completed' | 'incomplete' | 'failed' | 'refused' | 'client_gone'
  /** HTTP status of the answer; null when the client had gone before it. */
  readonly status: number | null
  readonly errorCode: ErrorCode | null
}

export interface CallName {
  readonly requestId: string
  readonly responseId: string
  readonly clientRequestId: string | undefined
  readonly model: string
  readonly upstream: string
  readonly startedAtMs: number
}

export interface RecentCall extends CallName, CallEnding {
  readonly sessionId: string | null
  readonly attempts: number
  readonly endedAtMs: number
  readonly durationMs: number
  /** Of all attempts together. */
  readonly charged: Amounts
  /** Of the last attempt that cost something. */
  readonly charge: Charge | undefined
}

/** An attempt that came to nothing, or whose answer broke off. */
export interface FailedAttempt {
  readonly atMs: number
  readonly errorCode: ErrorCode
}

/** Tokens of all attempts together, as far as anybody counted them. */
export interface UsageTotals {
  readonly inputTokens: number
  readonly cachedInputTokens: number
  readonly outputTokens: number
  readonly reasoningTokens: number
}

/** A call that is over. Times are in milliseconds. */
export interface CallReport extends RecentCall {
  /** A name of the table of routes. */
  readonly route: string
  readonly streaming: boolean
  /** Name of the caller's key. */
  readonly keyName: string
  readonly upstreamModel: string
  readonly upstreamBaseUrl: string
  readonly maxOutputTokens: number | undefined
  /** From the call's beginning, waits and retries included; undefined where nothing came. */
  readonly firstTokenMs: number | undefined
  /** From the first piece of the last attempt's output to the end of it. */
  readonly outputMs: number | undefined
  readonly usage: UsageTotals
  /** Of attempts that were tried again, and of the last one. */
  readonly failures: readonly FailedAttempt[]
  /** The limit that broke the answer off, by its code; undefined where none did. */
  readonly cutBy: string | undefined
  /** Why it was refused or failed. */
  readonly error: BridgeError | undefined
  readonly traceParent: TraceParent | undefined
}

export interface CallWatcher {
  /** As soon as it is known; the call may go on. */
  attemptFailed?(model: string, upstream: string, error: BridgeError): void
  retried?(upstream: string): void
  /** Once. */
  ended(report: CallReport): void
}

/** @param onFault told of a watcher's own error, in place of the call */
export function watchTogether(
  watchers: readonly CallWatcher[],
  onFault: (cause: unknown) => void,
): Required<CallWatcher> {
  const tellAll = (tell: (watcher: CallWatcher) => void): void => {
    for (const watcher of watchers) {
      try {
        tell(watcher)
      } catch (cause) {
        onFault(cause)
      }
    }
  }
  return {
    attemptFailed: (...told) => tellAll((watcher) => watcher.attemptFailed?.(...told)),
    retried: (upstream) => tellAll((watcher) => watcher.retried?.(upstream)),
    ended: (report) => tellAll((watcher) => watcher.ended(report)),
  }
}
