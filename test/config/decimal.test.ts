import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decimalPlaces, parseDecimal } from '../../src/config/decimal.ts'

describe('parseDecimal', () => {
  test.each([
    ['5', '5'],
    ['0.15', '0.15'],
    ['00.150', '0.15'],
    ['0', '0'],
    ['0.000', '0'],
    ['1_000.50', '1000.5'],
    ['+2.5', '2.5'],
    ['1e3', '1000'],
    ['1.0005e3', '1000.5'],
    ['1.23e1', '12.3'],
    ['125E-3', '0.125'],
    ['1e-9', '0.000000001'],
    ['  7 ', '7'],
    ['9007199254740993.1', '9007199254740993.1'],
  ])('reads %s as %s', (written, digits) => {
    expect(parseDecimal(written)).toBe(digits)
  })

  test.each([
    '',
    '-1',
    '$5',
    '1.',
    '.5',
    '1__0',
    '1,5',
    'inf',
    'nan',
    '0x10',
    '1e99',
    '1e1000',
    'five',
  ])('takes %j for no amount', (written) => {
    expect(parseDecimal(written)).toBeUndefined()
  })

  test('moves the point by the exponent and changes no digit', () => {
    const digits = fc.bigInt({ min: 0n, max: 10n ** 20n })
    fc.assert(
      fc.property(digits, fc.integer({ min: -20, max: 20 }), (whole, exponent) => {
        const decimal = parseDecimal(`${whole}e${exponent}`) ?? ''
        // Compared as integers of 10^-20, where neither side has a point left.
        const [integer, fraction = ''] = decimal.split('.')
        expect(BigInt(`${integer}${fraction.padEnd(20, '0')}`)).toBe(
          whole * 10n ** BigInt(exponent + 20),
        )
      }),
    )
  })

  test('is stable: what it returns, it returns again', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^\d{1,12}(\.\d{1,12})?$/), (written) => {
        const decimal = parseDecimal(written)
        expect(decimal).toBeDefined()
        expect(parseDecimal(decimal ?? '')).toBe(decimal)
      }),
    )
  })
})

test.each([
  ['5', 0],
  ['0.15', 2],
  ['0.000000001', 9],
])('%s has %i digits after the point', (decimal, places) => {
  expect(decimalPlaces(decimal)).toBe(places)
})
