/**
 * The port to where traces are kept. It is neither the ledger's nor the responses': no call waits for it
 * unless `[trace] required` says so. Whatever belongs to another owner is as if it were not there.
 *
 * What it is given is folded there, away from the calls' thread: requests are parsed, compared, cut into
 * pieces and cleared of secrets by the store (`src/store/traces/`).
 */
import type { Owner } from '../../budget/hold.ts'
import type { Change } from '../../trace/change.ts'
import type { TraceFacts, TraceOutcome } from '../../trace/record.ts'

/**
 * A call is written twice: when its request leaves, and when it is over. In whatever order the two come,
 * the record is the same; without the second it is one of a call that was cut.
 */
export interface TraceWrite {
  readonly owner: Owner
  readonly createdAtMs: number
  readonly facts: TraceFacts
  readonly request: TracedRequest | undefined
  /** The folded answer, as JSON. */
  readonly response: string | undefined
}

export interface TracedRequest {
  /** The body as it came, as JSON. */
  readonly received: string
  /** The body as it left, as JSON; undefined where nothing was sent. */
  readonly sent: string | undefined
  /** What a trial's candidate changed, before anything else did. */
  readonly candidate: readonly Change[]
}

export interface TracePlace {
  readonly createdAtMs: number
  readonly traceId: string
}

export interface TraceQuery {
  readonly owner: Owner
  readonly sessionId?: string | undefined
  readonly trialId?: string | undefined
  readonly jobId?: string | undefined
  readonly correlationId?: string | undefined
  readonly model?: string | undefined
  /** An HTTP status, or how it ended. */
  readonly status?: number | TraceOutcome | undefined
  readonly order: 'newest' | 'oldest'
  /** The page begins behind it. */
  readonly after?: TracePlace | undefined
  readonly limit: number
  /** Without content `request` and `response` are null. */
  readonly hasContent: boolean
}

export interface TracePage {
  /** Each a record as JSON. A page ends early rather than hold tens of megabytes. */
  readonly records: readonly string[]
  readonly next: TracePlace | undefined
}

export interface TraceStore {
  /** Durable when it resolves. */
  write(write: TraceWrite): Promise<void>
  /** A record as JSON. */
  find(request: { readonly owner: Owner; readonly traceId: string }): Promise<string | undefined>
  list(query: TraceQuery): Promise<TracePage>
  /**
   * Correlation ids of calls that are over and that nobody has leased, oldest first; leased until then.
   */
  lease(request: {
    readonly owner: Owner
    readonly limit: number
    readonly nowMs: number
    readonly untilMs: number
  }): Promise<readonly string[]>
  /** Takes out what is older than `beforeMs`, then the oldest until `maxBytes` hold the rest. */
  prune(request: {
    readonly beforeMs: number
    readonly maxBytes: number
  }): Promise<{ readonly traces: number; readonly more: boolean }>
  close(): Promise<void>
}
