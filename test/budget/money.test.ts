import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ceilDivide,
  type DecimalInput,
  formatDollars,
  formatUsd,
  MAX_NANO_USD,
  nanoUsd,
  parseUsd,
  parseUsdPerMillion,
} from '../../src/budget/money.ts'

const amount = fc.bigInt({ min: 0n, max: MAX_NANO_USD }).map(nanoUsd)

describe('reading an amount', () => {
  const rows: { name: string; input: DecimalInput; nano: bigint }[] = [
    { name: 'a decimal string', input: '0.05', nano: 50_000_000n },
    { name: 'a whole string', input: '20', nano: 20_000_000_000n },
    { name: 'a TOML float', input: 20.5, nano: 20_500_000_000n },
    { name: 'a float that binary cannot hold', input: 0.1, nano: 100_000_000n },
    { name: 'a float whose product with 1e9 is not whole', input: 4.35, nano: 4_350_000_000n },
    { name: 'a number JavaScript prints with an exponent', input: 1e-7, nano: 100n },
    {
      name: 'a large number printed with an exponent',
      input: '4.5e9',
      nano: 4_500_000_000n * 10n ** 9n,
    },
    { name: 'a bigint', input: 3n, nano: 3_000_000_000n },
    { name: 'nine places', input: '0.000000001', nano: 1n },
    { name: 'zeros behind the ninth place', input: '1.500000000000', nano: 1_500_000_000n },
    { name: 'zero', input: 0, nano: 0n },
    { name: 'zero with many places', input: '0.0000000000000', nano: 0n },
    { name: 'spaces around it', input: ' 7 ', nano: 7_000_000_000n },
    { name: 'an exponent that makes a fraction whole', input: '0.00000000015e3', nano: 150n },
  ]
  test.each(rows)('$name', ({ input, nano }) => {
    expect(parseUsd(input)).toEqual({ ok: true, value: nano })
  })

  const refused: { input: DecimalInput; reason: RegExp }[] = [
    { input: '0.0000000001', reason: /"0\.0000000001" has more than 9 decimal places/ },
    { input: 1e-10, reason: /more than 9 decimal places/ },
    { input: 0.1 + 0.2, reason: /more than 9 decimal places/ },
    { input: -1, reason: /not a decimal/ },
    { input: '-0.5', reason: /not a decimal/ },
    { input: '$5', reason: /"\$5" is not a decimal/ },
    { input: '1,5', reason: /not a decimal/ },
    { input: '', reason: /not a decimal/ },
    { input: '.5', reason: /not a decimal/ },
    { input: '0x10', reason: /not a decimal/ },
    { input: '١٢', reason: /not a decimal/ },
    { input: Number.NaN, reason: /"NaN" is not a decimal/ },
    { input: Number.POSITIVE_INFINITY, reason: /not a decimal/ },
    { input: '1e999', reason: /more than can be counted/ },
    { input: MAX_NANO_USD, reason: /more than can be counted/ },
    { input: '9'.repeat(500), reason: /not a decimal/ },
  ]
  test.each(refused)('$input is refused and the reason says why', ({ input, reason }) => {
    const parsed = parseUsd(input)
    expect(parsed.ok ? 'accepted' : parsed.reason).toMatch(reason)
  })

  test('a price below a nano-dollar a token stays exact', () => {
    expect(parseUsdPerMillion('0.00045')).toEqual({ ok: true, value: 450_000n })
  })

  test('a decimal of up to nine places reads as the same fraction, as a string and as a number', () => {
    const decimal = fc.tuple(fc.nat({ max: 999_999 }), fc.nat({ max: 999_999_999 }))
    fc.assert(
      fc.property(decimal, ([whole, billionths]) => {
        const text = `${whole}.${String(billionths).padStart(9, '0')}`
        const expected = BigInt(whole) * 10n ** 9n + BigInt(billionths)
        expect(parseUsd(text)).toEqual({ ok: true, value: expected })
        // Fifteen significant digits: a double names each of these by a decimal of its own.
        expect(parseUsd(Number(text))).toEqual({ ok: true, value: expected })
      }),
    )
  })

  test('nothing throws, whatever is written', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.double(), fc.bigInt()), (input) => {
        expect(typeof parseUsd(input).ok).toBe('boolean')
      }),
    )
  })
})

describe('writing an amount', () => {
  test.each([
    [0n, '0'],
    [1n, '0.000000001'],
    [1_200_000n, '0.0012'],
    [20_000_000_000n, '20'],
    [20_500_000_000n, '20.5'],
    [-500_000_000n, '-0.5'],
  ])('%s nano-USD is %s', (nano, text) => {
    expect(formatUsd(nanoUsd(nano))).toBe(text)
  })

  test('what is written reads back as the same amount', () => {
    fc.assert(
      fc.property(amount, (nano) => {
        expect(parseUsd(formatUsd(nano))).toEqual({ ok: true, value: nano })
      }),
    )
  })

  test.each([
    { nano: 0n, up: '$0.00', down: '$0.00', exact: '$0.00' },
    { nano: 1n, up: '$0.000000001', down: '$0.000000001', exact: '$0.000000001' },
    { nano: 123n, up: '$0.00000013', down: '$0.00000012', exact: '$0.000000123' },
    { nano: 1_180_000n, up: '$0.0012', down: '$0.0011', exact: '$0.00118' },
    { nano: 9_990_000n, up: '$0.01', down: '$0.0099', exact: '$0.00999' },
    { nano: 50_000_000n, up: '$0.05', down: '$0.05', exact: '$0.05' },
    { nano: 123_000_000n, up: '$0.13', down: '$0.12', exact: '$0.123' },
    { nano: 999_999_999n, up: '$1.00', down: '$0.99', exact: '$0.999999999' },
    { nano: 19_980_000_001n, up: '$19.99', down: '$19.98', exact: '$19.980000001' },
    { nano: 20_000_000_000n, up: '$20.00', down: '$20.00', exact: '$20.00' },
  ])('$nano nano-USD is shown as $up, $down or $exact', ({ nano, up, down, exact }) => {
    const usd = nanoUsd(nano)
    expect(formatDollars(usd, 'up')).toBe(up)
    expect(formatDollars(usd, 'down')).toBe(down)
    expect(formatDollars(usd, 'exact')).toBe(exact)
  })

  test('rounded up is never less, rounded down never more, and neither is off by 10 % or a cent', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: MAX_NANO_USD / 2n }).map(nanoUsd), (nano) => {
        const read = (text: string): bigint => {
          const parsed = parseUsd(text.slice(1))
          if (!parsed.ok) throw new Error(parsed.reason)
          return parsed.value
        }
        const up = read(formatDollars(nano, 'up'))
        const down = read(formatDollars(nano, 'down'))
        expect(read(formatDollars(nano, 'exact'))).toBe(nano)
        const tolerance = nano >= 10n ** 9n ? 10_000_000n : nano / 10n
        expect(up - nano).toBeGreaterThanOrEqual(0n)
        expect(up - nano).toBeLessThanOrEqual(tolerance)
        expect(nano - down).toBeGreaterThanOrEqual(0n)
        expect(nano - down).toBeLessThanOrEqual(tolerance)
      }),
    )
  })
})

test('a division rounds up to the next whole number', () => {
  expect([0n, 1n, 999_999n, 1_000_000n, 1_000_001n].map((n) => ceilDivide(n, 1_000_000n))).toEqual([
    0n,
    1n,
    1n,
    1n,
    2n,
  ])
})
