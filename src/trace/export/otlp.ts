/**
 * OpenTelemetry spans by the conventions for generative AI: OTLP's JSON, a request for each line, as
 * collectors read and post it.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
 * @see https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/
 */
import { isRecord, listOf, textOf } from '../../translate/narrow.ts'
import {
  type Conversation,
  conversationOf,
  type JsonObject,
  sentRequestOf,
} from '../conversation.ts'
import type { TraceRecord } from '../record.ts'
import { type ExportFormat, groupOf, lines } from './format.ts'

const KIND_CLIENT = 3
const STATUS_UNSET = 0
const STATUS_ERROR = 2

type Attribute = { readonly key: string; readonly value: JsonObject }

export interface OtlpOptions {
  readonly version: string
  /** 32 hexadecimal digits that stand for a text. */
  readonly toTraceId: (text: string) => string
}

export function otlpFormat({ version, toTraceId }: OtlpOptions): ExportFormat {
  return lines((record) => ({
    resourceSpans: [
      {
        resource: { attributes: attributesOf({ 'service.name': 'synth-bridge' }) },
        scopeSpans: [
          {
            scope: { name: 'synth-bridge', version },
            spans: [toSpan(record, toTraceId(groupOf(record).id))],
          },
        ],
      },
    ],
  }))
}

function toSpan(record: TraceRecord, traceId: string) {
  const { model, error, outcome, created_at, total_ms } = record
  const startNs = BigInt(Date.parse(created_at)) * 1_000_000n
  const endNs = startNs + BigInt(Math.round((total_ms ?? 0) * 1_000_000))
  return {
    traceId,
    spanId: record.trace_id.replace(/^trace_/, '').slice(0, 16),
    name: `chat ${model}`,
    kind: KIND_CLIENT,
    startTimeUnixNano: startNs.toString(),
    endTimeUnixNano: endNs.toString(),
    attributes: attributesOf({
      ...requestAttributes(record),
      ...answerAttributes(record),
      ...synthAttributes(record),
      'error.type': error?.code ?? (outcome === 'client_gone' ? 'client_gone' : null),
    }),
    status:
      error === null
        ? { code: STATUS_UNSET }
        : { code: STATUS_ERROR, message: error.message ?? error.code },
  }
}

function requestAttributes(record: TraceRecord): Record<string, unknown> {
  const sent = sentRequestOf(record) ?? {}
  const first = (...names: string[]) => names.map((name) => sent[name]).find(isNumber)
  return {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': record.upstream,
    'gen_ai.conversation.id': record.session_id,
    'gen_ai.request.model': record.model,
    'gen_ai.request.max_tokens': first('max_output_tokens', 'max_completion_tokens', 'max_tokens'),
    'gen_ai.request.temperature': double(first('temperature')),
    'gen_ai.request.top_p': double(first('top_p')),
  }
}

function answerAttributes(record: TraceRecord): Record<string, unknown> {
  const { usage, response } = record
  const conversation = conversationOf(record)
  const reason = conversation?.finishReason ?? null
  return {
    'gen_ai.response.id': record.response_id,
    'gen_ai.response.model': isRecord(response) ? textOf(response['model']) || null : null,
    'gen_ai.response.finish_reasons': reason === null ? null : [reason],
    'gen_ai.usage.input_tokens': usage?.input_tokens,
    'gen_ai.usage.output_tokens': usage?.output_tokens,
    'gen_ai.usage.cache_read.input_tokens': usage?.cached_input_tokens,
    ...(conversation === undefined ? {} : contentAttributes(conversation)),
  }
}

function contentAttributes(conversation: Conversation): Record<string, unknown> {
  const { messages, answer, tools, finishReason } = conversation
  return {
    'gen_ai.input.messages': JSON.stringify(messages.map(toMessage)),
    'gen_ai.output.messages':
      answer === undefined
        ? null
        : JSON.stringify([{ ...toMessage(answer), finish_reason: finishReason ?? 'error' }]),
    'gen_ai.tool.definitions': tools.length === 0 ? null : JSON.stringify(tools),
  }
}

function synthAttributes(record: TraceRecord): Record<string, unknown> {
  const { trial_id, job_id, seed, correlation_id, attempts, complete, cost_usd, status } = record
  return {
    'http.response.status_code': status,
    'synth.trace_id': record.trace_id,
    'synth.trial_id': trial_id,
    'synth.job_id': job_id,
    'synth.seed': seed,
    'synth.correlation_id': correlation_id,
    'synth.attempts': attempts,
    'synth.complete': complete,
    // A decimal: a double would round it.
    'synth.cost_usd': cost_usd,
    'synth.first_byte_ms': double(record.first_byte_ms),
  }
}

/** A message as the conventions want it: parts, each of its kind. */
function toMessage(message: JsonObject): JsonObject {
  const { role, content, tool_call_id: callId } = message
  if (role === 'tool') {
    return { role, parts: [{ type: 'tool_call_response', id: callId, response: content }] }
  }
  const parts: JsonObject[] = []
  const reasoning = textOf(message['reasoning_content'])
  if (reasoning !== '') parts.push({ type: 'reasoning', content: reasoning })
  if (typeof content === 'string') parts.push({ type: 'text', content })
  for (const part of listOf(content).filter(isRecord)) {
    const { type, text } = part
    parts.push(typeof text === 'string' ? { type: 'text', content: text } : { ...part, type })
  }
  for (const call of listOf(message['tool_calls']).filter(isRecord)) {
    const called = call['function'] ?? call['custom']
    if (!isRecord(called)) continue
    const args = called['arguments'] ?? called['input']
    parts.push({ type: 'tool_call', id: call['id'], name: called['name'], arguments: args })
  }
  return { role, parts }
}

const isNumber = (value: unknown): value is number => typeof value === 'number'

/** A number that is a fraction by its nature, whole or not. */
interface Double {
  readonly double: number
}

const double = (value: number | null | undefined): Double | null =>
  value === null || value === undefined ? null : { double: value }

/** What is null or undefined has no attribute. */
function attributesOf(values: Readonly<Record<string, unknown>>): Attribute[] {
  return Object.entries(values).flatMap(([key, value]) => {
    const typed = toValue(value)
    return typed === undefined ? [] : [{ key, value: typed }]
  })
}

/** 64-bit integers are strings in OTLP's JSON. */
function toValue(value: unknown): JsonObject | undefined {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value === 'number')
    return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }
  if (Array.isArray(value)) return { arrayValue: { values: value.map(toValue) } }
  if (isRecord(value) && isNumber(value['double'])) return { doubleValue: value['double'] }
  return undefined
}
