/**
 * Synth's session traces, v3: one line for each rollout or session, with an event for each call; and
 * the light form of the same, which task apps put into their answers.
 */
import { conversationOf } from '../conversation.ts'
import type { TraceRecord } from '../record.ts'
import type { ExportFormat, TraceGroup } from './format.ts'

export function sessionTraceFormat(isLight: boolean): ExportFormat {
  return {
    isGrouped: true,
    record: (record, group) =>
      JSON.stringify(isLight ? toLightEvent(record) : toEvent(record, group)),
    open: (group) => openingOf(isLight ? lightHead() : headOf(group)),
    between: ',',
    close: (group) =>
      `],"markov_blanket_message_history":[],"metadata":${JSON.stringify(metadataOf(group))}}\n`,
  }
}

/** The object as far as its list of events. */
const openingOf = (head: object): string => `${JSON.stringify(head).slice(0, -1)},"event_history":[`

const headOf = ({ id, createdAt }: TraceGroup) => ({
  schema_version: '3.0',
  session_id: id,
  created_at: createdAt,
  session_time_steps: [],
})

const lightHead = () => ({ schema_version: '4.0' })

function metadataOf({ by, id }: TraceGroup) {
  if (by !== 'correlation') return { session_id: id }
  return {
    session_id: id,
    trace_correlation_id: id,
    correlation_ids: { trace_correlation_id: id },
  }
}

const formatOf = ({ api }: TraceRecord): string => (api === 'chat' ? 'chat' : 'responses')

/** Seconds since the epoch. */
const secondsOf = ({ created_at }: TraceRecord): number => Date.parse(created_at) / 1000

function usageOf({ usage }: TraceRecord) {
  const input = usage?.input_tokens ?? null
  const output = usage?.output_tokens ?? null
  return {
    input_tokens: input,
    output_tokens: output,
    total_tokens: input === null || output === null ? null : input + output,
  }
}

function factsOf(record: TraceRecord) {
  const { trace_id, session_id, trial_id, job_id, seed, stage_key, correlation_id } = record
  const { candidate, outcome, status, attempts, complete, dropped, error } = record
  return {
    bridge_trace_id: trace_id,
    bridge_session_id: session_id,
    ...{ trial_id, job_id, seed, stage_key, trace_correlation_id: correlation_id },
    ...{ candidate, outcome, status, attempts, complete, dropped, error },
  }
}

function toEvent(record: TraceRecord, group: TraceGroup) {
  const { input_tokens, output_tokens, total_tokens } = usageOf(record)
  const conversation = conversationOf(record)
  const started = secondsOf(record)
  return {
    event_type: 'cais',
    system_instance_id: record.upstream,
    time_record: { event_time: started, message_time: null },
    metadata: factsOf(record),
    event_metadata: null,
    model_name: record.model,
    provider: record.upstream,
    api_format: formatOf(record),
    input_tokens,
    output_tokens,
    total_tokens,
    // Synth's field is a number.
    cost_usd: record.cost_usd === null ? null : Number(record.cost_usd),
    latency_ms: record.total_ms,
    span_id: record.trace_id.replace(/^trace_/, '').slice(0, 16),
    trace_id: group.id,
    call_records: [
      {
        call_id: record.response_id,
        api_type: record.api === 'chat' ? 'chat_completions' : 'responses',
        provider: record.upstream,
        model_name: record.model,
        started_at: record.created_at,
        latency_ms: record.total_ms,
        input_messages: conversation?.messages ?? [],
        tools: conversation?.tools ?? [],
        output_messages: conversation?.answer === undefined ? [] : [conversation.answer],
        finish_reason: conversation?.finishReason ?? null,
        usage: record.usage,
        response: record.response,
      },
    ],
  }
}

function toLightEvent(record: TraceRecord) {
  const conversation = conversationOf(record)
  return {
    type: 'lm_call',
    event_type: 'lm_call',
    timestamp: record.created_at,
    llm_request: {
      model: record.model,
      messages: conversation?.messages ?? [],
      ...(conversation === undefined || conversation.tools.length === 0
        ? {}
        : { tools: conversation.tools }),
    },
    llm_response: {
      message: conversation?.answer ?? null,
      usage: usageOf(record),
      finish_reason: conversation?.finishReason ?? null,
    },
    api_format: 'chat',
    ...(record.correlation_id === null ? {} : { correlation_id: record.correlation_id }),
  }
}
