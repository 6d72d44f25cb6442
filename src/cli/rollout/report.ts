/** What a run came to: a table and a summary, or the same as JSON. */
import type { RolloutLine } from '../../rollout/line.ts'
import { amountText, durationText } from '../bridge/amounts.ts'
import type { SessionAnswer } from '../bridge/api-schemas.ts'
import { summaryText } from '../launch/summary.ts'
import { type Column, renderTable } from '../layout.ts'
import type { Style } from '../style.ts'
import { toVisible } from '../visible.ts'
import { finishedOf, rewardText, type Tally } from './tally.ts'

/** Why seeds were left. */
export type StopReason = 'interrupted' | 'budget' | 'session' | 'fault'

export interface RunReport {
  readonly taskApp: string
  /** As `/task_info` names it. */
  readonly task: string | null
  /** Null where the run did not get as far. */
  readonly dialect: string | null
  readonly model: string
  readonly jobId: string
  readonly session: SessionAnswer | undefined
  readonly tally: Tally
  /** By seed. */
  readonly lines: readonly RolloutLine[]
  /** How many of them are from the file, and were not run again. */
  readonly resumed: number
  /** Null for a run that came to its end. */
  readonly stopped: StopReason | null
  readonly out: string | null
  readonly elapsedMs: number
}

/** More rows than this are a file's business; then only what went wrong is shown. */
const MAX_ROWS = 50

export function toReportJson(report: RunReport): Record<string, unknown> {
  const { tally, session } = report
  const { done, failed, incomplete, total, reward } = tally
  return {
    job_id: report.jobId,
    task_app: report.taskApp,
    task: report.task,
    dialect: report.dialect,
    model: report.model,
    session_id: session?.session_id ?? null,
    stopped: report.stopped,
    seeds: {
      total,
      done,
      failed,
      incomplete,
      not_run: total - finishedOf(tally),
      resumed: report.resumed,
    },
    reward: {
      mean: reward.mean ?? null,
      deviation: reward.deviation ?? null,
      min: reward.min ?? null,
      max: reward.max ?? null,
    },
    cost_usd: session === undefined ? null : String(session.current_usage.cost_usd),
    tokens: session === undefined ? null : Number(session.current_usage.tokens),
    duration_ms: Math.round(report.elapsedMs),
    out: report.out,
    rollouts: report.lines,
  }
}

export function renderReport(
  report: RunReport,
  { width, style }: { readonly width: number | undefined; readonly style: Style },
): string[] {
  const { tally, lines, session, elapsedMs } = report
  const wrong = lines.filter(({ status }) => status !== 'done')
  const rows = lines.length <= MAX_ROWS ? lines : wrong.slice(0, MAX_ROWS)
  const left = wrong.length - MAX_ROWS
  return [
    ...(rows.length === 0
      ? []
      : [...renderTable(columnsFor(rows, style), rows, width, style.faint)]),
    ...(lines.length > MAX_ROWS && left > 0 ? [style.faint(`… and ${left} more`)] : []),
    ...(rows.length === 0 ? [] : ['']),
    countsText(tally, style),
    ...rewardLines(tally),
    ...(session === undefined ? [] : [summaryText(session, elapsedMs)]),
    ...(report.resumed === 0
      ? []
      : [`${report.resumed} of them were done before, in ${report.out}`]),
  ]
}

function countsText(tally: Tally, style: Style): string {
  const notRun = tally.total - finishedOf(tally)
  const parts = [
    style.strong(`${tally.done} of ${tally.total} done`),
    ...(tally.failed > 0 ? [style.bad(`${tally.failed} failed`)] : []),
    ...(tally.incomplete > 0 ? [style.bad(`${tally.incomplete} incomplete`)] : []),
    ...(notRun > 0 ? [style.warning(`${notRun} not run`)] : []),
  ]
  return parts.join(', ')
}

function rewardLines({ reward }: Tally): string[] {
  const { mean, deviation, min, max } = reward
  if (mean === undefined || min === undefined || max === undefined) return []
  const spread = deviation === undefined ? '' : ` ± ${rewardText(deviation)}`
  return [`mean reward ${rewardText(mean)}${spread}, from ${rewardText(min)} to ${rewardText(max)}`]
}

function columnsFor(rows: readonly RolloutLine[], style: Style): Column<RolloutLine>[] {
  const hasCauses = rows.some(({ error }) => error !== null)
  return [
    { title: 'SEED', align: 'right', text: ({ seed }) => String(seed) },
    {
      title: 'STATUS',
      text: ({ status }) => status,
      paint: ({ status }) => (status === 'done' ? style.good : style.bad),
    },
    {
      title: 'REWARD',
      align: 'right',
      text: ({ reward }) => (reward === null ? '-' : rewardText(reward)),
    },
    { title: 'CALLS', align: 'right', goes: 3, text: ({ trace_ids }) => String(trace_ids.length) },
    {
      title: 'TOKENS',
      align: 'right',
      goes: 2,
      text: ({ tokens }) => (tokens === null ? '-' : amountText('tokens', tokens, 'exact')),
    },
    {
      title: 'COST',
      align: 'right',
      goes: 1,
      text: ({ cost_usd }) => (cost_usd === null ? '-' : amountText('cost_usd', cost_usd, 'up')),
    },
    {
      title: 'TOOK',
      align: 'right',
      goes: 4,
      text: ({ duration_ms }) => durationText(duration_ms),
    },
    ...(hasCauses
      ? [{ title: 'CAUSE', minWidth: 20, text: ({ error }: RolloutLine) => toVisible(error ?? '') }]
      : []),
  ]
}
