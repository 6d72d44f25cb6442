/** Everything of traces that a bridge has, over one store: capture, reading, what goes with age. */
import { type BridgeError, toBridgeError } from '../../errors.ts'
import type { Clock } from '../ports.ts'
import { startRetention } from '../state/retention.ts'
import { createTraces, type Traces } from './call-trace.ts'
import { guardTraces, type TraceReader } from './guarded-store.ts'
import type { TraceStore } from './port.ts'
import { createTraceSink, type SinkState } from './sink.ts'

export interface TracingOptions {
  readonly store: TraceStore
  readonly clock: Clock
  readonly newTraceId: () => string
  readonly hasContent: boolean
  readonly isRequired: boolean
  readonly maxAgeDays: number
  readonly maxBytes: number
  readonly redact: (text: string) => string
  readonly onFault: (error: BridgeError, requestId?: string) => void
  readonly onLost: () => void
}

export interface Tracing {
  readonly traces: Traces
  readonly reader: TraceReader
  state(): SinkState
  /** Waits for what is left, then closes the store. */
  close(): Promise<void>
}

export function createTracing(options: TracingOptions): Tracing {
  const { store, clock, maxAgeDays, maxBytes, onFault, onLost } = options
  const sink = createTraceSink({ store, clock, onFault, onLost })
  const stopRetention = startRetention({
    store,
    clock,
    maxAgeDays,
    maxBytes,
    onFault: (cause) => onFault(toBridgeError(cause)),
  })
  return {
    traces: createTraces({ ...options, sink }),
    reader: guardTraces(store),
    state: () => sink.state,
    async close() {
      stopRetention()
      await sink.close()
      await store.close()
    },
  }
}
