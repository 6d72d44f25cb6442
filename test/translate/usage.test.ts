import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Usage } from '../../src/protocol/usage.ts'
import { laterUsage, readUsage, toResponseUsage } from '../../src/translate/usage.ts'

const usage = (
  inputTokens: number,
  outputTokens: number,
  rest: Partial<Omit<Usage, 'inputTokens' | 'outputTokens'>> = {},
): Usage => ({
  inputTokens,
  outputTokens,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
  ...rest,
})

const rows: { name: string; reported: unknown; read: Usage | undefined }[] = [
  {
    name: 'all three counts',
    reported: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    read: usage(10, 5),
  },
  {
    name: 'no total',
    reported: { prompt_tokens: 10, completion_tokens: 5 },
    read: usage(10, 5),
  },
  {
    name: 'reasoning outside the completion but inside the total (xAI)',
    reported: {
      prompt_tokens: 466,
      completion_tokens: 68,
      total_tokens: 800,
      prompt_tokens_details: { cached_tokens: 192 },
      completion_tokens_details: { reasoning_tokens: 266 },
    },
    read: usage(466, 334, { cachedInputTokens: 192, reasoningTokens: 266 }),
  },
  {
    name: 'a total below the sum does not lower the completion',
    reported: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 12 },
    read: usage(10, 5),
  },
  {
    name: 'no completion, but a total',
    reported: { prompt_tokens: 10, completion_tokens: null, total_tokens: 14 },
    read: usage(10, 4),
  },
  {
    name: 'no prompt, but a total',
    reported: { completion_tokens: 4, total_tokens: 14 },
    read: usage(10, 4),
  },
  {
    name: 'more cached than input, more reasoning than output',
    reported: {
      prompt_tokens: 235,
      completion_tokens: 2,
      prompt_tokens_details: { cached_tokens: 373 },
      completion_tokens_details: { reasoning_tokens: 25 },
    },
    read: usage(235, 2, { cachedInputTokens: 235, reasoningTokens: 2 }),
  },
  {
    name: 'DeepSeek cache hits, reasoning at the top (Copilot, SGLang)',
    reported: {
      prompt_tokens: 10,
      completion_tokens: 5,
      prompt_cache_hit_tokens: 8,
      prompt_cache_miss_tokens: 2,
      reasoning_tokens: 3,
    },
    read: usage(10, 5, { cachedInputTokens: 8, reasoningTokens: 3 }),
  },
  {
    name: 'cached at the top (Together, Moonshot)',
    reported: { prompt_tokens: 10, completion_tokens: 5, cached_tokens: 6 },
    read: usage(10, 5, { cachedInputTokens: 6 }),
  },
  {
    name: 'written to the cache (OpenRouter)',
    reported: {
      prompt_tokens: 10,
      completion_tokens: 5,
      prompt_tokens_details: { cached_tokens: 3, cache_write_tokens: 4 },
    },
    read: usage(10, 5, { cachedInputTokens: 3, cacheWriteTokens: 4 }),
  },
  {
    name: 'names of Anthropic',
    reported: {
      input_tokens: 10,
      output_tokens: 5,
      cache_read_input_tokens: 3,
      cache_creation_input_tokens: 9,
    },
    read: usage(10, 5, { cachedInputTokens: 3, cacheWriteTokens: 7 }),
  },
  {
    name: 'zeros are counts',
    reported: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
    read: usage(0, 0),
  },
  { name: 'null', reported: null, read: undefined },
  { name: 'a list', reported: [1, 2], read: undefined },
  { name: 'nothing inside', reported: {}, read: undefined },
  { name: 'a prompt alone', reported: { prompt_tokens: 10 }, read: undefined },
  { name: 'a total alone', reported: { total_tokens: 10 }, read: undefined },
  {
    name: 'a total that cannot be',
    reported: { completion_tokens: 20, total_tokens: 10 },
    read: undefined,
  },
  {
    name: 'a sum beyond 2^53',
    reported: { prompt_tokens: Number.MAX_SAFE_INTEGER, completion_tokens: 1 },
    read: undefined,
  },
  ...[-1, 1.5, '5', true, null, 2 ** 53, Number.NaN].map((count) => ({
    name: `a completion of ${JSON.stringify(count)}`,
    reported: { prompt_tokens: 10, completion_tokens: count },
    read: undefined,
  })),
]

describe('readUsage', () => {
  test.each(rows)('$name', ({ reported, read }) => {
    expect(readUsage(reported)).toEqual(read)
  })

  test('gives whole counts whose parts fit, or nothing, for any JSON', () => {
    const member = fc.oneof(
      fc.nat(100),
      fc.double(),
      fc.constant(null),
      fc.string(),
      fc.maxSafeInteger(),
    )
    const names = [
      'prompt_tokens',
      'completion_tokens',
      'total_tokens',
      'cached_tokens',
      'reasoning_tokens',
      'cache_creation_input_tokens',
    ]
    const reported = fc.record(Object.fromEntries(names.map((name) => [name, member])), {
      requiredKeys: [],
    })
    fc.assert(
      fc.property(reported, (value) => {
        const read = readUsage(value)
        if (read === undefined) return
        for (const count of Object.values(read)) {
          expect(Number.isSafeInteger(count) && count >= 0).toBe(true)
        }
        expect(read.cachedInputTokens + read.cacheWriteTokens).toBeLessThanOrEqual(read.inputTokens)
        expect(read.reasoningTokens).toBeLessThanOrEqual(read.outputTokens)
        expect(Number.isSafeInteger(toResponseUsage(read).total_tokens)).toBe(true)
      }),
    )
  })
})

describe('laterUsage', () => {
  test('the last report wins', () => {
    expect(laterUsage(usage(10, 1), usage(10, 5))).toEqual(usage(10, 5))
  })

  test('no report, and one of zeros, changes nothing', () => {
    expect(laterUsage(usage(10, 1), undefined)).toEqual(usage(10, 1))
    expect(laterUsage(usage(10, 1), usage(0, 0))).toEqual(usage(10, 1))
  })

  test('zeros are better than nothing', () => {
    expect(laterUsage(undefined, usage(0, 0))).toEqual(usage(0, 0))
  })
})

test('toResponseUsage fills in every member and the sum', () => {
  const read = usage(10, 5, { cachedInputTokens: 3, cacheWriteTokens: 2, reasoningTokens: 4 })
  expect(toResponseUsage(read)).toEqual({
    input_tokens: 10,
    input_tokens_details: { cached_tokens: 3, cache_write_tokens: 2 },
    output_tokens: 5,
    output_tokens_details: { reasoning_tokens: 4 },
    total_tokens: 15,
  })
})
