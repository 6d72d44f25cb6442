import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { METRICS } from '../../src/budget/metric.ts'
import { formatQuantity, parseQuantity, toJsonQuantity } from '../../src/budget/quantity.ts'

describe('reading amounts', () => {
  test.each([
    ['cost_usd', 20, 20_000_000_000n],
    ['cost_usd', '0.05', 50_000_000n],
    ['cost_usd', 0.1, 100_000_000n],
    ['cost_usd', 1e-7, 100n],
    ['cost_usd', '1e2', 100_000_000_000n],
    ['cost_usd', '0.0000000019', 1n],
    ['tokens', 50_000, 50_000n],
    ['tokens', '1.9', 1n],
    ['tokens', 1e21, null],
    ['gpu_hours', 1.5, 5_400_000n],
    ['gpu_hours', '0.0000003', 1n],
    ['api_calls', 3, 3n],
    ['cost_usd', 0, null],
    ['cost_usd', '0.0000000001', null],
    ['cost_usd', -1, null],
    ['cost_usd', '', null],
    ['cost_usd', 'twenty', null],
    ['cost_usd', Number.NaN, null],
    ['cost_usd', Number.POSITIVE_INFINITY, null],
    ['cost_usd', '1e99', null],
    ['cost_usd', '0x10', null],
  ] as const)('%s %j is %s', (metric, value, expected) => {
    const parsed = parseQuantity(metric, value)
    expect(parsed.ok ? parsed.amount : null).toBe(expected)
  })
})

describe('showing amounts', () => {
  test.each([
    ['cost_usd', 0n, '0'],
    ['cost_usd', 1n, '0.000000001'],
    ['cost_usd', 1_200_000n, '0.0012'],
    ['cost_usd', 20_000_000_000n, '20'],
    ['gpu_hours', 5_400_000n, 1.5],
    ['gpu_hours', 1n, 2.78e-7],
    ['tokens', 2_000_000n, 2_000_000],
    ['tokens', 2n ** 60n, '1152921504606846976'],
  ] as const)('%s of %s shows as %j', (metric, amount, expected) => {
    expect(toJsonQuantity(metric, amount)).toBe(expected)
  })

  test('what is shown reads back as the same amount', () => {
    const metric = fc.constantFrom(...METRICS.filter((name) => name !== 'gpu_hours'))
    fc.assert(
      fc.property(metric, fc.bigInt(1n, 2n ** 62n), (name, amount) => {
        expect(parseQuantity(name, formatQuantity(name, amount))).toEqual({ ok: true, amount })
      }),
    )
  })

  test('dollars are never more than nine places and never an exponent', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 62n), (amount) => {
        expect(formatQuantity('cost_usd', amount)).toMatch(/^\d+(\.\d{1,9})?$/)
      }),
    )
  })
})
