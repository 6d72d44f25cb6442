import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nanoUsd, nanoUsdPerMillion, parseUsdPerMillion } from '../../src/budget/money.ts'
import {
  costOf,
  createPrice,
  dearerOf,
  outputTokensWithin,
  type Price,
  type RatesInput,
  worstCaseCost,
} from '../../src/budget/price.ts'
import type { Usage } from '../../src/protocol/usage.ts'

function rate(text: string) {
  const parsed = parseUsdPerMillion(text)
  if (!parsed.ok) throw new Error(parsed.reason)
  return parsed.value
}

function usage(given: Partial<Usage>): Usage {
  return {
    inputTokens: 0,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    outputTokens: 0,
    reasoningTokens: 0,
    ...given,
  }
}

const plain = createPrice({ input: rate('1.25'), cachedInput: rate('0.125'), output: rate('10') })
const anthropic = createPrice({
  input: rate('3'),
  cachedInput: rate('0.3'),
  cacheWrite: rate('3.75'),
  output: rate('15'),
  tiers: [
    {
      aboveInputTokens: 200_000,
      input: rate('6'),
      cachedInput: rate('0.6'),
      cacheWrite: rate('7.5'),
      output: rate('22.5'),
    },
  ],
})

describe('what a usage costs', () => {
  test.each([
    { name: 'nothing', price: plain, given: {}, nano: 0n },
    {
      name: 'cached input at its own rate',
      price: plain,
      given: { inputTokens: 2006, cachedInputTokens: 1920, outputTokens: 300 },
      nano: 3_347_500n,
    },
    {
      name: 'reasoning once, as output',
      price: plain,
      given: { outputTokens: 300, reasoningTokens: 200 },
      nano: 3_000_000n,
    },
    {
      name: 'input written to the cache at its own rate',
      price: anthropic,
      given: { inputTokens: 1000, cachedInputTokens: 500, cacheWriteTokens: 400 },
      nano: 100n * 3000n + 500n * 300n + 400n * 3750n,
    },
    {
      name: 'a write that is not billed apart as input',
      price: plain,
      given: { inputTokens: 1000, cacheWriteTokens: 1000 },
      nano: 1_250_000n,
    },
    {
      name: 'no more cached input than there is input',
      price: anthropic,
      given: { inputTokens: 10, cachedInputTokens: 50, cacheWriteTokens: 50 },
      nano: 3000n,
    },
    {
      name: 'at the threshold, the lower tier',
      price: anthropic,
      given: { inputTokens: 200_000, outputTokens: 10 },
      nano: 200_000n * 3000n + 150_000n,
    },
    {
      name: 'above the threshold, the whole call at the higher one',
      price: anthropic,
      given: { inputTokens: 200_001, outputTokens: 10 },
      nano: 200_001n * 6000n + 225_000n,
    },
    {
      name: 'less than a nano-dollar a token, rounded up once',
      price: createPrice({ input: rate('0.00045'), output: rate('0.00045') }),
      given: { inputTokens: 1, outputTokens: 1 },
      nano: 1n,
    },
    {
      name: 'a million tokens of it exactly',
      price: createPrice({ input: rate('0.00045'), output: rate('0') }),
      given: { inputTokens: 1_000_000 },
      nano: 450_000n,
    },
    {
      name: 'a fee for each call',
      price: createPrice({ input: rate('1'), output: rate('1'), perCall: nanoUsd(12_000_000n) }),
      given: { inputTokens: 1000 },
      nano: 13_000_000n,
    },
    {
      name: 'the largest counts JSON can carry',
      price: plain,
      given: { inputTokens: Number.MAX_SAFE_INTEGER },
      nano: (BigInt(Number.MAX_SAFE_INTEGER) * 1_250_000_000n + 999_999n) / 1_000_000n,
    },
  ])('$name', ({ price, given, nano }) => {
    expect(costOf(price, usage(given))).toBe(nano)
  })

  test('tiers count whatever order they are written in', () => {
    const tier = (aboveInputTokens: number, input: string) => ({
      aboveInputTokens,
      input: rate(input),
      output: rate('0'),
    })
    const price = createPrice({
      input: rate('1'),
      output: rate('0'),
      tiers: [tier(200, '3'), tier(100, '2')],
    })
    const costs = [100, 101, 200, 201].map((inputTokens) => costOf(price, usage({ inputTokens })))
    expect(costs).toEqual([100_000n, 202_000n, 400_000n, 603_000n])
  })
})

const anyRate = fc.bigInt({ min: 0n, max: 10n ** 12n }).map(nanoUsdPerMillion)
const anyRates: fc.Arbitrary<RatesInput> = fc.record({
  input: anyRate,
  cachedInput: fc.option(anyRate, { nil: undefined }),
  cacheWrite: fc.option(anyRate, { nil: undefined }),
  output: anyRate,
})
const anyPrice: fc.Arbitrary<Price> = fc
  .record({
    rates: anyRates,
    perCall: fc.bigInt({ min: 0n, max: 10n ** 9n }).map(nanoUsd),
    tiers: fc.array(fc.tuple(fc.integer({ min: 0, max: 3000 }), anyRates), { maxLength: 3 }),
  })
  .map(({ rates, perCall, tiers }) =>
    createPrice({
      ...rates,
      perCall,
      tiers: tiers.map(([aboveInputTokens, tier]) => ({ ...tier, aboveInputTokens })),
    }),
  )
const anyUsage: fc.Arbitrary<Usage> = fc
  .tuple(fc.nat(4000), fc.nat(4000), fc.nat(4000), fc.nat(9000))
  .map(([plainTokens, cached, written, output]) =>
    usage({
      inputTokens: plainTokens + cached + written,
      cachedInputTokens: cached,
      cacheWriteTokens: written,
      outputTokens: output,
    }),
  )

describe('for any price', () => {
  test('a cost is the exact fraction, rounded up to a nano-dollar', () => {
    fc.assert(
      fc.property(anyPrice, anyUsage, (price, used) => {
        // Told apart from the implementation: token by token, in millionths of a nano-dollar.
        const tier = price.tiers.filter((each) => used.inputTokens > each.aboveInputTokens).at(-1)
        const { input, cachedInput, cacheWrite, output } = tier ?? price
        const fresh = used.inputTokens - used.cachedInputTokens - used.cacheWriteTokens
        const millionths = [
          [fresh, input],
          [used.cachedInputTokens, cachedInput],
          [used.cacheWriteTokens, cacheWrite],
          [used.outputTokens, output],
        ] as const
        const exact = millionths.reduce((sum, [count, each]) => sum + BigInt(count) * each, 0n)
        const cost = costOf(price, used) - price.perCall
        expect(cost * 1_000_000n >= exact).toBe(true)
        expect((cost - 1n) * 1_000_000n < exact).toBe(true)
      }),
    )
  })

  test('no usage within the bounds costs more than the worst case', () => {
    fc.assert(
      fc.property(anyPrice, anyUsage, fc.nat(500), fc.nat(500), (price, used, moreIn, moreOut) => {
        const worst = worstCaseCost(price, used.inputTokens + moreIn, used.outputTokens + moreOut)
        expect(costOf(price, used)).toBeLessThanOrEqual(worst)
      }),
    )
  })

  test('the worst case grows with its bounds', () => {
    fc.assert(
      fc.property(
        anyPrice,
        fc.nat(9000),
        fc.nat(9000),
        fc.nat(500),
        (price, input, output, more) => {
          const worst = worstCaseCost(price, input, output)
          expect(worstCaseCost(price, input + more, output)).toBeGreaterThanOrEqual(worst)
          expect(worstCaseCost(price, input, output + more)).toBeGreaterThanOrEqual(worst)
        },
      ),
    )
  })

  test('a cost grows with its output, and with each cached token that was not', () => {
    fc.assert(
      fc.property(anyPrice, anyUsage, fc.nat(500), (price, used, more) => {
        const cost = costOf(price, used)
        const longer = { ...used, outputTokens: used.outputTokens + more }
        expect(costOf(price, longer)).toBeGreaterThanOrEqual(cost)
        fc.pre(price.cachedInput <= price.input && price.tiers.length === 0)
        expect(costOf(price, { ...used, cachedInputTokens: 0 })).toBeGreaterThanOrEqual(cost)
      }),
    )
  })

  test('output that fits a cost fits it, and one token more does not', () => {
    const cost = fc.bigInt({ min: 0n, max: 10n ** 11n }).map(nanoUsd)
    fc.assert(
      fc.property(anyPrice, fc.nat(9000), cost, (price, input, budget) => {
        const tokens = outputTokensWithin(price, input, budget)
        if (tokens === undefined) {
          expect(worstCaseCost(price, input, 0)).toBeGreaterThan(budget)
        } else {
          expect(worstCaseCost(price, input, tokens)).toBeLessThanOrEqual(budget)
          if (tokens < Number.MAX_SAFE_INTEGER)
            expect(worstCaseCost(price, input, tokens + 1)).toBeGreaterThan(budget)
        }
      }),
    )
  })

  test('the dearer of two is at no usage below either', () => {
    fc.assert(
      fc.property(anyPrice, anyPrice, anyUsage, (left, right, used) => {
        const cost = costOf(dearerOf(left, right), used)
        expect(cost).toBeGreaterThanOrEqual(costOf(left, used))
        expect(cost).toBeGreaterThanOrEqual(costOf(right, used))
      }),
    )
  })
})
