import { describe, expect, test } from 'vitest'
import { BridgeError } from '../../src/errors.ts'
import type { CallReport } from '../../src/gateway/call-report.ts'
import { createRedactor } from '../../src/gateway/redact.ts'
import { toCallLog } from '../../src/telemetry/call-log.ts'
import { reportOf } from './reports.ts'

const redact = createRedactor(['sk-very-secret'])

test('a call in plain values, with its ids', () => {
  expect(toCallLog(reportOf({ clientRequestId: 'mine', durationMs: 1_500.4 }), redact)).toEqual({
    level: 'info',
    request_id: 'req_1',
    client_request_id: 'mine',
    response_id: 'resp_1',
    session_id: 'sess_1',
    key: 'local',
    route: 'responses',
    stream: true,
    model: 'm',
    upstream: 'local',
    outcome: 'completed',
    status: 200,
    attempts: 1,
    duration_ms: 1_500,
    first_token_ms: 300,
    input_tokens: 96,
    cached_input_tokens: 64,
    output_tokens: 11,
    cost_usd: '0.00123',
    error_code: null,
    error: null,
  })
})

test('no secret is in it, whoever put it where', () => {
  const secret = 'sk-very-secret'
  const error = new BridgeError('upstream_auth', `no such key: ${secret}`)
  const log = toCallLog(
    reportOf({
      model: secret,
      clientRequestId: secret,
      sessionId: secret,
      outcome: 'failed',
      error,
    }),
    redact,
  )
  expect(JSON.stringify(log)).not.toContain(secret)
  expect(log.error).toContain('upstream_auth: no such key: ')
})

describe('its level', () => {
  const failed = (code: ConstructorParameters<typeof BridgeError>[0]): Partial<CallReport> => ({
    outcome: 'failed',
    error: new BridgeError(code, 'x'),
  })
  test.each<{ what: string; report: Partial<CallReport>; level: string }>([
    { what: 'that a limit cut', report: { outcome: 'incomplete' }, level: 'info' },
    { what: 'that its client left', report: { outcome: 'client_gone' }, level: 'info' },
    { what: 'of a client’s own fault', report: failed('invalid_prompt'), level: 'warn' },
    {
      what: 'over its limit',
      report: { outcome: 'refused', error: new BridgeError('session_cost_limit', 'x') },
      level: 'warn',
    },
    { what: 'that the upstream failed', report: failed('upstream_cut'), level: 'error' },
    { what: 'that the bridge failed', report: failed('internal_error'), level: 'error' },
  ])('of a call $what is $level', ({ report, level }) => {
    expect(toCallLog(reportOf(report), redact).level).toBe(level)
  })
})
