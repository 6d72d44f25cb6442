/** The log of `synth serve`: for a person on a terminal, for a collector elsewhere. */
import { describe, expect, test } from 'vitest'
import { createLog } from '../../src/cli/log.ts'
import type { BridgeEvent } from '../../src/compose.ts'
import { BridgeError } from '../../src/errors.ts'
import { toCallLog } from '../../src/telemetry/call-log.ts'
import { reportOf } from '../telemetry/reports.ts'

const asIs = (text: string): string => text
const EVENT: BridgeEvent = {
  level: 'warn',
  requestId: 'req_1',
  message: 'refused',
  error: new BridgeError('forbidden', 'no'),
}

async function open(format: 'auto' | 'text' | 'json', stderrIsTerminal: boolean) {
  const lines: string[] = []
  const log = await createLog(format, {
    stderrIsTerminal,
    stderr: (text) => {
      lines.push(text)
    },
  })
  return { log, lines }
}

test.each([
  { format: 'auto', stderrIsTerminal: true, isText: true },
  { format: 'auto', stderrIsTerminal: false, isText: false },
  { format: 'text', stderrIsTerminal: false, isText: true },
  { format: 'json', stderrIsTerminal: true, isText: false },
] as const)('$format, on a terminal: $stderrIsTerminal', async (row) => {
  const { log, lines } = await open(row.format, row.stderrIsTerminal)
  log.event(EVENT)
  expect(lines).toHaveLength(1)
  expect(lines[0] === 'warn req_1 refused\n').toBe(row.isText)
})

describe('in JSON', () => {
  const read = (line: string | undefined): Record<string, unknown> => JSON.parse(line ?? '')

  test('an event is an object with its level, time, request and code', async () => {
    const { log, lines } = await open('json', false)
    log.event(EVENT)
    log.event({ level: 'error', requestId: undefined, message: 'full' })
    log.say('warn', 'beware')
    expect(lines.map(read)).toEqual([
      {
        level: 'warn',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        request_id: 'req_1',
        error_code: 'forbidden',
        message: 'refused',
      },
      { level: 'error', time: expect.any(String), message: 'full' },
      { level: 'warn', time: expect.any(String), message: 'beware' },
    ])
  })

  test('a call is one line with all its values', async () => {
    const { log, lines } = await open('json', false)
    const { level, ...values } = toCallLog(reportOf(), asIs)
    log.call({ level, ...values })
    expect(lines.map(read)).toEqual([
      { level: 'info', time: expect.any(String), message: 'call completed', ...values },
    ])
  })

  test('nothing that a client names breaks a line or turns it around', async () => {
    const { log, lines } = await open('json', false)
    const model = 'a\n{"level":"error"}\r\u0085\u2028\u202e\u001b[2Jb'
    log.call(toCallLog(reportOf({ model }), asIs))
    expect(lines).toHaveLength(1)
    expect(lines[0]?.trimEnd()).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_C}]/u)
    expect(read(lines[0])['model']).toBe(model)
  })
})

describe('in text', () => {
  test.each([
    {
      name: 'completed',
      report: {},
      line: 'info req_1 responses m on local, completed (200), 1.5 s, 96 (64 cached) + 11 tokens, $0.00123\n',
    },
    {
      name: 'failed after retries',
      report: {
        outcome: 'failed',
        status: 502,
        attempts: 3,
        charged: { tokens: 0n, cost_usd: 0n, gpu_hours: 0n, api_calls: 0n },
        usage: { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0 },
        error: new BridgeError('upstream_unreachable', 'refused\nthe connection'),
      },
      line: 'error req_1 responses m on local, failed (502), 1.5 s, 3 attempts; upstream_unreachable: refused\\nthe connection\n',
    },
    {
      name: 'left by its client',
      report: { outcome: 'client_gone', status: null, model: 'a\u001b[2J' },
      line: 'info req_1 responses a\\u001b[2J on local, client gone, 1.5 s, 96 (64 cached) + 11 tokens, $0.00123\n',
    },
  ] as const)('a call that is $name is one line', async ({ report, line }) => {
    const { log, lines } = await open('text', true)
    log.call(toCallLog(reportOf(report), asIs))
    expect(lines).toEqual([line])
  })

  test('what is said before it serves has no level but a warning’s', async () => {
    const { log, lines } = await open('text', true)
    log.say('warn', 'beware')
    log.say('info', 'upstream local, found')
    expect(lines).toEqual(['warning: beware\n', 'upstream local, found\n'])
  })
})
