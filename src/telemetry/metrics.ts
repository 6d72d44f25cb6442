/**
 * `GET /metrics`: what the bridge does, counted for Prometheus. A call is counted when it ends; what stands
 * at the moment is read off when somebody asks. Nothing here is told of chunks.
 *
 * @see ../../docs/metrics.md for every series
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { BridgeError } from '../errors.ts'
import type { CallReport, CallWatcher } from '../gateway/call-report.ts'
import type { LiveCensus } from '../gateway/live-calls.ts'
import { createModelLabels } from './model-labels.ts'
import { addProcessMetrics } from './process-metrics.ts'

/** Names that the configuration does not have and that get a label of their own. */
const MAX_OTHER_MODELS = 50

/** From the fastest local server to a long prompt on a loaded one. */
const FIRST_TOKEN_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120]
/** From 1,000 tokens a second to one. */
const INTER_TOKEN_SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.25, 0.5, 1,
]
const DURATION_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]

export interface MetricsOptions {
  /** Names of `[models]`. */
  readonly models: readonly string[]
  readonly version: string
  readonly startedAtMs: number
  readonly census: () => LiveCensus
  readonly redact: (text: string) => string
}

export interface Metrics {
  readonly watcher: CallWatcher
  /** A request was turned away before it was a call. */
  refused(route: string, error: BridgeError): void
  /** Traces that were to be kept and are not. */
  tracesLost(count: number): void
  spans(result: 'exported' | 'dropped', count: number): void
  /** The text format of Prometheus, 0.0.4. */
  text(): Promise<string>
  readonly contentType: string
  close(): void
}

const modelLabels = ['model', 'upstream'] as const

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const models = createModelLabels(options.models, MAX_OTHER_MODELS, options.redact)

  const calls = new Counter({
    name: 'synth_calls_total',
    help: 'Calls that are over.',
    labelNames: ['route', ...modelLabels, 'outcome'],
    registers,
  })
  const refusals = new Counter({
    name: 'synth_requests_refused_total',
    help: 'Requests that were turned away before they were calls: by their form, key or address.',
    labelNames: ['route', 'code'],
    registers,
  })
  const tokens = new Counter({
    name: 'synth_tokens_total',
    help: 'Tokens that were charged. "input" includes "cached_input"; "output" includes reasoning.',
    labelNames: [...modelLabels, 'kind'],
    registers,
  })
  const cost = new Counter({
    name: 'synth_cost_usd_total',
    help: 'Dollars that were charged. The ledger has them exactly.',
    labelNames: modelLabels,
    registers,
  })
  const gpuSeconds = new Counter({
    name: 'synth_gpu_seconds_total',
    help: 'GPU time that was charged, in seconds.',
    labelNames: modelLabels,
    registers,
  })
  const budgetRefusals = new Counter({
    name: 'synth_budget_refusals_total',
    help: 'Calls that a limit kept out, by the limit.',
    labelNames: ['limit'],
    registers,
  })
  const budgetCuts = new Counter({
    name: 'synth_budget_cuts_total',
    help: 'Answers that a limit broke off, by the limit.',
    labelNames: ['limit'],
    registers,
  })
  const firstToken = new Histogram({
    name: 'synth_first_token_seconds',
    help: 'From the beginning of a call to its first output, waits and retries included.',
    labelNames: modelLabels,
    buckets: FIRST_TOKEN_SECONDS,
    registers,
  })
  const interToken = new Histogram({
    name: 'synth_inter_token_seconds',
    help: 'Mean time between two output tokens of a streaming call: one observation per call.',
    labelNames: modelLabels,
    buckets: INTER_TOKEN_SECONDS,
    registers,
  })
  const duration = new Histogram({
    name: 'synth_call_duration_seconds',
    help: 'From the beginning of a call to its end.',
    labelNames: modelLabels,
    buckets: DURATION_SECONDS,
    registers,
  })
  const upstreamErrors = new Counter({
    name: 'synth_upstream_errors_total',
    help: 'Attempts that an upstream refused or failed, by the code of docs/errors.md.',
    labelNames: ['upstream', 'code'],
    registers,
  })
  const retries = new Counter({
    name: 'synth_retries_total',
    help: 'Attempts that were made because the one before had failed.',
    labelNames: ['upstream'],
    registers,
  })
  const tracesLost = new Counter({
    name: 'synth_traces_lost_total',
    help: 'Traces that were to be kept and are not.',
    registers,
  })
  const spans = new Counter({
    name: 'synth_otel_spans_total',
    help: 'OpenTelemetry spans by what came of them.',
    labelNames: ['result'],
    registers,
  })
  addLiveMetrics(registry, options.census)
  const processMetrics = addProcessMetrics(registry, options.startedAtMs)
  new Gauge({
    name: 'synth_build_info',
    help: 'Always 1; the label says which version runs.',
    labelNames: ['version'],
    registers,
  }).set({ version: options.version }, 1)

  const countCharge = (report: CallReport, labels: { model: string; upstream: string }): void => {
    const { charged, usage } = report
    cost.inc(labels, Number(charged.cost_usd) / 1e9)
    gpuSeconds.inc(labels, Number(charged.gpu_hours) / 1000)
    tokens.inc({ ...labels, kind: 'input' }, usage.inputTokens)
    tokens.inc({ ...labels, kind: 'cached_input' }, usage.cachedInputTokens)
    tokens.inc({ ...labels, kind: 'output' }, usage.outputTokens)
  }

  return {
    watcher: {
      attemptFailed(_model, upstream, error) {
        if (error.info.origin !== 'upstream') return
        upstreamErrors.inc({ upstream, code: error.code })
      },
      retried: (upstream) => retries.inc({ upstream }),
      ended(report) {
        const { route, upstream, outcome } = report
        if (outcome === 'completed') models.answered(report.model)
        const labels = { model: models.of(report.model), upstream }
        calls.inc({ route, ...labels, outcome })
        duration.observe(labels, report.durationMs / 1000)
        countCharge(report, labels)
        if (report.error?.info.type === 'usage_limit_reached') {
          budgetRefusals.inc({ limit: report.error.code })
        }
        if (report.cutBy !== undefined) budgetCuts.inc({ limit: report.cutBy })
        if (report.firstTokenMs !== undefined) {
          firstToken.observe(labels, report.firstTokenMs / 1000)
        }
        const gapMs = meanGapMs(report)
        if (gapMs !== undefined) interToken.observe(labels, gapMs / 1000)
      },
    },
    refused: (route, { code }) => refusals.inc({ route, code }),
    tracesLost: (count) => tracesLost.inc(count),
    spans: (result, count) => spans.inc({ result }, count),
    text: () => registry.metrics(),
    contentType: registry.contentType,
    close: () => processMetrics.close(),
  }
}

/**
 * Undefined where it would say nothing: an answer that came whole, one of a single token, or one whose
 * tokens nobody counted.
 */
function meanGapMs({ streaming, outputMs, charge }: CallReport): number | undefined {
  const outputTokens = charge?.usage.outputTokens ?? 0
  if (!streaming || outputMs === undefined || charge?.outcome !== 'exact') return undefined
  return outputTokens < 2 ? undefined : outputMs / (outputTokens - 1)
}

/** What stands at the moment of a scrape. */
function addLiveMetrics(registry: Registry, census: () => LiveCensus): void {
  const registers = [registry]
  new Gauge({
    name: 'synth_calls_active',
    help: 'Running calls by what they wait for: room in the budget, the upstream, the end of the answer.',
    labelNames: ['phase'],
    registers,
    collect() {
      for (const [phase, count] of Object.entries(census().calls)) this.set({ phase }, count)
    },
  })
  new Gauge({
    name: 'synth_streams_active',
    help: 'Answers that are streaming to their clients.',
    registers,
    collect() {
      this.set(census().streams)
    },
  })
  new Gauge({
    name: 'synth_reservations_held',
    help: 'Reservations of running calls that stand.',
    registers,
    collect() {
      this.set(census().holds)
    },
  })
  new Gauge({
    name: 'synth_reserved_usd',
    help: 'Dollars held by running calls.',
    registers,
    collect() {
      this.set(Number(census().held.cost_usd) / 1e9)
    },
  })
  new Gauge({
    name: 'synth_reserved_tokens',
    help: 'Tokens held by running calls.',
    registers,
    collect() {
      this.set(Number(census().held.tokens))
    },
  })
}
