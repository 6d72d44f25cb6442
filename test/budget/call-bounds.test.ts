import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  boundOf,
  type CallTerms,
  chargeOfEstimate,
  chargeOfUsage,
  clampOf,
  firstHold,
  MIN_OUTPUT_TOKENS,
  nextSlice,
  outputTokensIn,
  reachOf,
  SLICE_MS,
  SLICE_TOKENS,
  tokensOfOutput,
  upstreamMsIn,
} from '../../src/budget/call-bounds.ts'
import {
  type Amounts,
  add,
  amounts,
  assertAmounts,
  covers,
  MAX_AMOUNT,
  MAX_HOLD,
  mapAmounts,
} from '../../src/budget/metric.ts'
import { nanoUsdPerMillion } from '../../src/budget/money.ts'
import { createPrice } from '../../src/budget/price.ts'
import type { Usage } from '../../src/protocol/usage.ts'

const dollars = (each: number) => nanoUsdPerMillion(BigInt(each) * 10n ** 9n)
/** $1 a million in, $10 out: 1,000 and 10,000 nano-dollars a token. */
const price = createPrice({
  input: dollars(1),
  cachedInput: nanoUsdPerMillion(10n ** 8n),
  output: dollars(10),
})

function terms(given: Partial<CallTerms> = {}): CallTerms {
  return { price, inputTokens: 1000, milliGpus: 0n, maxOutputTokens: undefined, ...given }
}

const usage = (given: Partial<Usage>): Usage => ({
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  ...given,
})

describe('a first hold', () => {
  test.each([
    {
      name: 'a slice, where nobody says how long the answer is',
      most: undefined,
      wanted: 4096,
      least: 256,
    },
    { name: 'a slice of a long answer', most: 100_000, wanted: 4096, least: 256 },
    { name: 'the whole of a short one', most: 700, wanted: 700, least: 256 },
    { name: 'the whole of one too short to share', most: 10, wanted: 10, least: 10 },
  ])('is $name', ({ most, wanted, least }) => {
    const hold = firstHold(terms({ maxOutputTokens: most }))
    expect(hold.wanted).toEqual(
      amounts({
        tokens: 1000n + BigInt(wanted),
        cost_usd: 1_000_000n + BigInt(wanted) * 10_000n,
        api_calls: 1n,
      }),
    )
    expect(hold.atLeast).toEqual(
      amounts({
        tokens: 1000n + BigInt(least),
        cost_usd: 1_000_000n + BigInt(least) * 10_000n,
        api_calls: 1n,
      }),
    )
  })

  test('is a minute of each GPU, a second at least', () => {
    const hold = firstHold(terms({ milliGpus: 2500n }))
    expect(hold.wanted.gpu_hours).toBe(150_000n)
    expect(hold.atLeast.gpu_hours).toBe(2500n)
  })

  test('of a model without a price holds no dollars, and the rest', () => {
    const { wanted } = firstHold(terms({ price: undefined }))
    expect(wanted).toEqual(amounts({ tokens: 5096n, api_calls: 1n }))
  })

  test('is one that a ledger can keep, whatever the price', () => {
    const absurd = createPrice({ input: dollars(4e9), output: dollars(4e9) })
    const { wanted, atLeast } = firstHold(terms({ price: absurd, inputTokens: 1e9 }))
    expect(wanted.cost_usd).toBe(MAX_HOLD)
    expect(() => assertAmounts('wanted', wanted)).not.toThrow()
    expect(covers(wanted, atLeast)).toBe(true)
  })
})

describe('the limit sent upstream', () => {
  const room = (outputTokens: number): Amounts => boundOf(terms(), outputTokens, 0)

  test.each([
    { name: 'stays the request’s where all of it fits', most: 5000, fits: 5000, clamp: undefined },
    { name: 'is what fits', most: 5000, fits: 4999, clamp: 4999 },
    { name: 'is a token where less fits', most: 5000, fits: 0, clamp: 1 },
    {
      name: 'stays away from a model that may refuse it',
      most: undefined,
      fits: 16_384,
      clamp: undefined,
    },
    {
      name: 'is what fits where no model refuses it',
      most: undefined,
      fits: 16_383,
      clamp: 16_383,
    },
  ])('$name', ({ most, fits, clamp }) => {
    expect(clampOf(terms({ maxOutputTokens: most }), room(fits))).toBe(clamp)
  })

  test('counts tokens where those are scarcer than dollars', () => {
    const scarce = { ...room(5000), tokens: 1300n }
    expect(clampOf(terms({ maxOutputTokens: 5000 }), scarce)).toBe(300)
  })

  test('never lets an answer cost more than the room', () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.bigInt(0n, 10n ** 10n), (inputTokens, cost) => {
        const call = terms({ inputTokens, maxOutputTokens: 50_000 })
        const held = { ...boundOf(call, 50_000, 0), cost_usd: cost }
        const clamp = clampOf(call, held)
        fc.pre(clamp !== undefined && clamp > 1)
        expect(boundOf(call, clamp ?? 0, 0).cost_usd).toBeLessThanOrEqual(cost)
      }),
    )
  })
})

describe('a hold that runs short', () => {
  const held = (outputTokens: number) => boundOf(terms(), outputTokens, SLICE_MS)

  test('asks for more at three quarters', () => {
    expect(reachOf(terms(), held(4096)).outputTokens).toBe(3072)
  })

  test('asks for a slice, and takes a little', () => {
    const slice = nextSlice(terms(), held(4096), { output: true, time: false })
    expect(slice.wanted).toEqual(amounts({ tokens: 4096n, cost_usd: 40_960_000n }))
    expect(slice.atLeast).toEqual(amounts({ tokens: 256n, cost_usd: 2_560_000n }))
  })

  test('asks for no more than the answer may take', () => {
    const slice = nextSlice(terms({ maxOutputTokens: 4196 }), held(4096), {
      output: true,
      time: false,
    })
    expect(slice.wanted.tokens).toBe(100n)
    expect(slice.atLeast.tokens).toBe(100n)
  })

  test('covers a whole answer until the count is past all doubt', () => {
    // 390 letters of prose are 90 tokens, and count as 130.
    const call = terms({ maxOutputTokens: 100 })
    expect(reachOf(call, held(100)).outputTokens).toBe(400)
  })

  test('goes on asking for an upstream that ignores its limit', () => {
    const call = terms({ maxOutputTokens: 100 })
    const { wanted } = nextSlice(call, held(100), { output: true, time: false })
    expect(wanted.tokens).toBe(BigInt(SLICE_TOKENS))
    expect(reachOf(call, add(held(100), wanted)).outputTokens).toBe((100 + SLICE_TOKENS) * 0.75)
  })

  test('asks for time a quarter of a minute before the end', () => {
    const call = terms({ milliGpus: 1000n })
    expect(reachOf(call, boundOf(call, 4096, SLICE_MS)).upstreamMs).toBe(45_000)
    const { wanted, atLeast } = nextSlice(call, held(4096), { output: false, time: true })
    expect(wanted).toEqual(amounts({ gpu_hours: 60_000n }))
    expect(atLeast).toEqual(amounts({ gpu_hours: 1000n }))
  })

  test('never asks for time on a model without GPUs', () => {
    expect(reachOf(terms(), held(4096)).upstreamMs).toBe(Number.POSITIVE_INFINITY)
  })

  test('covers what it was asked for, however little of each slice is granted', () => {
    const call = fc.record({
      inputTokens: fc.nat(500_000),
      milliGpus: fc.bigInt(0n, 8000n),
      maxOutputTokens: fc.option(fc.integer({ min: 1, max: 200_000 }), { nil: undefined }),
    })
    const shares = fc.array(fc.nat(100), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(call, shares, (given, percents) => {
        const tiered = createPrice({
          input: dollars(3),
          cacheWrite: dollars(4),
          output: dollars(15),
          tiers: [{ aboveInputTokens: 200_000, input: dollars(6), output: dollars(22) }],
        })
        const each = terms({ ...given, price: tiered })
        const [first = 0, ...others] = percents
        const share = (wanted: Amounts, atLeast: Amounts, percent: number) =>
          mapAmounts(
            (metric) =>
              atLeast[metric] + ((wanted[metric] - atLeast[metric]) * BigInt(percent)) / 100n,
          )
        const start = firstHold(each)
        let hold = share(start.wanted, start.atLeast, first)
        let covered = outputTokensIn(each, hold)
        expect(covered).toBeGreaterThanOrEqual(
          Math.min(MIN_OUTPUT_TOKENS, given.maxOutputTokens ?? 1e9),
        )
        for (const percent of others) {
          const { wanted, atLeast } = nextSlice(each, hold, { output: true, time: true })
          expect(covers(wanted, atLeast)).toBe(true)
          hold = add(hold, share(wanted, atLeast, percent))
          expect(outputTokensIn(each, hold)).toBeGreaterThan(covered)
          covered = outputTokensIn(each, hold)
        }
        // Within what it covers, nothing that the upstream can report costs more than is held.
        const used = usage({
          inputTokens: given.inputTokens,
          cacheWriteTokens: given.inputTokens,
          outputTokens: covered,
        })
        const upstreamMs = Math.min(upstreamMsIn(each, hold), 1e9)
        expect(covers(hold, chargeOfUsage(each, used, Math.floor(upstreamMs)))).toBe(true)
      }),
    )
  })
})

describe('a charge', () => {
  test('of a usage is exact: cached input at its rate, time to the millisecond', () => {
    const used = usage({
      inputTokens: 1000,
      cachedInputTokens: 900,
      outputTokens: 50,
      reasoningTokens: 40,
    })
    expect(chargeOfUsage(terms({ milliGpus: 500n }), used, 1234.2)).toEqual({
      tokens: 1050n,
      cost_usd: 100n * 1000n + 900n * 100n + 50n * 10_000n,
      gpu_hours: 618n,
      api_calls: 1n,
    })
  })

  test('of counts that no ledger could add up is the most that one can', () => {
    const used = usage({
      inputTokens: Number.MAX_SAFE_INTEGER,
      outputTokens: Number.MAX_SAFE_INTEGER,
    })
    const charge = chargeOfUsage(
      terms({ price: createPrice({ input: dollars(1e6), output: dollars(1e6) }) }),
      used,
      0,
    )
    expect(charge.cost_usd).toBe(MAX_AMOUNT)
    expect(() => assertAmounts('actual', charge, MAX_AMOUNT)).not.toThrow()
  })

  test.each([
    {
      name: 'what was seen, of an answer that ended',
      seen: 50,
      isCut: false,
      ms: 60_000,
      output: 50,
    },
    {
      name: 'what was seen and a thousand tokens, of one that was cut',
      seen: 50,
      isCut: true,
      ms: 60_000,
      output: 1074,
    },
    {
      name: 'a thousand tokens, of one cut before it said anything',
      seen: 0,
      isCut: true,
      ms: 1000,
      output: 1024,
    },
    {
      name: 'what it may have thought, of one cut after a minute of silence',
      seen: 0,
      isCut: true,
      ms: 60_000,
      output: 9000,
    },
  ])('without a usage is $name', ({ seen, isCut, ms, output }) => {
    expect(chargeOfEstimate(terms(), seen, isCut, ms)).toEqual(boundOf(terms(), output, ms))
  })

  test('of an estimate is never below that of a usage within its counts', () => {
    fc.assert(
      fc.property(
        fc.nat(1000),
        fc.nat(5000),
        fc.boolean(),
        fc.nat(1e6),
        (input, output, isCut, ms) => {
          const used = usage({ inputTokens: input, outputTokens: output })
          const estimate = chargeOfEstimate(terms({ milliGpus: 1500n }), output, isCut, ms)
          expect(covers(estimate, chargeOfUsage(terms({ milliGpus: 1500n }), used, ms))).toBe(true)
        },
      ),
    )
  })
})

test('output counts a token for three characters begun', () => {
  expect([0, 1, 3, 4, 390].map(tokensOfOutput)).toEqual([0, 1, 1, 2, 130])
})
