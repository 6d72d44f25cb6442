import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_AMOUNT, METRICS } from '../../src/budget/metric.ts'
import { describeRefusal, MAX_MESSAGE_CHARS, type RefusalFacts } from '../../src/budget/refusal.ts'
import { errorCodes } from '../../src/errors.ts'
import { toRefusal } from '../../src/gateway/budget-refusal.ts'
import { toErrorAnswer } from '../../src/gateway/error-answer.ts'

const refusal = (given: Partial<RefusalFacts>): RefusalFacts => ({
  scope: 'session',
  metric: 'cost_usd',
  limit: 20_000_000_000n,
  spent: 19_980_000_000n,
  reserved: 0n,
  requested: 50_000_000n,
  cause: 'used_up',
  ...given,
})

describe('a refusal', () => {
  test.each<{ name: string; given: Partial<RefusalFacts>; message: string; advice: string }>([
    {
      name: 'of dollars',
      given: {},
      message: 'Session budget of $20.00 is used up ($19.98 spent).',
      advice: 'Start a new session with a new budget',
    },
    {
      name: 'of fractions of a cent rounds up what is spent',
      given: { limit: 5_000_000n, spent: 4_990_001n },
      message: 'Session budget of $0.005 is used up ($0.005 spent).',
      advice: 'Start a new session with a new budget',
    },
    {
      name: 'of a key',
      given: { scope: 'key' },
      message: 'Key budget of $20.00 is used up ($19.98 spent).',
      advice: 'Use another key',
    },
    {
      name: 'of tokens',
      given: { metric: 'tokens', limit: 500n, spent: 500n },
      message: 'Session budget of 500 tokens is used up (500 tokens spent).',
      advice: 'Start a new session with a new budget',
    },
    {
      name: 'of GPU hours, to 3.6 seconds',
      given: { metric: 'gpu_hours', limit: 5_400_000n, spent: 5_399_999n },
      message: 'Session budget of 1.5 GPU hours is used up (1.5 GPU hours spent).',
      advice: 'Start a new session with a new budget',
    },
    {
      name: 'of calls',
      given: { metric: 'api_calls', limit: 100n, spent: 100n },
      message: 'Session budget of 100 calls is used up (100 calls spent).',
      advice: 'Start a new session with a new budget',
    },
    {
      name: 'that others cause says so',
      given: { spent: 12_000_000_000n, reserved: 7_990_000_000n, cause: 'held_by_others' },
      message: 'Session budget of $20.00 is held by running calls ($12.00 spent, $7.99 held).',
      advice: 'Try again when they have ended',
    },
    {
      name: 'that others cause in odd fractions of an hour stays short',
      given: {
        metric: 'gpu_hours',
        limit: 5_400_000n,
        spent: 444_444n,
        reserved: 60_000n,
        cause: 'held_by_others',
      },
      message:
        'Session budget of 1.5 GPU hours is held by running calls (0.124 GPU hours spent, 0.017 GPU hours held).',
      advice: 'Try again when they have ended',
    },
    {
      name: 'of a call too large for its budget does not say that it is used up',
      given: { limit: 50_000_000n, spent: 1_000_000n, requested: 520_000_000n },
      message: 'Session budget of $0.05 cannot cover this call ($0.001 spent, it needs $0.52).',
      advice: 'Start a new session with a new budget',
    },
    {
      name: 'in large figures leaves out the smaller ones',
      given: {
        metric: 'gpu_hours',
        limit: MAX_AMOUNT,
        spent: MAX_AMOUNT,
        reserved: MAX_AMOUNT,
        cause: 'held_by_others',
      },
      message: 'Session budget of 1281023894007.607751111 GPU hours is held by running calls.',
      advice: 'Try again when they have ended',
    },
  ])('$name', ({ given, message, advice }) => {
    expect(describeRefusal(refusal(given))).toEqual({ message, advice })
  })

  const amount = fc.oneof(
    fc.bigInt(0n, 10n ** 12n),
    fc.bigInt(0n, MAX_AMOUNT),
    fc.bigInt(0n, 10n ** 200n),
  )
  const any = fc.record<RefusalFacts>({
    scope: fc.constantFrom('session', 'key'),
    metric: fc.constantFrom(...METRICS),
    limit: amount,
    spent: amount,
    reserved: amount,
    requested: amount,
    cause: fc.constantFrom('used_up', 'held_by_others'),
  })
  const codes = Object.entries(errorCodes).filter(([, { type }]) => type === 'usage_limit_reached')

  test('is a body below 200 bytes, whatever the amounts and the code', () => {
    expect(codes.length).toBeGreaterThanOrEqual(5)
    fc.assert(
      fc.property(any, fc.constantFrom(...codes), (facts, [code, { type }]) => {
        const { message } = describeRefusal(facts)
        expect(message.length).toBeLessThanOrEqual(MAX_MESSAGE_CHARS)
        const body = JSON.stringify({ error: { type, code, message } })
        expect(Buffer.byteLength(body)).toBeLessThan(200)
      }),
    )
  })

  test.each([
    { client: 'codex' as const, status: 429 },
    { client: 'other' as const, status: 429 },
    { client: 'opencode' as const, status: 403 },
  ])('reaches $client as $status, in as few bytes, and stops it', ({ client, status }) => {
    fc.assert(
      fc.property(any, (facts) => {
        const ids = { accountId: 'sess_1', limitId: 'l', limitType: 'hard' as const }
        const answer = toErrorAnswer(toRefusal({ ...ids, ...facts }, client, {}), client)
        const { message, advice } = describeRefusal(facts)
        expect(answer.status).toBe(status)
        expect(Buffer.byteLength(answer.body)).toBeLessThan(200)
        expect(answer.headers).toMatchObject({
          'x-should-retry': 'false',
          'x-codex-promo-message': `${message} ${advice}`,
        })
        expect(Object.keys(answer.headers)).not.toContain('retry-after')
      }),
    )
  })

  test('is printable ASCII that a header can carry, and no advice ends in a full stop', () => {
    fc.assert(
      fc.property(any, (facts) => {
        const { message, advice } = describeRefusal(facts)
        expect(`${message} ${advice}`).toMatch(/^[\x20-\x7e]+\.[\x20-\x7e]+[^.]$/)
      }),
    )
  })

  test('never shows less than was spent', () => {
    fc.assert(
      fc.property(fc.bigInt(1n, 10n ** 12n), (spent) => {
        const { message } = describeRefusal(refusal({ metric: 'gpu_hours', limit: 1n, spent }))
        const shown = /\(([\d.]+) GPU hours spent\)/.exec(message)?.[1]
        expect(Number(shown) * 3_600_000).toBeGreaterThanOrEqual(Number(spent) * (1 - 1e-12))
      }),
    )
  })
})
