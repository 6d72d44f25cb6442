/** What looks on at calls: the figures of `GET /metrics`. */
import { type CallWatcher, watchTogether } from '../gateway/call-report.ts'
import { createMetrics, type Metrics, type MetricsOptions } from './metrics.ts'

export interface TelemetryOptions extends MetricsOptions {
  /** One of those who look on failed; the call is none the worse. */
  readonly onFault: (cause: unknown) => void
}

export interface Telemetry {
  readonly watcher: CallWatcher
  readonly metrics: Metrics
  close(): void
}

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const metrics = createMetrics(options)
  return {
    watcher: watchTogether([metrics.watcher], options.onFault),
    metrics,
    close: metrics.close,
  }
}
