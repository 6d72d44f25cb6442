/** Recorded calls as people read them: a table, and one in full. */
import { conversationOf, type JsonObject } from '../../trace/conversation.ts'
import type { TraceRecord } from '../../trace/record.ts'
import { isRecord, listOf, textOf } from '../../translate/narrow.ts'
import { amountText, distanceText, durationText } from '../bridge/amounts.ts'
import { type Column, renderTable } from '../layout.ts'
import { formatColumns, type Style } from '../style.ts'
import { toVisible } from '../visible.ts'

/** Of one message; the record has the whole. */
const MAX_SHOWN_CHARS = 2_000

const none = '–'

function paintOutcome({ outcome, complete }: TraceRecord, style: Style): (text: string) => string {
  if (complete) return style.good
  return outcome === null || outcome === 'incomplete' ? style.warning : style.bad
}

const outcomeText = ({ outcome, error }: TraceRecord): string =>
  toVisible(error?.code ?? outcome ?? 'not ended')

function tokensText({ usage }: TraceRecord): string {
  if (usage === null) return none
  const shown = (count: number | null) =>
    count === null ? none : amountText('tokens', count, 'exact')
  return `${shown(usage.input_tokens)} → ${shown(usage.output_tokens)}`
}

const costText = ({ cost_usd }: TraceRecord): string =>
  cost_usd === null ? none : amountText('cost_usd', cost_usd, 'up')

const timeText = (ms: number | null): string => (ms === null ? none : durationText(ms))

function columnsOf(style: Style, nowMs: number): Column<TraceRecord>[] {
  return [
    { title: 'TRACE', minWidth: 14, text: ({ trace_id }) => toVisible(trace_id) },
    { title: 'MODEL', minWidth: 8, text: ({ model }) => toVisible(model) },
    { title: 'ENDED', text: outcomeText, paint: (record) => paintOutcome(record, style) },
    { title: 'TOKENS', align: 'right', goes: 2, text: tokensText },
    { title: 'COST', align: 'right', text: costText },
    { title: 'TOOK', align: 'right', goes: 3, text: ({ total_ms }) => timeText(total_ms) },
    {
      title: 'WHEN',
      goes: 1,
      text: ({ created_at }) => distanceText(created_at, nowMs),
      paint: () => style.faint,
    },
  ]
}

export function renderTraces(
  records: readonly TraceRecord[],
  options: { readonly width: number | undefined; readonly style: Style; readonly nowMs: number },
): string[] {
  const { width, style, nowMs } = options
  return renderTable(columnsOf(style, nowMs), records, width, style.faint)
}

/** For programs: values as the API has them, between tabs, without titles. */
export function renderTraceFields(record: TraceRecord): string {
  const { usage } = record
  const fields = [
    record.trace_id,
    record.created_at,
    record.model,
    record.outcome,
    record.status,
    usage?.input_tokens,
    usage?.output_tokens,
    record.cost_usd,
    record.total_ms,
    record.session_id,
    record.correlation_id,
  ]
  return fields.map((field) => toVisible(String(field ?? ''))).join('\t')
}

export function renderTrace(record: TraceRecord, style: Style): string[] {
  const { error, request, dropped } = record
  const rows: [string, string | null][] = [
    ['trace', record.trace_id],
    ['when', record.created_at],
    ['model', `${record.model} at ${record.upstream}`],
    ['ended', `${outcomeText(record)}${record.status === null ? '' : ` (HTTP ${record.status})`}`],
    ['error', error?.message ?? null],
    ['complete', record.complete ? 'yes' : 'no'],
    ['attempts', String(record.attempts)],
    ['tokens', tokensText(record)],
    ['cost', costText(record)],
    ['first byte', timeText(record.first_byte_ms)],
    ['took', timeText(record.total_ms)],
    ['session', record.session_id],
    ['trial', record.trial_id],
    ['job', record.job_id],
    ['seed', record.seed === null ? null : String(record.seed)],
    ['correlation', record.correlation_id],
    ['changed', request.changes.length === 0 ? null : `${request.changes.length} steps (--json)`],
    ['dropped', dropped.length === 0 ? null : dropped.join(', ')],
  ]
  const shown = rows.flatMap(([name, value]) =>
    value === null ? [] : [[style.faint(name), toVisible(value)]],
  )
  const conversation = conversationOf(record)
  const messages = [...(conversation?.messages ?? []), conversation?.answer].filter(
    (message) => message !== undefined,
  )
  return [
    ...formatColumns(shown).trimEnd().split('\n'),
    ...messages.flatMap((message) => ['', ...renderMessage(message, style)]),
  ]
}

function renderMessage(message: JsonObject, style: Style): string[] {
  const calls = listOf(message['tool_calls'])
    .filter(isRecord)
    .map((call) => {
      const called = call['function'] ?? call['custom']
      if (!isRecord(called)) return ''
      return `${textOf(called['name'])}(${textOf(called['arguments'] ?? called['input'])})`
    })
  const texts = [textOf(message['reasoning_content']), contentText(message['content']), ...calls]
  const body = texts.filter((text) => text !== '').flatMap((text) => clipped(text).split('\n'))
  return [style.strong(toVisible(textOf(message['role']))), ...body.map(toVisible)]
}

function contentText(content: unknown): string {
  if (typeof content === 'string') return content
  return listOf(content)
    .filter(isRecord)
    .map((part) => textOf(part['text']) || `[${textOf(part['type'])}]`)
    .join('\n')
}

function clipped(text: string): string {
  if (text.length <= MAX_SHOWN_CHARS) return text
  return `${text.slice(0, MAX_SHOWN_CHARS).toWellFormed()}… (${text.length - MAX_SHOWN_CHARS} characters more)`
}
