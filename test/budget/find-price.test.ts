import fc from 'fast-check'
import { parse } from 'smol-toml'
import { describe, expect, test } from 'vitest'
import { findPrice, type PriceQuestion } from '../../src/budget/find-price.ts'
import { nanoUsdPerMillion } from '../../src/budget/money.ts'
import { costOf, createPrice } from '../../src/budget/price.ts'
import { ConfigSchema } from '../../src/config/schema.ts'

const listed = createPrice({ input: nanoUsdPerMillion(7n), output: nanoUsdPerMillion(7n) })
const question = (given: Partial<PriceQuestion>): PriceQuestion => ({
  name: 'm',
  configured: undefined,
  isLoopback: false,
  listed: undefined,
  ...given,
})
const configured = { input: '0.15', output: '0.60' }

describe('a price is', () => {
  test.each([
    {
      name: 'the configuration’s before all',
      given: { configured, isLoopback: true, listed },
      source: 'config',
      input: 150_000_000n,
    },
    {
      name: 'free where the configuration says so',
      given: { configured: 'free' as const, listed },
      source: 'config',
      input: 0n,
    },
    {
      name: 'free on this machine',
      given: { isLoopback: true, listed },
      source: 'loopback',
      input: 0n,
    },
    { name: 'the bundled list’s else', given: { listed }, source: 'snapshot', input: 7n },
  ])('$name', ({ given, source, input }) => {
    const decision = findPrice(question(given))
    expect(decision).toMatchObject({ known: true, source })
    expect(decision.known && decision.price.input).toBe(input)
  })

  test('read with its cache rates and tiers, to the last digit', () => {
    const decision = findPrice(
      question({
        configured: {
          input: '0.00045',
          cached_input: 0.1,
          cache_write: 2,
          output: '30',
          tiers: [{ above: 1000, input: '1', output: '60' }],
        },
      }),
    )
    if (!decision.known) throw new Error('it is configured')
    const { price } = decision
    expect([price.input, price.cachedInput, price.cacheWrite, price.output]).toEqual([
      450_000n,
      100_000_000n,
      2_000_000_000n,
      30_000_000_000n,
    ])
    const usage = {
      inputTokens: 1001,
      cachedInputTokens: 0,
      cacheWriteTokens: 0,
      outputTokens: 1,
      reasoningTokens: 0,
    }
    expect(costOf(price, usage)).toBe(1_001_000n + 60_000n)
  })
})

describe('a price that nobody knows', () => {
  test('comes with the lines to add, which the configuration takes as they stand', () => {
    const name = fc.oneof(
      fc.constantFrom(
        'm',
        'gpt-5.5',
        'openai/gpt-oss-20b',
        '*',
        'with "quotes"',
        'a\\b',
        'zwei\nZeilen',
        'größer',
      ),
      // The reader of a file refuses one of this name, with its line.
      fc.string({ minLength: 1, maxLength: 40 }).filter((text) => text !== '__proto__'),
    )
    fc.assert(
      fc.property(name, (model) => {
        const decision = findPrice(question({ name: model }))
        if (decision.known) throw new Error('nobody knows it')
        const written = decision.tomlLine.replaceAll('…', '1.25')
        const config = ConfigSchema.parse({ ...parse(written), upstreams: {} })
        expect(config.models[model]?.price).toMatchObject({ input: '1.25', output: '1.25' })
      }),
    )
  })
})
