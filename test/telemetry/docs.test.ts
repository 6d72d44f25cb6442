/** What the docs say of metrics, a dashboard and alerts: every series and label that they name is there. */
import { readFileSync } from 'node:fs'
import { parser } from '@prometheus-io/lezer-promql'
import { afterAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { BridgeError } from '../../src/errors.ts'
import { createLiveCalls } from '../../src/gateway/live-calls.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { FakeClock } from '../gateway/fakes.ts'
import { type Family, readPrometheusText } from './prometheus-text.ts'
import { reportOf } from './reports.ts'

const metrics = createMetrics({
  models: ['m'],
  version: '1.2.3',
  startedAtMs: 0,
  redact: (text) => text,
  census: createLiveCalls(new FakeClock()).census,
})
afterAll(() => metrics.close())

/** Every family with every label, as each has been told of something. */
async function readEverything(): Promise<Map<string, Family>> {
  const { watcher } = metrics
  const error = new BridgeError('upstream_error', 'x')
  watcher.ended(reportOf({ cutBy: 'session_cost_limit' }))
  watcher.ended(reportOf({ error: new BridgeError('session_cost_limit', 'x') }))
  watcher.attemptFailed?.('m', 'local', error)
  watcher.retried?.('local')
  metrics.refused('responses', error)
  metrics.tracesLost(1)
  metrics.spans('dropped', 1)
  return readPrometheusText(await metrics.text())
}

const families = await readEverything()

/** Of a series as a query names it; undefined for one that is not ours. */
function labelsOf(series: string): Set<string> | undefined {
  const family = families.get(series) ?? families.get(series.replace(/_(bucket|sum|count)$/, ''))
  return family && new Set(family.samples.flatMap(({ labels }) => Object.keys(labels)))
}

/** Labels that Prometheus adds to whatever it scrapes. */
const OF_THE_SCRAPE = ['job', 'instance']

/** Faults of a query: that it is none, or names what is not there. */
function faultsOf(query: string): string[] {
  // Grafana's own, which it puts in before it asks.
  const asked = query.replaceAll('$__rate_interval', '5m')
  const series = new Set<string>()
  const labels = new Set<string>()
  const faults: string[] = []
  parser.parse(asked).iterate({
    enter({ type, from, to }) {
      const text = asked.slice(from, to)
      if (type.isError) faults.push(`not PromQL at ${from}: ${asked}`)
      if (type.name === 'Identifier') series.add(text)
      if (type.name === 'LabelName') labels.add(text)
    },
  })
  const known = [...series]
    .filter((name) => name !== 'up')
    .map((name) => [name, labelsOf(name)] as const)
  for (const [name, its] of known) if (its === undefined) faults.push(`no series ${name}: ${asked}`)
  const all = new Set([...OF_THE_SCRAPE, ...known.flatMap(([, its]) => [...(its ?? [])])])
  for (const label of labels) if (!all.has(label)) faults.push(`no label ${label}: ${asked}`)
  return faults
}

describe('queries', () => {
  test.each([
    { query: 'sum by (route) (rate(synth_calls_total{outcome="failed"}[5m]))', faulty: false },
    { query: 'rate(synth_inter_token_seconds_bucket[$__rate_interval])', faulty: false },
    { query: 'sum(synth_call_total)', faulty: true },
    { query: 'sum by (rout) (synth_calls_total)', faulty: true },
    { query: 'synth_calls_total{models="m"}', faulty: true },
    { query: 'sum(synth_calls_total', faulty: true },
  ])('$query is at fault: $faulty', ({ query, faulty }) => {
    expect(faultsOf(query).length > 0).toBe(faulty)
  })
})

test('docs/metrics.md has every series, its kind and its labels', () => {
  const page = readFileSync('docs/metrics.md', 'utf8')
  const rows = [...page.matchAll(/^\| `(\w+)` \| (\w+) \| (.*?) ?\| .+ \|$/gm)].map(
    ([, name = '', type, labels = '']) => ({
      name,
      type,
      labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label).sort(),
    }),
  )
  const real = [...families.values()].map(({ name, type }) => ({
    name,
    type,
    labels: [...(labelsOf(name) ?? [])].filter((label) => label !== 'le').sort(),
  }))
  const byName = (list: { name: string }[]) => list.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  expect(byName(rows)).toEqual(byName(real))
})

describe('docs/grafana-dashboard.json', () => {
  const PanelSchema = z.looseObject({
    id: z.int(),
    title: z.string().min(1),
    gridPos: z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
    targets: z.array(z.looseObject({ refId: z.string(), expr: z.string() })).default([]),
  })
  const DashboardSchema = z.looseObject({
    uid: z.string(),
    panels: z.array(PanelSchema),
    templating: z.object({ list: z.array(z.looseObject({ name: z.string() })) }),
  })
  const text = readFileSync('docs/grafana-dashboard.json', 'utf8')
  const dashboard = DashboardSchema.parse(JSON.parse(text))
  const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))

  test('asks only for what is there', () => {
    expect(queries.length).toBeGreaterThan(20)
    expect(queries.flatMap(faultsOf)).toEqual([])
  })

  test('shows every series', () => {
    const unseen = [...families.keys()].filter(
      (name) => !queries.some((query) => query.includes(name)),
    )
    expect(unseen).toEqual([])
  })

  test('has an id for each panel, none over another, and every variable that it uses', () => {
    const ids = dashboard.panels.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, n) => `${x + (n % w)},${y + Math.floor(n / w)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
    const used = [...text.matchAll(/\$\{?([a-z]+)/g)].map(([, name]) => name)
    const given = dashboard.templating.list.map(({ name }) => name)
    expect(new Set(used)).toEqual(new Set(given))
  })
})

describe('docs/prometheus-alerts.yml', () => {
  const RulesSchema = z.strictObject({
    groups: z.array(
      z.strictObject({
        name: z.string(),
        rules: z.array(
          z.strictObject({
            alert: z.string().regex(/^Synth\w+$/),
            expr: z.string(),
            for: z
              .string()
              .regex(/^\d+[smh]$/)
              .optional(),
            labels: z.strictObject({ severity: z.enum(['page', 'warn']) }),
            annotations: z.strictObject({ summary: z.string() }),
          }),
        ),
      }),
    ),
  })
  const { groups } = RulesSchema.parse(parse(readFileSync('docs/prometheus-alerts.yml', 'utf8')))
  const rules = groups.flatMap(({ rules: inGroup }) => inGroup)

  test.each(rules)('$alert asks for what is there', ({ expr }) => {
    expect(faultsOf(expr)).toEqual([])
  })
})
