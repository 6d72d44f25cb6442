/**
 * The store of traces on a thread of its own, which also does the work on them: requests are parsed and
 * compared there, not where calls are served.
 */
import type { TraceStore } from '../../gateway/trace/port.ts'
import { createTraceStore, type SendTrace } from '../traces/operations.ts'
import type { TracePlaceSettings } from './messages.ts'
import { startRestarting } from './restarting.ts'
import { startThread } from './thread.ts'

export interface TraceStoreOptions {
  readonly place: TracePlaceSettings
  /** What the place is called in errors: a path, or a database without its password. */
  readonly name: string
  /** Values that no record may hold. */
  readonly secrets: readonly string[]
  readonly busyTimeoutMs?: number
}

/** @throws {StoreUnavailable} if it cannot be opened */
export async function openTraceStore(options: TraceStoreOptions): Promise<TraceStore> {
  const { place, name, secrets, busyTimeoutMs = 5_000 } = options
  const { send, close } = await startRestarting({
    start: () => startThread({ holds: 'traces', path: name, place, secrets, busyTimeoutMs }),
    monotonicMs: () => performance.now(),
  })
  // The thread answers each request with what the port says of it.
  return createTraceStore(send as SendTrace, close)
}
