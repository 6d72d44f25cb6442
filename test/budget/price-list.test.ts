import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { calcPrice } from '@pydantic/genai-prices'
import { describe, expect, test } from 'vitest'
import { checksumOf, createSnapshot, renderSnapshot } from '../../scripts/price-snapshot.ts'
import { formatUsd } from '../../src/budget/money.ts'
import { costOf, type Price } from '../../src/budget/price.ts'
import { PRICE_LIST } from '../../src/budget/price-list.generated.ts'
import {
  type ListedModel,
  listedPrice,
  matchesName,
  type NameRule,
  type PriceList,
} from '../../src/budget/price-list.ts'

const OPENAI = 'https://api.openai.com/v1'
const OPENROUTER = 'https://openrouter.ai/api/v1'
const NOWHERE = 'https://llm.example/v1'

const rates = (price: Price | undefined) =>
  price && {
    input: formatUsd(price.input),
    cachedInput: formatUsd(price.cachedInput),
    output: formatUsd(price.output),
  }

test('the bundled list is what the installed package says, as the script writes it', async () => {
  const fresh = await createSnapshot(PRICE_LIST.date)
  // By checksum: a difference of two texts of 200 kB says less than "run npm run refresh-prices".
  expect(checksumOf(PRICE_LIST.providers)).toBe(fresh.checksum)
  expect(PRICE_LIST.checksum).toBe(fresh.checksum)
  expect(PRICE_LIST.source).toBe(fresh.source)
  const written = readFileSync('src/budget/price-list.generated.ts', 'utf8')
  expect(checksumOfText(written)).toBe(checksumOfText(renderSnapshot(fresh)))
})

const checksumOfText = (text: string): string => createHash('sha256').update(text).digest('hex')

describe('every listed model costs what the package computes', () => {
  /** Prices of some hours apply at the first, others at the second; neither is near a change. */
  const moments = ['2026-09-23T02:00:00Z', '2026-09-23T12:00:00Z', '2027-03-01T12:00:00Z']
  const usages = [
    { inputTokens: 1000, cachedInputTokens: 0, cacheWriteTokens: 0, outputTokens: 100 },
    { inputTokens: 1000, cachedInputTokens: 600, cacheWriteTokens: 300, outputTokens: 100 },
    { inputTokens: 600_000, cachedInputTokens: 9000, cacheWriteTokens: 0, outputTokens: 1 },
    // At a tier's threshold the lower price still holds.
    { inputTokens: 200_000, cachedInputTokens: 0, cacheWriteTokens: 0, outputTokens: 7 },
    { inputTokens: 272_000, cachedInputTokens: 0, cacheWriteTokens: 0, outputTokens: 7 },
  ]

  test.each(PRICE_LIST.providers.map(({ id, models }) => ({ id, models })))('$id', (provider) => {
    let compared = 0
    for (const model of provider.models) {
      const isTimed = model.prices.length > 1
      for (const [name, moment] of namesOf(model).flatMap((name) =>
        (isTimed ? moments : moments.slice(0, 1)).map((moment) => [name, moment] as const),
      )) {
        const timestamp = new Date(moment)
        const price = listedPrice(PRICE_LIST, NOWHERE, name, {
          upstreamName: provider.id,
          nowMs: timestamp.getTime(),
        })
        if (price === undefined) continue
        for (const usage of usages) {
          const theirs = calcPrice(
            {
              input_tokens: usage.inputTokens,
              cache_read_tokens: usage.cachedInputTokens,
              cache_write_tokens: usage.cacheWriteTokens,
              output_tokens: usage.outputTokens,
            },
            name,
            { providerId: provider.id, timestamp },
          )
          const nano = (theirs?.total_price ?? Number.NaN) * 1e9
          const ours = Number(costOf(price, { ...usage, reasoningTokens: 0 }))
          // Rounded up once, and theirs are sums of floats.
          expect(Math.abs(ours - nano), `${name} ${moment}`).toBeLessThanOrEqual(1 + nano * 1e-9)
          compared++
        }
      }
    }
    expect(compared).toBeGreaterThan(0)
  })
})

function namesOf({ names, rules = [] }: ListedModel): string[] {
  const ofRule = (rule: NameRule): string[] => {
    if ('starts_with' in rule) return [rule.starts_with]
    if ('ends_with' in rule) return [rule.ends_with]
    if ('contains' in rule) return [rule.contains]
    if ('or' in rule) return rule.or.flatMap(ofRule)
    return 'and' in rule ? rule.and.flatMap(ofRule) : []
  }
  return [...names, ...rules.flatMap(ofRule)]
}

describe('a model is found', () => {
  test.each([
    { name: 'by its name', url: OPENAI, model: 'gpt-5.5', input: '5' },
    { name: 'whatever the case', url: OPENAI, model: 'GPT-5.5', input: '5' },
    { name: 'by a dated name', url: OPENAI, model: 'gpt-5.5-2026-04-23', input: '5' },
    { name: 'by a date without dashes', url: OPENAI, model: 'gpt-5.5-20260423', input: '5' },
    { name: 'by a date newer than the list', url: OPENAI, model: 'gpt-5.5-2027-01-31', input: '5' },
    {
      name: 'by a dated name with a price of its own',
      url: OPENAI,
      model: 'gpt-4o-2024-05-13',
      input: '5',
    },
    { name: 'with its provider before it', url: OPENAI, model: 'openai/gpt-5.5', input: '5' },
    { name: 'at a router', url: OPENROUTER, model: 'openai/gpt-5.5', input: '5' },
    {
      name: 'at a host of open models',
      url: 'https://api.groq.com/openai/v1',
      model: 'openai/gpt-oss-20b',
      input: '0.075',
    },
    {
      name: 'by a name in mixed case',
      url: 'https://router.huggingface.co/together/v1',
      model: 'Qwen/Qwen3-VL-8B-Instruct',
      input: '0.18',
    },
    {
      name: 'at a provider that serves another one’s',
      url: 'https://mine.openai.azure.com/openai/v1',
      model: 'gpt-5.5',
      input: '5',
    },
    {
      name: 'as free where its name says so',
      url: OPENROUTER,
      model: 'openai/gpt-oss-20b:free',
      input: '0',
    },
    {
      name: 'by an upstream named after its provider',
      url: NOWHERE,
      upstreamName: 'Groq',
      model: 'openai/gpt-oss-20b',
      input: '0.075',
    },
    {
      name: 'by what its provider is called, too',
      url: NOWHERE,
      upstreamName: 'xai',
      model: 'grok-4.3',
      input: '1.25',
    },
  ])('$name: $model', ({ url, upstreamName, model, input }) => {
    const nowMs = Date.parse('2026-10-01T12:00:00Z')
    const found = listedPrice(PRICE_LIST, url, model, { upstreamName, nowMs })
    expect(rates(found)?.input).toBe(input)
  })

  test.each([
    { name: 'a provider it does not know', url: NOWHERE, model: 'gpt-4.1-mini' },
    { name: 'a model it does not know', url: OPENAI, model: 'gpt-99-made-up' },
    {
      name: 'an address that only contains a known one',
      url: `https://evil.test/${OPENAI}`,
      model: 'gpt-4.1',
    },
    { name: 'a variant whose price differs', url: OPENROUTER, model: 'openai/gpt-5.5:nitro' },
    { name: 'another provider’s prefix', url: OPENAI, model: 'mistral/gpt-5.5' },
    { name: 'a model that answers in speech', url: OPENAI, model: 'gpt-audio' },
    { name: 'a model that answers in pictures', url: OPENAI, model: 'gpt-image-1' },
    {
      name: 'a model whose price is empty',
      url: 'https://api.cerebras.ai/v1',
      model: 'qwen-3-coder-480b',
    },
    {
      name: 'an upstream that only resembles a provider',
      url: NOWHERE,
      upstreamName: 'openai-like',
      model: 'gpt-5.5',
    },
    {
      name: 'an upstream named after a member of every object',
      url: NOWHERE,
      upstreamName: 'constructor',
      model: 'gpt-5.5',
    },
    { name: 'a name of a megabyte', url: OPENAI, model: 'gpt-5.5'.repeat(150_000) },
    { name: 'an empty name', url: OPENAI, model: '' },
  ])('but $name is not', ({ url, upstreamName, model }) => {
    expect(listedPrice(PRICE_LIST, url, model, { upstreamName })).toBeUndefined()
  })

  test('a model without a price hides a later one that would match its name', () => {
    const list: PriceList = {
      ...PRICE_LIST,
      providers: [
        {
          id: 'x',
          address: 'https://x\\.example',
          models: [
            { names: ['a-voice'], prices: [] },
            { names: [], rules: [{ starts_with: 'a' }], prices: [{ rates: [1, 2, null, null] }] },
          ],
        },
      ],
    }
    expect(listedPrice(list, 'https://x.example/v1', 'a-voice')).toBeUndefined()
    expect(listedPrice(list, 'https://x.example/v1', 'a-text')?.output).toBe(2n)
  })

  test('a fee for each call is part of the price', () => {
    const found = listedPrice(PRICE_LIST, 'https://api.perplexity.ai', 'sonar-pro')
    expect(found?.perCall).toBe(14_000_000n)
  })
})

describe('a price that changes', () => {
  const URL = 'https://api.deepseek.com/v1'
  const inputAt = (model: string, time?: string) =>
    rates(listedPrice(PRICE_LIST, URL, model, { nowMs: (time && Date.parse(time)) || undefined }))
      ?.input

  test.each([
    { name: 'before the day of the change', time: '2026-08-01T12:00:00Z' },
    { name: 'after it', time: '2026-10-01T12:00:00Z' },
  ])('counts as it is $name', ({ time }) => {
    const theirs = calcPrice({ input_tokens: 1_000_000, output_tokens: 0 }, 'deepseek-v4-pro', {
      providerId: 'deepseek',
      timestamp: new Date(time),
    })
    expect(Number(inputAt('deepseek-v4-pro', time))).toBe(theirs?.total_price)
  })

  test('counts as the dearest that a call of an hour can meet', () => {
    const offPeak = inputAt('deepseek-v4-pro', '2026-10-01T12:00:00Z')
    const peak = inputAt('deepseek-v4-pro', '2026-10-01T02:00:00Z')
    expect(Number(peak)).toBeGreaterThan(Number(offPeak))
    expect(inputAt('deepseek-v4-pro', '2026-10-01T00:30:00Z')).toBe(peak)
    expect(inputAt('deepseek-v4-pro', '2026-09-30T23:30:00Z')).toBe(offPeak)
  })

  test('counts as the dearest of all where the time is not told', () => {
    expect(inputAt('deepseek-v4-pro')).toBe(inputAt('deepseek-v4-pro', '2026-10-01T02:00:00Z'))
  })
})

describe('a rule', () => {
  test.each([
    { rule: { equals: 'a' }, yes: 'a', no: 'ab' },
    { rule: { starts_with: 'a' }, yes: 'ab', no: 'ba' },
    { rule: { ends_with: 'b' }, yes: 'ab', no: 'ba' },
    { rule: { contains: 'b' }, yes: 'abc', no: 'ac' },
    { rule: { regex: '^o[134]' }, yes: 'o3-mini', no: 'o2' },
    { rule: { or: [{ equals: 'a' }, { equals: 'b' }] }, yes: 'b', no: 'c' },
    { rule: { and: [{ contains: 'a' }, { contains: 'b' }] }, yes: 'ba', no: 'a' },
  ])('matches $rule', ({ rule, yes, no }) => {
    expect(matchesName(rule, yes)).toBe(true)
    expect(matchesName(rule, no)).toBe(false)
  })
})
