import { afterEach, describe, expect, test } from 'vitest'
import { BridgeError } from '../../src/errors.ts'
import type { CallReport } from '../../src/gateway/call-report.ts'
import { createLiveCalls } from '../../src/gateway/live-calls.ts'
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts'
import { FakeClock } from '../gateway/fakes.ts'
import { readPrometheusText, valueIn } from './prometheus-text.ts'
import { reportOf } from './reports.ts'

let metrics: Metrics
afterEach(() => metrics.close())

function start(): Metrics {
  const { census } = createLiveCalls(new FakeClock())
  const options = { models: ['m'], version: '1.2.3', startedAtMs: 5_000 }
  metrics = createMetrics({ ...options, census, redact: (text) => text })
  return metrics
}

async function read(...reports: Partial<CallReport>[]) {
  const { watcher, text } = start()
  for (const report of reports) watcher.ended(reportOf(report))
  const families = readPrometheusText(await text())
  return (name: string, labels?: Record<string, string>) => valueIn(families, name, labels)
}

const M = { model: 'm', upstream: 'local' }

test('a call counts once, with its tokens, dollars and GPU time', async () => {
  const value = await read({}, {})
  expect(value('synth_calls_total', { ...M, route: 'responses', outcome: 'completed' })).toBe(2)
  expect(value('synth_tokens_total', { ...M, kind: 'input' })).toBe(192)
  expect(value('synth_tokens_total', { ...M, kind: 'cached_input' })).toBe(128)
  expect(value('synth_tokens_total', { ...M, kind: 'output' })).toBe(22)
  expect(value('synth_cost_usd_total', M)).toBeCloseTo(0.00246, 12)
  expect(value('synth_gpu_seconds_total', M)).toBe(5)
  expect(value('synth_call_duration_seconds_sum', M)).toBe(3)
  expect(value('synth_first_token_seconds_sum', M)).toBe(0.6)
})

describe('the time between tokens', () => {
  test('is the mean of a call, as one observation', async () => {
    const value = await read({})
    expect(value('synth_inter_token_seconds_count', M)).toBe(1)
    expect(value('synth_inter_token_seconds_sum', M)).toBe(0.1)
  })

  const { charge } = reportOf()
  const charged = (changes: object) =>
    charge === undefined ? {} : { charge: { ...charge, ...changes } }
  test.each<{ why: string; report: Partial<CallReport> }>([
    { why: 'it came whole', report: { streaming: false } },
    { why: 'nothing came', report: { outputMs: undefined } },
    { why: 'it cost nothing', report: { charge: undefined } },
    { why: 'its tokens are an estimate', report: charged({ outcome: 'estimated' }) },
    {
      why: 'it is one token',
      report: charged({ usage: { ...charge?.usage, outputTokens: 1 } }),
    },
  ])('is not known where $why', async ({ report }) => {
    expect((await read(report))('synth_inter_token_seconds_count', M)).toBeUndefined()
  })
})

test('limits that kept a call out or broke it off are counted by name', async () => {
  const value = await read(
    { outcome: 'refused', error: new BridgeError('key_cost_limit', 'x') },
    { outcome: 'refused', error: new BridgeError('forbidden', 'x') },
    { outcome: 'incomplete', cutBy: 'session_token_limit' },
  )
  expect(value('synth_budget_refusals_total')).toBe(1)
  expect(value('synth_budget_refusals_total', { limit: 'key_cost_limit' })).toBe(1)
  expect(value('synth_budget_cuts_total', { limit: 'session_token_limit' })).toBe(1)
})

test('an attempt counts against its upstream only where that is at fault', async () => {
  const { watcher, text } = start()
  watcher.attemptFailed?.('m', 'local', new BridgeError('upstream_rate_limit', 'x'))
  watcher.attemptFailed?.('m', 'local', new BridgeError('internal_error', 'x'))
  watcher.retried?.('local')
  const families = readPrometheusText(await text())
  expect(valueIn(families, 'synth_upstream_errors_total')).toBe(1)
  expect(valueIn(families, 'synth_upstream_errors_total', { code: 'upstream_rate_limit' })).toBe(1)
  expect(valueIn(families, 'synth_retries_total', { upstream: 'local' })).toBe(1)
})

test('names that a client makes up are one series', async () => {
  const { watcher, text } = start()
  for (let n = 0; n < 500; n++) {
    watcher.ended(reportOf({ model: `rejected-${n}`, outcome: 'failed' }))
  }
  for (let n = 0; n < 500; n++) watcher.ended(reportOf({ model: `answered-${n}` }))
  const families = readPrometheusText(await text())
  const models = families.get('synth_calls_total')?.samples.map(({ labels }) => labels['model'])
  expect(new Set(models).size).toBe(51)
  expect(valueIn(families, 'synth_calls_total', { model: 'other', outcome: 'failed' })).toBe(500)
  expect(valueIn(families, 'synth_calls_total', { model: 'other', outcome: 'completed' })).toBe(450)
})

test('a model name of any characters is a legal label', async () => {
  const model = 'a"b\\c\nd{e}=\u2028ü'
  const value = await read({ model })
  expect(value('synth_calls_total', { model })).toBe(1)
})

test('traces and spans that are lost are counted where they are told of', async () => {
  const { tracesLost, spans, text } = start()
  tracesLost(3)
  spans('dropped', 2)
  spans('exported', 4)
  const families = readPrometheusText(await text())
  expect(valueIn(families, 'synth_traces_lost_total')).toBe(3)
  expect(valueIn(families, 'synth_otel_spans_total', { result: 'dropped' })).toBe(2)
  expect(valueIn(families, 'synth_otel_spans_total', { result: 'exported' })).toBe(4)
})

test('the process shows when it began, what it is, and how late the event loop runs', async () => {
  const { text } = start()
  await text()
  // Busy for longer than the clock's grain, with a turn of the loop on each side for the lag to show.
  await new Promise((resolve) => setTimeout(resolve, 50))
  const until = performance.now() + 120
  while (performance.now() < until);
  await new Promise((resolve) => setTimeout(resolve, 50))
  const families = readPrometheusText(await text())
  expect(valueIn(families, 'process_start_time_seconds')).toBe(5)
  expect(valueIn(families, 'synth_build_info', { version: '1.2.3' })).toBe(1)
  expect(valueIn(families, 'process_cpu_seconds_total')).toBeGreaterThan(0)
  expect(valueIn(families, 'process_resident_memory_bytes')).toBeGreaterThan(1e6)
  expect(valueIn(families, 'synth_event_loop_lag_seconds', { quantile: '1' })).toBeGreaterThan(0.05)
})
