/** What a run looks like, on a terminal and off it. */
import { describe, expect, test } from 'vitest'
import { joinPieces, widthOf } from '../../../src/cli/layout.ts'
import { barPieces, lineText } from '../../../src/cli/rollout/progress.ts'
import { type RunReport, renderReport } from '../../../src/cli/rollout/report.ts'
import { createCounting } from '../../../src/cli/rollout/tally.ts'
import { createStyle } from '../../../src/cli/style.ts'
import type { RolloutLine } from '../../../src/rollout/line.ts'
import { startExample } from '../../support/task-app.ts'
import { openStage } from './stage.ts'

const style = createStyle(false)

const lineOf = (seed: number, changes: Partial<RolloutLine> = {}): RolloutLine => ({
  seed,
  status: 'done',
  reward: seed % 3 === 0 ? 1 : 0.25,
  error: null,
  trial_id: `trial_${seed}`,
  correlation_id: `trace_${seed}`,
  trace_ids: ['a', 'b'],
  cost_usd: '0.0012345',
  tokens: 1234,
  duration_ms: 1_400,
  ...changes,
})

const LINES = [
  lineOf(0),
  lineOf(1),
  lineOf(2, {
    status: 'failed',
    reward: null,
    error: 'the task app answered HTTP 500: no such\u001b[31m game',
    trace_ids: [],
    cost_usd: null,
    tokens: null,
  }),
  lineOf(3, { status: 'incomplete', error: '1 call was lost: its answer was cut' }),
]

function reportOf(lines: readonly RolloutLine[], total: number): RunReport {
  const counting = createCounting(total)
  for (const line of lines) counting.count(line)
  return {
    taskApp: 'http://127.0.0.1:8001',
    task: 'Support mail',
    dialect: 'sdk',
    model: 'm',
    jobId: 'rollout_1',
    session: undefined,
    tally: counting.read(),
    lines,
    resumed: 1,
    stopped: 'interrupted',
    out: 'x.jsonl',
    elapsedMs: 12_000,
  }
}

describe('the report', () => {
  test.each([{ width: 100 }, { width: 48 }, { width: undefined }])('$width', async ({ width }) => {
    const shown = renderReport(reportOf(LINES, 6), { width, style })
    if (width !== undefined) {
      const table = shown.slice(0, LINES.length + 1)
      expect(Math.max(...table.map(widthOf))).toBeLessThanOrEqual(width)
    }
    await expect(`${shown.join('\n')}\n`).toMatchFileSnapshot(
      `../../../fixtures/rollout/report-${width ?? 'plain'}.txt`,
    )
  })

  test('of many seeds only what went wrong is a row', () => {
    const lines = Array.from({ length: 200 }, (_, seed) =>
      seed < 60 ? lineOf(seed, { status: 'failed', error: 'x' }) : lineOf(seed),
    )
    const shown = renderReport(reportOf(lines, 200), { width: undefined, style })
    expect(shown).toContain('… and 10 more')
    expect(shown.filter((row) => row.includes(' failed '))).toHaveLength(50)
  })
})

test('the bar, in as much room as there is', () => {
  const { tally } = reportOf(LINES, 8)
  const pieces = barPieces(tally, undefined, 12_000, style)
  expect(joinPieces(pieces, undefined)).toBe(
    '██████████░░░░░░░░░░  4/8  mean 0.625  1 failed  1 incomplete  12s',
  )
  expect(widthOf(joinPieces(pieces, 30))).toBeLessThanOrEqual(30)
})

test('a seed off a terminal', () => {
  expect(LINES.map(lineText)).toEqual([
    'seed 0 done reward 1 $0.0013 1.4s',
    'seed 1 done reward 0.25 $0.0013 1.4s',
    'seed 2 failed 1.4s the task app answered HTTP 500: no such\\u001b[31m game',
    'seed 3 incomplete reward 1 $0.0013 1.4s 1 call was lost: its answer was cut',
  ])
})

test('on a terminal one line is rewritten, and each cause is said once', async () => {
  const url = await startExample('support-mail')
  const failing = { status: 500, body: { error: { message: 'out of order' } } }
  const { run } = await openStage({
    answer: ({ seed }) => (seed > 1 ? failing : { says: 'billing' }),
  })
  const { stdout } = await run(url, '0:5', [], { isTerminal: true, columns: 100 })
  const [progress = ''] = stdout.split('SEED')
  expect(progress).toContain('\r\u001b[2K████')
  expect(progress).toContain('5/5')
  expect(progress.match(/seed \d failed/g)).toHaveLength(1)
  expect(stdout).toContain('2 of 5 done, 3 failed')
})
