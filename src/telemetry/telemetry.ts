/** What looks on at calls: the figures of `GET /metrics`, and the log's line for each call. */
import { type CallWatcher, watchTogether } from '../gateway/call-report.ts'
import { type CallLog, toCallLog } from './call-log.ts'
import { createMetrics, type Metrics, type MetricsOptions } from './metrics.ts'

export interface TelemetryOptions extends MetricsOptions {
  /** Told of every call that is over; undefined where nobody logs calls. */
  readonly onCall: ((call: CallLog) => void) | undefined
  /** One of those who look on failed; the call is none the worse. */
  readonly onFault: (cause: unknown) => void
}

export interface Telemetry {
  readonly watcher: CallWatcher
  readonly metrics: Metrics
  close(): void
}

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { onCall, redact } = options
  const metrics = createMetrics(options)
  const log = onCall === undefined ? undefined : logTo(onCall, redact)
  const watchers = [metrics.watcher, log].filter((each) => each !== undefined)
  return { watcher: watchTogether(watchers, options.onFault), metrics, close: metrics.close }
}

function logTo(onCall: (call: CallLog) => void, redact: (text: string) => string): CallWatcher {
  return { ended: (report) => onCall(toCallLog(report, redact)) }
}
