/** Sessions as people read them: a table, one in full, and the bars of its limits. */
import {
  amountText,
  countText,
  distanceText,
  labelOf,
  limitLabel,
  shareOf,
  spentText,
} from '../bridge/amounts.ts'
import type { LimitAnswer, SessionAnswer } from '../bridge/api-schemas.ts'
import { type Column, clip, joinPieces, pad, renderBar, renderTable, widthOf } from '../layout.ts'
import type { Style } from '../style.ts'
import { toVisible } from '../visible.ts'

const MAX_BAR = 30
const MIN_BAR = 5
/** From this share on a limit is shown in yellow, where it names no threshold of its own. */
const NEARLY = 0.8

export function paintStatus(status: string, style: Style): (text: string) => string {
  if (status === 'active') return style.good
  return status === 'limit_exceeded' ? style.bad : style.faint
}

function sessionColumns(style: Style, nowMs: number): Column<SessionAnswer>[] {
  return [
    { title: 'SESSION', minWidth: 13, text: ({ session_id }) => toVisible(session_id) },
    {
      title: 'STATUS',
      minWidth: 6,
      text: ({ status }) => toVisible(status),
      paint: ({ status }) => paintStatus(status, style),
    },
    { title: 'SPENT', text: spentText },
    {
      title: 'TOKENS',
      align: 'right',
      goes: 2,
      text: ({ current_usage }) => amountText('tokens', current_usage.tokens, 'exact'),
    },
    {
      title: 'CALLS',
      align: 'right',
      goes: 3,
      text: ({ current_usage }) => amountText('api_calls', current_usage.api_calls, 'exact'),
    },
    {
      title: 'OPENED',
      goes: 1,
      text: ({ created_at }) => distanceText(created_at, nowMs),
      paint: () => style.faint,
    },
  ]
}

export function renderSessions(
  sessions: readonly SessionAnswer[],
  options: { readonly width: number | undefined; readonly style: Style; readonly nowMs: number },
): string[] {
  const { width, style, nowMs } = options
  return renderTable(sessionColumns(style, nowMs), sessions, width, style.faint)
}

/** For programs: values as the API has them, between tabs, without titles. */
export function renderSessionFields(session: SessionAnswer): string {
  const limit = session.limits.find(({ metric_type }) => metric_type === 'cost_usd')
  const { tokens, cost_usd, api_calls } = session.current_usage
  const fields = [
    session.session_id,
    session.status,
    cost_usd,
    limit?.limit_value ?? '',
    tokens,
    api_calls,
    session.created_at,
  ]
  return fields.map((field) => toVisible(String(field))).join('\t')
}

interface LimitLine {
  readonly label: string
  readonly used: number
  readonly held: number
  /** `$12.35 of $20.00`. */
  readonly amounts: string
  readonly percent: string
  /** Empty where nothing is held. */
  readonly heldText: string
  readonly paint: (text: string) => string
}

function toLimitLine(limit: LimitAnswer, session: SessionAnswer, style: Style): LimitLine {
  const { metric_type, limit_value, current_usage } = limit
  const reserved = reservedOf(session, metric_type)
  const used = shareOf(current_usage, limit_value)
  return {
    label: limitLabel(limit),
    used,
    held: shareOf(reserved, limit_value),
    amounts: `${amountText(metric_type, current_usage, 'up')} of ${amountText(metric_type, limit_value, 'exact')}`,
    percent: `${Math.floor(used * 100)}%`,
    heldText: Number(reserved) > 0 ? `  ${amountText(metric_type, reserved, 'up')} held` : '',
    paint: paintLimit(limit, used, style),
  }
}

function reservedOf({ reserved }: SessionAnswer, metric: string): string | number {
  const value = reserved[metric]
  return typeof value === 'string' || typeof value === 'number' ? value : 0
}

function paintLimit(limit: LimitAnswer, used: number, style: Style): (text: string) => string {
  if (limit.exceeded_at !== null || used >= 1) {
    return limit.limit_type === 'soft' ? style.warning : style.bad
  }
  const threshold = limit.warning_threshold ?? NEARLY
  return used >= (threshold > 1 ? threshold / 100 : threshold) ? style.warning : style.good
}

/** A line for each limit: its bar, what of it is used, and what running calls hold. */
export function renderLimits(
  session: SessionAnswer,
  options: { readonly width: number | undefined; readonly style: Style; readonly indent: string },
): string[] {
  const { width, style, indent } = options
  if (session.limits.length === 0) {
    const { cost_usd, tokens } = session.current_usage
    const text = `no limits: ${amountText('cost_usd', cost_usd, 'up')} spent, ${countText(tokens, 'token')}`
    return [indent + style.warning(width === undefined ? text : clip(text, width - indent.length))]
  }
  const lines = session.limits.map((limit) => toLimitLine(limit, session, style))
  const labelWidth = Math.max(...lines.map(({ label }) => widthOf(label)))
  const before = indent.length + labelWidth + 2
  const widest = (text: (line: LimitLine) => string): number =>
    Math.max(...lines.map((line) => widthOf(text(line))))
  const roomFor = (textWidth: number): number =>
    width === undefined ? MAX_BAR : Math.min(MAX_BAR, width - before - 2 - textWidth)
  const used = ({ amounts, percent }: LimitLine): string => `${amounts}  ${percent}`
  const whole = widest((line) => used(line) + line.heldText)
  // Where both do not fit, the bar says what is held.
  const showsHeld = roomFor(whole) >= MIN_BAR
  const barWidth = showsHeld ? roomFor(whole) : roomFor(widest(used))
  return lines.map((line) => {
    const label = pad(line.label, labelWidth)
    if (barWidth < MIN_BAR) {
      const text = `${indent}${label}  ${line.percent}  ${line.amounts}`
      return line.paint(width === undefined ? text : clip(text, width))
    }
    const bar = line.paint(renderBar(barWidth, line.used, line.held))
    const held = showsHeld && line.heldText !== '' ? style.faint(line.heldText) : ''
    return `${indent}${label}  ${bar}  ${used(line)}${held}`
  })
}

/** One session with everything that the bridge says of it. */
export function renderSession(
  session: SessionAnswer,
  options: { readonly width: number | undefined; readonly style: Style; readonly nowMs: number },
): string[] {
  const { style, nowMs, width } = options
  const { tokens, cost_usd, gpu_hours, api_calls } = session.current_usage
  const at = (iso: string): string => `${toVisible(iso)} (${distanceText(iso, nowMs)})`
  const rows: [label: string, text: string | null][] = [
    ['spent', amountText('cost_usd', cost_usd, 'up')],
    [labelOf('tokens'), amountText('tokens', tokens, 'exact')],
    [
      labelOf('gpu_hours'),
      Number(gpu_hours) === 0 ? null : amountText('gpu_hours', gpu_hours, 'up'),
    ],
    [labelOf('api_calls'), amountText('api_calls', api_calls, 'exact')],
    ['opened', at(session.created_at)],
    ['expires', session.expires_at === null ? null : at(session.expires_at)],
    ['ended', session.ended_at === null ? null : at(session.ended_at)],
    ['type', toVisible(session.session_type)],
    ['stopped', session.limit_exceeded_reason && toVisible(session.limit_exceeded_reason)],
  ]
  const shown = rows.flatMap(([label, text]) => (text === null ? [] : [{ label, text }]))
  const labelWidth = Math.max(...shown.map(({ label }) => label.length))
  const cut = (text: string, room: number): string =>
    width === undefined ? text : clip(text, width - room)
  return [
    joinPieces(
      [
        { text: toVisible(session.session_id), paint: style.strong },
        { text: toVisible(session.status), paint: paintStatus(session.status, style) },
      ],
      width,
    ),
    ...renderLimits(session, { width, style, indent: '  ' }),
    ...shown.map(
      ({ label, text }) => `  ${style.faint(pad(label, labelWidth))}  ${cut(text, labelWidth + 4)}`,
    ),
  ]
}
