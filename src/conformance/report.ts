/** What a run found, as lines for a terminal, as Markdown and as JSON. */
import { CELLS, type Cell } from './cells.ts'
import { CONTENTS } from './contents.ts'
import { ENDINGS, type Ending } from './endings.ts'
import { describeExpectation } from './expectation.ts'
import { type Finding, RULES } from './rules.ts'
import type { CellResult } from './run.ts'

export interface RunReport {
  /** Where the bridge is, or what it is. */
  readonly bridge: string
  /** How many cells were to be tried; fewer results mean that the run was stopped. */
  readonly wanted: number
  readonly results: readonly CellResult[]
}

/** Colours for a terminal; each may return the text as it is. */
export interface Paint {
  strong(text: string): string
  faint(text: string): string
  good(text: string): string
  bad(text: string): string
  warning(text: string): string
}

export const hasPassed = ({ results, wanted }: RunReport): boolean =>
  results.length === wanted && results.every(({ failures }) => failures.length === 0)

type Mark = '✓' | '✗' | '·'

function markOf(results: readonly CellResult[], name: string): Mark {
  const result = results.find(({ cell }) => cell.name === name)
  if (result === undefined) return '·'
  return result.failures.length === 0 ? '✓' : '✗'
}

/** A row of the matrix; undefined where nothing of it was tried. */
function marksOf(results: readonly CellResult[], ending: Ending): Mark[][] | undefined {
  const marks = CONTENTS.map((content) =>
    ['stream', 'whole'].map((mode) => markOf(results, `${ending.name}/${content.name}/${mode}`)),
  )
  return marks.flat().every((mark) => mark === '·') ? undefined : marks
}

function tally({ results, wanted }: RunReport): string {
  const failed = results.filter(({ failures }) => failures.length > 0).length
  const warned = results.filter(({ warnings }) => warnings.length > 0).length
  const stopped = results.length < wanted ? `, ${wanted - results.length} not tried` : ''
  const told = warned === 0 ? '' : `, ${warned} with warnings`
  return `${results.length - failed} passed, ${failed} failed${stopped}${told}`
}

export function formatReport(report: RunReport, paint: Paint): string {
  const { results } = report
  const width = Math.max(...ENDINGS.map(({ name }) => name.length))
  const columns = CONTENTS.map(({ name }) => Math.max(name.length, 3))
  const paintMark = { '✓': paint.good, '✗': paint.bad, '·': paint.faint }
  const head = CONTENTS.map(({ name }, index) => name.padEnd(columns[index] ?? 0)).join('  ')
  const rows = ENDINGS.flatMap((ending) => {
    const marks = marksOf(results, ending)
    if (marks === undefined) return []
    const cells = marks.map((pair, index) => {
      const padding = ' '.repeat((columns[index] ?? 0) - 3)
      return pair.map((mark) => paintMark[mark](mark)).join(' ') + padding
    })
    return [`${ending.name.padEnd(width)}  ${cells.join('  ')}`.trimEnd()]
  })
  const table = [
    paint.strong(`${''.padEnd(width)}  ${head}`.trimEnd()),
    ...rows,
    paint.faint(`${''.padEnd(width)}  each: streamed, whole; · not tried`),
  ]
  const ending = hasPassed(report) ? paint.good(tally(report)) : paint.bad(tally(report))
  return `${[...table, '', ...describeFailures(results, paint), ...describeWarnings(results, paint), ending].join('\n')}\n`
}

function describeFailures(results: readonly CellResult[], paint: Paint): string[] {
  return results.flatMap(({ cell, failures }) => {
    if (failures.length === 0) return []
    const { ending, content } = cell
    const expected = describeExpectation(ending.expect(content))
    return [
      `${paint.bad('✗')} ${paint.strong(cell.name)}  ${ending.title}; expected: ${expected}`,
      ...failures.map((finding) => `    ${describeFinding(finding)}`),
      `    ${paint.faint(`${ending.why} ${ending.see}`)}`,
      '',
    ]
  })
}

/** One line a rule: the same warning usually comes with every cell. */
function describeWarnings(results: readonly CellResult[], paint: Paint): string[] {
  const byRule = new Map<Finding['rule'], { cells: string[]; message: string }>()
  for (const { cell, warnings } of results) {
    for (const { rule, message } of warnings) {
      const known = byRule.get(rule) ?? { cells: [], message }
      if (!known.cells.includes(cell.name)) known.cells.push(cell.name)
      byRule.set(rule, known)
    }
  }
  const lines = [...byRule].map(([rule, { cells, message }]) => {
    const more = cells.length > 1 ? ` and ${cells.length - 1} more` : ''
    return `${paint.warning('!')} ${describeFinding({ rule, message })} (${cells[0]}${more})`
  })
  return lines.length === 0 ? [] : [...lines, '']
}

const describeFinding = ({ rule, message }: Finding): string =>
  `${rule} (${RULES[rule].says}): ${message}`

export function formatMarkdown(report: RunReport): string {
  const { results } = report
  const rows = ENDINGS.flatMap((ending) => {
    const marks = marksOf(results, ending)
    if (marks === undefined) return []
    const cells = marks.flat().map((mark) => (mark === '·' ? '' : mark))
    return [`| \`${ending.name}\` | ${cells.join(' | ')} |`]
  })
  const columns = CONTENTS.flatMap(({ name }) => [`${name}, streamed`, `${name}, whole`])
  const failed = results.filter(({ failures }) => failures.length > 0)
  const lines = [
    '# Conformance',
    '',
    `${report.bridge}: ${tally(report)}.`,
    '',
    `| ending | ${columns.join(' | ')} |`,
    `| --- |${' --- |'.repeat(columns.length)}`,
    ...rows,
    ...section('Failed', failed, ({ failures }) => failures),
    ...section(
      'Warnings',
      results.filter(({ warnings }) => warnings.length > 0),
      ({ warnings }) => warnings,
    ),
  ]
  return `${lines.join('\n')}\n`
}

function section(
  title: string,
  results: readonly CellResult[],
  findingsOf: (result: CellResult) => readonly Finding[],
): string[] {
  if (results.length === 0) return []
  const entries = results.flatMap((result) => {
    const { ending, content, name } = result.cell
    const expected = describeExpectation(ending.expect(content))
    return [
      '',
      `\`${name}\`: ${ending.title}; expected: ${expected}. [Why](${ending.see}): ${ending.why}`,
      '',
      ...findingsOf(result).map(
        ({ rule, message }) => `- \`${rule}\`: ${RULES[rule].says}. ${escaped(message)}`,
      ),
    ]
  })
  return ['', `## ${title}`, ...entries]
}

/** What a bridge sent is shown as code: it must not become Markdown of its own. */
const escaped = (message: string): string => `\`\` ${message.replaceAll('`', 'ˋ')} \`\``

export function toReportJson(report: RunReport): unknown {
  return {
    ok: hasPassed(report),
    bridge: report.bridge,
    passed: report.results.filter(({ failures }) => failures.length === 0).length,
    failed: report.results.filter(({ failures }) => failures.length > 0).length,
    not_tried: report.wanted - report.results.length,
    cells: report.results.map(({ cell, failures, warnings, tookMs }) => ({
      ...toCellJson(cell),
      ok: failures.length === 0,
      failures,
      warnings,
      took_ms: tookMs,
    })),
  }
}

function toCellJson({ name, ending, content, mode }: Cell) {
  return {
    name,
    ending: ending.name,
    content: content.name,
    mode,
    expected: describeExpectation(ending.expect(content)),
  }
}

export const toListJson = (cells: readonly Cell[]): unknown => cells.map(toCellJson)

export function formatList(cells: readonly Cell[], paint: Paint): string {
  const width = Math.max(...CELLS.map(({ name }) => name.length))
  return ENDINGS.flatMap((ending) => {
    const own = cells.filter((cell) => cell.ending === ending)
    if (own.length === 0) return []
    return [
      `${paint.strong(ending.name)}  ${ending.title}`,
      `  ${paint.faint(ending.why)}`,
      ...own.map(
        ({ name, content }) =>
          `  ${name.padEnd(width)}  ${describeExpectation(ending.expect(content))}`,
      ),
      '',
    ]
  }).join('\n')
}
