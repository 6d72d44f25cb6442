import { calcPrice } from '@pydantic/genai-prices'
import { describe, expect, test } from 'vitest'
import { createSnapshot, renderSnapshot } from '../../scripts/price-snapshot.ts'
import { costOf } from '../../src/budget/price.ts'
import { PRICE_LIST } from '../../src/budget/price-list.generated.ts'
import { listedPrice, matchesName } from '../../src/budget/price-list.ts'

const usage = (inputTokens: number, outputTokens: number, cachedInputTokens = 0) => ({
  inputTokens,
  cachedInputTokens,
  cacheWriteTokens: 0,
  outputTokens,
  reasoningTokens: 0,
})

describe('the bundled list', () => {
  test('is what its own package says, as of its date', () => {
    expect(renderSnapshot(createSnapshot(PRICE_LIST.date))).toBe(renderSnapshot(PRICE_LIST))
  })

  test.each([
    { url: 'https://api.openai.com/v1', provider: 'openai', model: 'gpt-4.1-mini' },
    { url: 'https://api.openai.com/v1', provider: 'openai', model: 'gpt-5.5' },
    { url: 'https://api.groq.com/openai/v1', provider: 'groq', model: 'openai/gpt-oss-20b' },
    { url: 'https://openrouter.ai/api/v1', provider: 'openrouter', model: 'openai/gpt-4.1-mini' },
    { url: 'https://api.deepseek.com/v1', provider: 'deepseek', model: 'deepseek-chat' },
    { url: 'https://api.x.ai/v1', provider: 'x-ai', model: 'grok-4' },
    { url: 'https://api.mistral.ai/v1', provider: 'mistral', model: 'mistral-large-latest' },
  ])('$model at $url costs what the package computes', ({ url, provider, model }) => {
    const price = listedPrice(PRICE_LIST, url, model)
    if (price === undefined) throw new Error('not listed')
    for (const [input, output, cached] of [
      [1000, 100, 0],
      [1000, 100, 900],
      [300_000, 1000, 0],
      [1, 0, 0],
    ] as const) {
      const theirs = calcPrice(
        { input_tokens: input, output_tokens: output, cache_read_tokens: cached },
        model,
        { providerId: provider, timestamp: new Date(`${PRICE_LIST.date}T12:00:00Z`) },
      )
      const ours = Number(costOf(price, usage(input, output, cached))) / 1e9
      expect(ours).toBeCloseTo(theirs?.total_price ?? Number.NaN, 7)
    }
  })

  test.each([
    { name: 'a provider it does not know', url: 'https://llm.example/v1', model: 'gpt-4.1-mini' },
    { name: 'a model it does not know', url: 'https://api.openai.com/v1', model: 'gpt-99-made-up' },
    {
      name: 'an address that only contains a known one',
      url: 'https://evil.test/https://api.openai.com',
      model: 'gpt-4.1',
    },
  ])('says nothing of $name', ({ url, model }) => {
    expect(listedPrice(PRICE_LIST, url, model)).toBeUndefined()
  })

  test('knows a model by its dated name', () => {
    const dated = listedPrice(PRICE_LIST, 'https://api.openai.com/v1', 'gpt-4.1-mini-2025-04-14')
    expect(dated).toEqual(listedPrice(PRICE_LIST, 'https://api.openai.com/v1', 'gpt-4.1-mini'))
  })
})

describe('a name', () => {
  test.each([
    { match: { equals: 'a' }, yes: 'a', no: 'ab' },
    { match: { starts_with: 'a' }, yes: 'ab', no: 'ba' },
    { match: { ends_with: 'b' }, yes: 'ab', no: 'ba' },
    { match: { contains: 'b' }, yes: 'abc', no: 'ac' },
    { match: { regex: '^o[134]' }, yes: 'o3-mini', no: 'o2' },
    { match: { or: [{ equals: 'a' }, { equals: 'b' }] }, yes: 'b', no: 'c' },
    { match: { and: [{ contains: 'a' }, { contains: 'b' }] }, yes: 'ba', no: 'a' },
  ])('matches $match', ({ match, yes, no }) => {
    expect(matchesName(match, yes)).toBe(true)
    expect(matchesName(match, no)).toBe(false)
  })
})
