/**
 * The bridge's status as a page of lines: sessions with bars, running calls, recent calls. Every name in
 * it is a client's or an upstream's, so each is made visible before it is measured.
 */
import { amountText, countText, distanceText, durationText, shortId } from '../bridge/amounts.ts'
import type { ActiveCall, RecentCall, SessionAnswer, StatusAnswer } from '../bridge/api-schemas.ts'
import { type Column, clip, joinPieces, renderTable } from '../layout.ts'
import { paintStatus, renderLimits } from '../session/render.ts'
import type { Style } from '../style.ts'
import { toVisible } from '../visible.ts'

export interface StatusView {
  /** Undefined where nobody looks at a terminal: then nothing is cut. */
  readonly width: number | undefined
  /** Lines there is room for; undefined: as many as there are. */
  readonly height: number | undefined
  readonly style: Style
  readonly nowMs: number
  /** Of the bridge. */
  readonly url: string
  /** Further bridges of the same configuration: they have running calls of their own. */
  readonly others: readonly string[]
  /** Why these figures are not of now; undefined while the bridge answers. */
  readonly fault: string | undefined
}

export function renderStatus(status: StatusAnswer, view: StatusView): string[] {
  const { style } = view
  const title = (text: string, count: number): string =>
    style.strong(text) + (count === 0 ? '' : style.faint(` ${count}`))
  const sections: Section[] = [
    {
      title: title('Sessions', status.sessions.length),
      lines: status.sessions.flatMap((session) => renderOneSession(session, view)),
      none: 'none is open',
    },
    {
      title: title('Running', status.active_calls.length),
      lines: renderActive(status.active_calls, view),
      none: 'no call',
    },
    {
      title: title('Recent', status.recent_calls.length),
      lines: renderRecent(status.recent_calls, view),
      none: 'no call yet',
    },
  ]
  const head = renderHead(status, view)
  return [...head, ...fitSections(sections, view, head.length)]
}

const plain = (text: string): string => text

const cutTo = ({ width }: StatusView, text: string): string =>
  width === undefined ? text : clip(text, width)

function renderHead({ bridge }: StatusAnswer, view: StatusView): string[] {
  const { style, url, others, fault } = view
  const upstreams = bridge.upstreams.map(toVisible).join(', ')
  const isWell = bridge.status === 'ok'
  const rest = [
    isWell ? undefined : toVisible(bridge.status),
    `up ${durationText(bridge.uptime_seconds * 1000)}`,
    url,
    others.length === 0 ? undefined : `also running: ${others.join(', ')}`,
    upstreams === '' ? undefined : `upstreams: ${upstreams}`,
  ].filter((part) => part !== undefined)
  const line = cutTo(view, `synth ${toVisible(bridge.version)}  ${rest.join('  ')}`)
  const shown = isWell && fault === undefined ? line : style.warning(line)
  return fault === undefined ? [shown] : [shown, style.bad(cutTo(view, toVisible(fault)))]
}

function renderOneSession(session: SessionAnswer, view: StatusView): string[] {
  const { style, width, nowMs } = view
  const id = width === undefined ? toVisible(session.session_id) : shortId(session.session_id)
  const status = toVisible(session.status)
  const facts = [
    countText(session.current_usage.api_calls, 'call'),
    session.expires_at === null ? '' : `expires ${distanceText(session.expires_at, nowMs)}`,
  ]
  const head = [
    { text: id, paint: plain },
    { text: status, paint: paintStatus(session.status, style) },
    ...facts.map((text) => ({ text, paint: style.faint })),
  ]
  return [joinPieces(head, width), ...renderLimits(session, { width, style, indent: '  ' })]
}

const model = ({ model: name }: { model: string }): string => toVisible(name)
const session = ({ session_id }: { session_id: string | null }): string =>
  session_id === null ? '-' : shortId(session_id)

const WAITS: Readonly<Record<string, string>> = {
  admission: 'admission',
  upstream: 'waiting',
  answer: 'answering',
}

function renderActive(calls: readonly ActiveCall[], view: StatusView): string[] {
  if (calls.length === 0) return []
  const { style } = view
  const columns: Column<ActiveCall>[] = [
    { title: 'MODEL', minWidth: 16, text: model },
    {
      title: 'STATE',
      text: ({ waits_for }) => WAITS[waits_for] ?? toVisible(waits_for),
      paint: ({ waits_for }) => (waits_for === 'answer' ? style.good : style.warning),
    },
    { title: 'AGE', align: 'right', text: ({ age_ms }) => durationText(age_ms) },
    {
      title: '~TOKENS',
      align: 'right',
      goes: 1,
      text: ({ output_tokens_estimate }) => amountText('tokens', output_tokens_estimate, 'exact'),
    },
    {
      title: '~TOK/S',
      align: 'right',
      text: ({ tokens_per_second }) =>
        tokens_per_second === null ? '-' : String(Math.round(tokens_per_second)),
    },
    { title: 'SESSION', goes: 2, text: session },
    { title: 'UPSTREAM', goes: 3, minWidth: 8, text: ({ upstream }) => toVisible(upstream) },
    requestColumn(style),
  ]
  return renderTable(columns, calls, view.width, style.faint)
}

function requestColumn<Row extends { request_id: string }>(style: Style): Column<Row> {
  return {
    title: 'REQUEST',
    goes: 9,
    text: ({ request_id }) => toVisible(request_id),
    paint: () => style.faint,
  }
}

function outcomeOf({ outcome, error_code }: RecentCall): string {
  const word = outcome.replaceAll('_', ' ')
  return toVisible(error_code === null ? word : `${word}: ${error_code}`)
}

function paintOutcome(outcome: string, style: Style): (text: string) => string {
  if (outcome === 'completed') return style.good
  return outcome === 'failed' || outcome === 'refused' ? style.bad : style.warning
}

function tokensOf({ input_tokens, output_tokens }: RecentCall): string {
  if (input_tokens === null && output_tokens === null) return '-'
  const text = (count: number | null): string =>
    count === null ? '?' : amountText('tokens', count, 'exact')
  return `${text(input_tokens)} → ${text(output_tokens)}`
}

function renderRecent(calls: readonly RecentCall[], view: StatusView): string[] {
  if (calls.length === 0) return []
  const { style, nowMs } = view
  const columns: Column<RecentCall>[] = [
    {
      title: 'ENDED',
      goes: 5,
      text: ({ ended_at }) => distanceText(ended_at, nowMs),
      paint: () => style.faint,
    },
    { title: 'MODEL', minWidth: 16, text: model },
    {
      title: 'OUTCOME',
      minWidth: 20,
      text: outcomeOf,
      paint: ({ outcome }) => paintOutcome(outcome, style),
    },
    {
      title: 'HTTP',
      goes: 6,
      text: ({ status }) => (status === null ? '-' : String(status)),
    },
    { title: 'TOKENS', align: 'right', goes: 2, text: tokensOf },
    {
      title: 'COST',
      align: 'right',
      text: ({ cost_usd }) => amountText('cost_usd', cost_usd, 'up'),
    },
    {
      title: 'TOOK',
      align: 'right',
      goes: 1,
      text: ({ duration_ms }) => durationText(duration_ms),
    },
    { title: 'SESSION', goes: 7, text: session },
    { title: 'UPSTREAM', goes: 8, minWidth: 8, text: ({ upstream }) => toVisible(upstream) },
    requestColumn(style),
  ]
  return renderTable(columns, calls, view.width, style.faint)
}

interface Section {
  readonly title: string
  readonly lines: readonly string[]
  /** Said where there are no lines. */
  readonly none: string
}

/** Below these a section is not cut while another one still can be. */
const LEAST_LINES = 4

/** The sections below each other, cut to the height: recent calls first, sessions last. */
function fitSections(sections: readonly Section[], view: StatusView, headLines: number): string[] {
  const bodies = sections.map(({ lines, none }) =>
    lines.length === 0 ? [view.style.faint(cutTo(view, none))] : [...lines],
  )
  // A blank line and a title before each.
  const used = (): number => headLines + bodies.reduce((sum, lines) => sum + lines.length + 2, 0)
  for (const least of [LEAST_LINES, 1]) {
    for (const [index, lines] of [...bodies.entries()].toReversed()) {
      const excess = view.height === undefined ? 0 : used() - view.height
      if (excess > 0) bodies[index] = cutLines(lines, Math.max(least, lines.length - excess), view)
    }
  }
  const all = sections.flatMap(({ title }, index) => ['', title, ...(bodies[index] ?? [])])
  return view.height === undefined ? all : all.slice(0, Math.max(0, view.height - headLines))
}

function cutLines(lines: string[], count: number, view: StatusView): string[] {
  if (lines.length <= count) return lines
  const kept = lines.slice(0, Math.max(0, count - 1))
  return [...kept, view.style.faint(cutTo(view, `… ${lines.length - kept.length} more lines`))]
}
