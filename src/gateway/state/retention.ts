/** Takes out what is kept no longer: at the start, and then from time to time. */
import type { Clock } from '../ports.ts'

const SWEEP_MS = 300_000
const DAY_MS = 86_400_000

/** What is kept of responses, or of traces. */
export interface Prunable {
  prune(request: {
    readonly beforeMs: number
    readonly maxBytes: number
  }): Promise<{ readonly more: boolean }>
}

export interface RetentionOptions {
  readonly store: Prunable
  readonly clock: Clock
  readonly maxAgeDays: number
  readonly maxBytes: number
  /** The store was away; it is tried again at the next sweep. */
  readonly onFault: (cause: unknown) => void
}

/** @returns stops it */
export function startRetention(options: RetentionOptions): () => void {
  const { store, clock, maxAgeDays, maxBytes } = options
  let isStopped = false
  let cancel = () => {}

  const sweep = async (): Promise<void> => {
    const beforeMs = clock.nowMs() - maxAgeDays * DAY_MS
    try {
      while (!isStopped && (await store.prune({ beforeMs, maxBytes })).more);
    } catch (cause) {
      if (!isStopped) options.onFault(cause)
    }
    if (!isStopped) cancel = clock.after(SWEEP_MS, () => void sweep())
  }

  void sweep()
  return () => {
    isStopped = true
    cancel()
  }
}
