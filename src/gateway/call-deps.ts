/** What every call runs on. */
import type { BridgeError } from '../errors.ts'
import type { LiveCalls } from './live-calls.ts'
import type { Clock, Upstream } from './ports.ts'
import type { Spending } from './spending.ts'
import type { Traces } from './trace/call-trace.ts'

export interface CallTiming {
  /** Silence after which a streaming client gets a sign of life. */
  readonly keepaliveMs: number
  /** Wait for the upstream's head after which the client's stream opens all the same. */
  readonly openAfterMs: number
  /** Wait for late usage once the answer is otherwise over. */
  readonly lingerMs: number
}

export const DEFAULT_TIMING: CallTiming = {
  keepaliveMs: 15_000,
  openAfterMs: 15_000,
  lingerMs: 2_000,
}

export interface CallDeps {
  readonly clock: Clock
  readonly upstream: Upstream
  readonly spending: Spending
  readonly calls: Pick<LiveCalls, 'begin'>
  readonly traces: Traces
  readonly timing: CallTiming
  /** Uniform in [0, 1), for retry jitter. */
  readonly random: () => number
  /** Takes secrets out of whatever the upstream said. */
  readonly redact: (text: string) => string
  readonly log: (event: CallEvent) => void
}

export type CallEvent =
  | { readonly type: 'retry'; readonly requestId: string; readonly error: BridgeError }
  | { readonly type: 'failed'; readonly requestId: string; readonly error: BridgeError }
