/** What `synth doctor` found, for people and as JSON. */
import { formatColumns, type Style } from '../style.ts'
import type { Check, CheckGroup, CheckStatus } from './check.ts'

const WORDS: Readonly<Record<CheckStatus, string>> = {
  ok: 'ok',
  warning: 'warning',
  failed: 'FAILED',
  skipped: 'skipped',
}

function colored(status: CheckStatus, style: Style): string {
  const paint = { ok: style.good, warning: style.warning, failed: style.bad, skipped: style.faint }
  return paint[status](WORDS[status])
}

const tookOf = ({ tookMs }: Check): string =>
  tookMs === undefined ? '' : ` (${Math.round(tookMs)} ms)`

export function formatGroup({ title, checks }: CheckGroup, style: Style): string {
  const rows = checks.map((check) => [
    check.name,
    colored(check.status, style),
    `${check.detail}${style.faint(tookOf(check))}`,
  ])
  const lines = formatColumns(rows, '  ').split('\n')
  const told = checks.flatMap(({ fix }, index) => {
    const line = lines[index] ?? ''
    return fix === undefined ? [line] : [line, `    ${style.strong('->')} ${fix}`]
  })
  return `${style.strong(title)}\n${told.join('\n')}\n\n`
}

const count = (groups: readonly CheckGroup[], wanted: CheckStatus): number =>
  groups.flatMap(({ checks }) => checks).filter(({ status }) => status === wanted).length

export const hasFailed = (groups: readonly CheckGroup[]): boolean => count(groups, 'failed') > 0

export function formatSummary(groups: readonly CheckGroup[], style: Style): string {
  const failed = count(groups, 'failed')
  const warnings = count(groups, 'warning')
  const also = warnings === 0 ? '' : ` ${warnings} warning${warnings === 1 ? '' : 's'}.`
  if (failed === 0) return `${style.good('Everything that is needed works.')}${also}\n`
  return `${style.bad(`${failed} check${failed === 1 ? '' : 's'} failed.`)}${also}\n`
}

export function toReportJson(groups: readonly CheckGroup[]): unknown {
  return {
    ok: !hasFailed(groups),
    checks: groups.flatMap(({ subject, checks }) =>
      checks.map(({ name, status, detail, fix, tookMs }) => ({
        subject,
        name,
        status,
        detail,
        fix: fix ?? null,
        took_ms: tookMs === undefined ? null : Math.round(tookMs),
      })),
    ),
  }
}
