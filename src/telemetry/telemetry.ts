/** What looks on at calls: the figures of `GET /metrics`, the log's line for each call, OpenTelemetry spans. */
import type { OtelSettings } from '../config/otel.ts'
import { type CallReport, type CallWatcher, watchTogether } from '../gateway/call-report.ts'
import type { LiveCensus } from '../gateway/live-calls.ts'
import type { Clock } from '../gateway/ports.ts'
import { type CallLog, toCallLog } from './call-log.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { createSpanExporter } from './span-exporter.ts'
import { encodeSpans, toSpan } from './spans.ts'

export interface TelemetryOptions {
  /** Names of `[models]`. */
  readonly models: readonly string[]
  /** Undefined sends no spans. */
  readonly otel: OtelSettings | undefined
  readonly version: string
  readonly startedAtMs: number
  readonly clock: Clock
  readonly fetch: typeof globalThis.fetch
  readonly randomHex: (bytes: number) => string
  readonly redact: (text: string) => string
  readonly census: () => LiveCensus
  /** Told of every call that is over; undefined where nobody logs calls. */
  readonly onCall: ((call: CallLog) => void) | undefined
  /** Spans cannot be sent. */
  readonly onSpansUnsent: (why: string) => void
  /** One of those who look on failed; the call is none the worse. */
  readonly onFault: (cause: unknown) => void
}

export interface Telemetry {
  readonly watcher: CallWatcher
  readonly metrics: Metrics
  /** Sends what spans there are, and resolves within about two seconds. */
  close(): Promise<void>
}

interface Spans {
  readonly watcher: CallWatcher
  close(): Promise<void>
}

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { otel, onCall, redact } = options
  const metrics = createMetrics(options)
  const spans = otel === undefined ? undefined : createSpans(otel, metrics, options)
  const log = onCall === undefined ? undefined : logTo(onCall, redact)
  const watchers = [metrics.watcher, log, spans?.watcher].filter((each) => each !== undefined)
  return {
    watcher: watchTogether(watchers, options.onFault),
    metrics,
    async close() {
      metrics.close()
      await spans?.close()
    },
  }
}

function logTo(onCall: (call: CallLog) => void, redact: (text: string) => string): CallWatcher {
  return { ended: (report) => onCall(toCallLog(report, redact)) }
}

function createSpans(otel: OtelSettings, metrics: Metrics, options: TelemetryOptions): Spans {
  const { version, clock, fetch, onSpansUnsent } = options
  const resource = {
    ...otel.resourceAttributes,
    'service.name': otel.serviceName,
    'service.version': version,
    'telemetry.sdk.name': 'synth-bridge',
    'telemetry.sdk.language': 'nodejs',
    'telemetry.sdk.version': version,
  }
  const exporter = createSpanExporter({
    url: otel.tracesUrl,
    headers: otel.headers,
    encode: (batch) => encodeSpans(batch, resource, version),
    clock,
    fetch,
    onSpans: metrics.spans,
    onFault: onSpansUnsent,
  })
  const ended = (report: CallReport): void => {
    const span = toSpan(report, options)
    if (span !== undefined) exporter.offer(span)
  }
  return { watcher: { ended }, close: () => exporter.close() }
}
