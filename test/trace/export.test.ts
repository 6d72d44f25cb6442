/** One call in each form of export, whichever wire it came on. */
import { describe, expect, test } from 'vitest'
import { changesBetween } from '../../src/trace/diff.ts'
import { type ExportFormat, groupOf } from '../../src/trace/export/format.ts'
import { openAiChatFormat } from '../../src/trace/export/openai-chat.ts'
import { otlpFormat } from '../../src/trace/export/otlp.ts'
import { responsesFormat } from '../../src/trace/export/responses.ts'
import { sessionTraceFormat } from '../../src/trace/export/session-trace.ts'
import type { TraceRecord } from '../../src/trace/record.ts'
import { factsOf } from '../store/trace-contract.ts'

const parameters = { type: 'object', properties: { path: { type: 'string' } } }
const call = {
  id: 'call_1',
  type: 'function',
  function: { name: 'read', arguments: '{"path":"a"}' },
}
const usage = { input_tokens: 7, cached_input_tokens: 2, output_tokens: 3, reasoning_tokens: 1 }

const facts = factsOf({
  trace_id: 'trace_0123456789abcdef0123456789abcdef',
  response_id: 'resp_9',
  session_id: 'sess_1',
  model: 'small',
  outcome: 'completed',
  status: 200,
  attempts: 1,
  complete: true,
  usage,
  cost_usd: '0.000013',
  total_ms: 1500.25,
  first_byte_ms: 100,
})

/** A Responses client at a Chat upstream. */
function translated(changes: Partial<TraceRecord> = {}): TraceRecord {
  const received = {
    model: 'small',
    instructions: 'Be brief.',
    input: [{ role: 'user', content: [{ type: 'input_text', text: 'Read a.' }] }],
    tools: [{ type: 'function', name: 'read', parameters }],
  }
  const sent = {
    model: 'upstreams-own',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Read a.' },
    ],
    tools: [
      { type: 'function', function: { name: 'read', parameters } },
      { type: 'function', function: { name: '__internal_stop', parameters: {} } },
    ],
    temperature: 1,
    max_tokens: 50,
  }
  return {
    ...facts,
    request: { received, changes: changesBetween(received, sent, 0) },
    response: {
      id: 'resp_9',
      object: 'response',
      model: 'small',
      status: 'completed',
      output: [
        { type: 'reasoning', summary: [{ type: 'summary_text', text: 'Hm.' }] },
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'So.' }] },
        { type: 'function_call', call_id: 'call_1', name: 'read', arguments: '{"path":"a"}' },
      ],
    },
    ...changes,
  }
}

/** A Chat client at a Chat upstream. */
function passed(): TraceRecord {
  return {
    ...facts,
    api: 'chat',
    correlation_id: 'trace_r1',
    request: {
      received: {
        model: 'small',
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'Read a.' },
          { role: 'assistant', content: null, tool_calls: [call] },
          { role: 'tool', tool_call_id: 'call_1', content: 'A!' },
        ],
      },
      changes: [],
    },
    response: {
      id: 'c1',
      object: 'chat.completion',
      model: 'small',
      choices: [
        { index: 0, message: { role: 'assistant', content: 'It says A.' }, finish_reason: 'stop' },
      ],
    },
  }
}

/** All of them in one go, as the command writes it. */
function write(format: ExportFormat, ...records: TraceRecord[]): ReturnType<typeof JSON.parse>[] {
  const [first] = records
  if (first === undefined) return []
  const group = groupOf(first)
  const texts = records.flatMap((record) => format.record(record, group) ?? [])
  const text = format.open(group) + texts.join(format.between) + format.close(group)
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
}

describe('openai-chat', () => {
  test('is what the model was told and what it said, without what is the bridge’s own', () => {
    expect(write(openAiChatFormat(), translated())).toEqual([
      {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'Read a.' },
          { role: 'assistant', content: 'So.', tool_calls: [call] },
        ],
        tools: [{ type: 'function', function: { name: 'read', parameters } }],
      },
    ])
    expect(write(openAiChatFormat(), passed())).toMatchObject([
      {
        messages: [
          {},
          {},
          { tool_calls: [call] },
          {},
          { role: 'assistant', content: 'It says A.' },
        ],
      },
    ])
  })

  test.each([
    ['was cut', { complete: false }],
    ['has no answer', { response: null }],
    ['has no content', { request: { received: null, changes: [] } }],
  ])('leaves out a call that %s', (_, changes) => {
    expect(openAiChatFormat().record(translated(changes), groupOf(translated()))).toBeUndefined()
  })

  test('of an upstream that speaks Responses is translated', () => {
    const record = translated({ request: { ...translated().request, changes: [] } })
    expect(write(openAiChatFormat(), record)).toMatchObject([
      {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'Read a.' },
          { role: 'assistant', tool_calls: [call] },
        ],
        tools: [{ function: { name: 'read' } }],
      },
    ])
  })
})

describe('responses', () => {
  test('is the request and the response as they were', () => {
    const record = translated()
    expect(write(responsesFormat(), record)).toEqual([
      {
        trace_id: record.trace_id,
        session_id: 'sess_1',
        correlation_id: null,
        complete: true,
        request: record.request.received,
        response: record.response,
      },
    ])
  })

  test('of a Chat call is what it would have been', () => {
    const [line] = write(responsesFormat(), passed())
    expect(line).toMatchObject({
      request: {
        model: 'small',
        input: [
          { role: 'system' },
          { role: 'user' },
          { type: 'function_call', call_id: 'call_1', name: 'read' },
          { type: 'function_call_output', call_id: 'call_1', output: 'A!' },
        ],
      },
      response: {
        object: 'response',
        status: 'completed',
        output: [{ type: 'message', content: [{ type: 'output_text', text: 'It says A.' }] }],
      },
    })
    expect(write(responsesFormat(), passed())).toEqual([line])
  })
})

describe('v3', () => {
  test('is one session trace for all calls of a rollout', () => {
    const [trace, ...others] = write(sessionTraceFormat(false), passed(), passed())
    expect(others).toEqual([])
    expect(trace).toMatchObject({
      session_id: 'trace_r1',
      created_at: facts.created_at,
      session_time_steps: [],
      markov_blanket_message_history: [],
      metadata: { trace_correlation_id: 'trace_r1' },
      event_history: [
        {
          system_instance_id: 'local',
          time_record: { event_time: 1767225600 },
          model_name: 'small',
          provider: 'local',
          api_format: 'chat',
          input_tokens: 7,
          output_tokens: 3,
          total_tokens: 10,
          cost_usd: 0.000013,
          latency_ms: 1500.25,
          span_id: '0123456789abcdef',
          call_records: [{ output_messages: [{ content: 'It says A.' }], finish_reason: 'stop' }],
        },
        {},
      ],
    })
  })

  test('in the light form is what task apps return', () => {
    expect(write(sessionTraceFormat(true), passed())).toEqual([
      {
        schema_version: '4.0',
        event_history: [
          {
            type: 'lm_call',
            event_type: 'lm_call',
            timestamp: facts.created_at,
            llm_request: {
              model: 'small',
              messages: expect.arrayContaining([{ role: 'user', content: 'Read a.' }]),
            },
            llm_response: {
              message: { role: 'assistant', content: 'It says A.' },
              usage: { input_tokens: 7, output_tokens: 3, total_tokens: 10 },
              finish_reason: 'stop',
            },
            api_format: 'chat',
            correlation_id: 'trace_r1',
          },
        ],
        markov_blanket_message_history: [],
        metadata: {
          session_id: 'trace_r1',
          trace_correlation_id: 'trace_r1',
          correlation_ids: { trace_correlation_id: 'trace_r1' },
        },
      },
    ])
  })
})

describe('otlp', () => {
  const format = otlpFormat({ version: '1.2.3', toTraceId: () => 'f'.repeat(32) })
  const spanOf = (record: TraceRecord) =>
    write(format, record)[0].resourceSpans[0].scopeSpans[0].spans[0]
  const attributes = (record: TraceRecord) =>
    Object.fromEntries(
      spanOf(record).attributes.map(({ key, value }: { key: string; value: object }) => [
        key,
        Object.values(value)[0],
      ]),
    )

  test('is a span by the conventions for generative AI', () => {
    expect(spanOf(translated())).toMatchObject({
      traceId: 'f'.repeat(32),
      spanId: '0123456789abcdef',
      name: 'chat small',
      kind: 3,
      startTimeUnixNano: '1767225600000000000',
      endTimeUnixNano: '1767225601500250000',
      status: { code: 0 },
    })
    const found = attributes(translated())
    expect(found).toMatchObject({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'local',
      'gen_ai.request.model': 'small',
      'gen_ai.request.max_tokens': '50',
      'gen_ai.request.temperature': 1,
      'gen_ai.conversation.id': 'sess_1',
      'gen_ai.usage.input_tokens': '7',
      'gen_ai.usage.output_tokens': '3',
      'gen_ai.response.finish_reasons': { values: [{ stringValue: 'tool_calls' }] },
      'synth.cost_usd': '0.000013',
    })
    expect(JSON.parse(found['gen_ai.output.messages'])).toEqual([
      {
        role: 'assistant',
        parts: [
          { type: 'reasoning', content: 'Hm.' },
          { type: 'text', content: 'So.' },
          { type: 'tool_call', id: 'call_1', name: 'read', arguments: '{"path":"a"}' },
        ],
        finish_reason: 'tool_calls',
      },
    ])
    expect(JSON.parse(attributes(passed())['gen_ai.input.messages']).at(-1)).toEqual({
      role: 'tool',
      parts: [{ type: 'tool_call_response', id: 'call_1', response: 'A!' }],
    })
  })

  test('of a call that failed says so', () => {
    const record = translated({
      outcome: 'failed',
      complete: false,
      error: { code: 'upstream_cut', message: 'Cut.' },
      response: null,
      usage: null,
    })
    expect(spanOf(record).status).toEqual({ code: 2, message: 'Cut.' })
    const found = attributes(record)
    expect(found['error.type']).toBe('upstream_cut')
    expect(found).not.toHaveProperty('gen_ai.output.messages')
  })
})
