import { describe, expect, test } from 'vitest'
import { BridgeError } from '../../src/errors.ts'
import type { CallReport } from '../../src/gateway/call-report.ts'
import { encodeSpans, toSpan } from '../../src/telemetry/spans.ts'
import { type CollectedSpan, ExportSchema, valuesOf } from '../support/otlp-collector.ts'
import { reportOf } from './reports.ts'

const OPTIONS = {
  randomHex: (bytes: number) => 'ab'.repeat(bytes),
  redact: (text: string) => text.replaceAll('sk-secret', '***'),
}

/** As a collector reads it. */
function spanOf(changes: Partial<CallReport> = {}): CollectedSpan | undefined {
  const span = toSpan(reportOf(changes), OPTIONS)
  if (span === undefined) return undefined
  const read = ExportSchema.parse(JSON.parse(encodeSpans([span], { 'service.name': 's' }, '1')))
  return read.resourceSpans[0]?.scopeSpans[0]?.spans[0]
}

const attributesOf = (changes?: Partial<CallReport>) => valuesOf(spanOf(changes)?.attributes ?? [])

test('a call is one client span by the conventions for generative AI', () => {
  expect(spanOf()).toMatchObject({
    traceId: 'ab'.repeat(16),
    spanId: 'ab'.repeat(8),
    flags: 1,
    name: 'chat upstream-m',
    kind: 3,
    startTimeUnixNano: '1700000000000000000',
    endTimeUnixNano: '1700000001500000000',
    events: [],
    status: {},
  })
  expect(spanOf()?.parentSpanId).toBeUndefined()
  expect(attributesOf({ maxOutputTokens: 500 })).toEqual({
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'upstream-m',
    'gen_ai.request.stream': true,
    'gen_ai.request.max_tokens': 500n,
    'gen_ai.response.id': 'resp_1',
    'gen_ai.response.time_to_first_chunk': 0.3,
    'gen_ai.usage.input_tokens': 96n,
    'gen_ai.usage.cache_read.input_tokens': 64n,
    'gen_ai.usage.output_tokens': 11n,
    'gen_ai.usage.reasoning.output_tokens': 2n,
    'server.address': 'api.openai.com',
    'server.port': 443n,
    'http.response.status_code': 200n,
    'synth.request_id': 'req_1',
    'synth.session_id': 'sess_1',
    'synth.key': 'local',
    'synth.route': 'responses',
    'synth.model': 'm',
    'synth.upstream': 'local',
    'synth.outcome': 'completed',
    'synth.attempts': 1n,
    'synth.cost_usd': 0.00123,
    'synth.usage_outcome': 'exact',
  })
})

test('a call that never reached an upstream has no usage, and an error', () => {
  const error = new BridgeError('session_cost_limit', 'used up')
  const refused = {
    outcome: 'refused',
    status: 429,
    errorCode: 'session_cost_limit',
    charge: undefined,
    firstTokenMs: undefined,
    error,
  } as const
  expect(spanOf(refused)?.status).toEqual({ code: 2 })
  const attributes = attributesOf(refused)
  expect(attributes).toMatchObject({ 'error.type': 'session_cost_limit' })
  expect(Object.keys(attributes).filter((key) => /usage\.|first_chunk/.test(key))).toEqual([])
})

test('a client that left is no error of the call', () => {
  expect(spanOf({ outcome: 'client_gone', status: null })?.status).toEqual({})
})

test('attempts that failed are events of the one span', () => {
  const failures = [{ atMs: 1_700_000_000_100, errorCode: 'upstream_rate_limit' }] as const
  expect(spanOf({ failures, attempts: 2 })?.events).toEqual([
    {
      timeUnixNano: '1700000000100000000',
      name: 'synth.attempt.failed',
      attributes: [{ key: 'error.type', value: { stringValue: 'upstream_rate_limit' } }],
    },
  ])
})

describe('in the trace of its client', () => {
  const traceParent = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), isSampled: true }

  test('it is a child of the client’s span', () => {
    expect(spanOf({ traceParent })).toMatchObject({
      traceId: traceParent.traceId,
      parentSpanId: traceParent.spanId,
      flags: 0x301,
    })
  })

  test('it is not made where the client does not sample', () => {
    expect(spanOf({ traceParent: { ...traceParent, isSampled: false } })).toBeUndefined()
  })
})

test.each([
  ['https://api.groq.com/openai/v1', 'groq', 'api.groq.com', 443n],
  ['https://eu.api.openai.com/v1', 'openai', 'eu.api.openai.com', 443n],
  ['https://mine.openai.azure.com/v1', 'azure.ai.openai', 'mine.openai.azure.com', 443n],
  ['http://notapi.openai.com.evil.test/v1', 'local', 'notapi.openai.com.evil.test', 80n],
  ['http://127.0.0.1:8000/v1', 'local', '127.0.0.1', 8000n],
  ['http://[::1]:8000/v1', 'local', '::1', 8000n],
])('%s is the provider %s', (upstreamBaseUrl, provider, address, port) => {
  expect(attributesOf({ upstreamBaseUrl })).toMatchObject({
    'gen_ai.provider.name': provider,
    'server.address': address,
    'server.port': port,
  })
})

test('no secret goes out, whoever took one for a name', () => {
  const secret = 'sk-secret'
  const named = { model: secret, upstreamModel: secret, sessionId: secret }
  expect(JSON.stringify(spanOf(named))).not.toContain(secret)
})
