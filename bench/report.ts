/** Rows of figures, and the one table they become: on the screen and in `docs/performance.md`. */
import type { Spread } from './statistics.ts'

export interface Row {
  /** What was done: `text-500, packed`. */
  readonly what: string
  /** What a target's own value is: `µs/chunk`. */
  readonly unit: string
  /** Medians by target. */
  readonly values: Readonly<Record<string, number>>
  /** What is judged: its name, its value over the rounds, and what it may be at most. */
  readonly verdict?: { readonly name: string; readonly spread: Spread; readonly goal?: number }
  /** This bridge ÷ the one given as `--before`, in the same rounds. */
  readonly change?: Spread | undefined
}

export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 100) return value.toFixed(0)
  if (Math.abs(value) >= 10) return value.toFixed(1)
  return value.toFixed(2)
}

function formatSpread({ median, min, max }: Spread): string {
  return `**${formatNumber(median)}** (${formatNumber(min)}–${formatNumber(max)})`
}

function formatGoal({ verdict }: Row): [goal: string, met: string] {
  if (verdict?.goal === undefined) return ['', '']
  return [`≤ ${verdict.goal}`, verdict.spread.median <= verdict.goal ? 'yes' : '**no**']
}

/** A Markdown table. `targets` in the order of their columns. */
export function formatTable(rows: readonly Row[], targets: readonly string[]): string {
  const hasChange = rows.some((row) => row.change !== undefined)
  const head = ['what', 'unit', ...targets, 'measure', 'median (min–max)', 'goal', 'met']
  if (hasChange) head.push('bridge ÷ before')
  const lines = rows.map((row) => [
    row.what,
    row.unit,
    ...targets.map((target) => formatNumber(row.values[target] ?? Number.NaN)),
    row.verdict?.name ?? '',
    row.verdict === undefined ? '' : formatSpread(row.verdict.spread),
    ...formatGoal(row),
    ...(hasChange ? [row.change === undefined ? '' : formatSpread(row.change)] : []),
  ])
  return [head, head.map(() => '---'), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

export const TABLE_BEGIN = '<!-- bench:begin (written by `npm run bench -- --write-docs`) -->'
export const TABLE_END = '<!-- bench:end -->'

/** @throws {Error} when the document has no place for the table. */
export function replaceTable(document: string, table: string): string {
  const begin = document.indexOf(TABLE_BEGIN)
  const end = document.indexOf(TABLE_END)
  if (begin === -1 || end < begin) {
    throw new Error(`the document lacks the lines ${TABLE_BEGIN} and ${TABLE_END}`)
  }
  return `${document.slice(0, begin + TABLE_BEGIN.length)}\n\n${table}\n\n${document.slice(end)}`
}
