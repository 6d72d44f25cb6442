/** The price list of the installed `@pydantic/genai-prices`, in this project's integers. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import {
  findProvider,
  type ModelInfo,
  type ModelPrice,
  type Provider,
} from '@pydantic/genai-prices'
import type { ListedModel, ListedRates, NameMatch, PriceList } from '../src/budget/price-list.ts'

const require = createRequire(import.meta.url)
const ENTRY = require.resolve('@pydantic/genai-prices')

type Member = ModelPrice[string]

/** The package has no list of its providers; their ids stand in its code. */
function providerIds(): string[] {
  const code = readFileSync(ENTRY, 'utf8')
  const ids = [...code.matchAll(/\bid: ?["']([a-z0-9_-]+)["']/g)].map(([, id = '']) => id)
  return [...new Set(ids)].filter((id) => findProvider({ providerId: id })?.id === id).sort()
}

/**
 * Nano-dollars per million tokens. The package holds floats, some of them computed: twelve digits are
 * what was meant, and a fraction of a nano-dollar is rounded up.
 */
function digits(price: number): string {
  return String(Math.ceil(Number((price * 1e9).toPrecision(12))))
}

/** The price of a member for calls above so many input tokens; 0 is the base. */
function at(member: Member, above: number): string | null {
  if (member === undefined || member === null) return null
  if (typeof member === 'number') return digits(member)
  const tier = member.tiers.filter(({ start }) => start <= above).at(-1)
  return digits(above === 0 || tier === undefined ? member.base : tier.price)
}

function ratesAt(price: ModelPrice, above: number): ListedRates | undefined {
  const input = at(price['input_mtok'], above)
  const output = at(price['output_mtok'], above)
  // A model without text prices (speech, images, embeddings) is none that this bridge serves.
  if (input === null || output === null) return undefined
  return [input, output, at(price['cache_read_mtok'], above), at(price['cache_write_mtok'], above)]
}

function thresholds(price: ModelPrice): number[] {
  const starts = Object.values(price).flatMap((member) =>
    typeof member === 'object' && member !== null ? member.tiers.map(({ start }) => start) : [],
  )
  return [...new Set(starts)].filter((start) => start > 0).sort((a, b) => a - b)
}

/**
 * The prices on the day of the list: the latest that has begun, and those of certain hours. Which hour
 * it will be is not known when a call is admitted, so the dearest of them counts (`dearest`).
 */
function pricesOn(model: ModelInfo, date: string): ModelPrice[] {
  if (!Array.isArray(model.prices)) return [model.prices]
  const hourly = model.prices.filter(({ constraint }) => constraint?.type === 'time_of_date')
  const dated = model.prices
    .filter(({ constraint }) => constraint?.type !== 'time_of_date')
    .filter(({ constraint }) => startOf(constraint) <= date)
    .sort((a, b) => startOf(a.constraint).localeCompare(startOf(b.constraint)))
  return [...dated.slice(-1), ...hourly].map(({ prices }) => prices)
}

function dearest(candidates: readonly ListedRates[]): ListedRates | undefined {
  const [first, ...others] = candidates
  if (first === undefined) return undefined
  const larger = (a: string | null, b: string | null) =>
    a === null || b === null ? null : BigInt(a) > BigInt(b) ? a : b
  return others.reduce<ListedRates>(
    (most, rates) => [
      larger(most[0], rates[0]) ?? most[0],
      larger(most[1], rates[1]) ?? most[1],
      larger(most[2], rates[2]),
      larger(most[3], rates[3]),
    ],
    first,
  )
}

function startOf(constraint: { type: string; start_date?: string } | undefined): string {
  return constraint?.start_date ?? ''
}

function toModel(model: ModelInfo, date: string): ListedModel[] {
  const prices = pricesOn(model, date)
  const ratesAbove = (above: number) =>
    dearest(prices.map((price) => ratesAt(price, above)).filter((rates) => rates !== undefined))
  const rates = ratesAbove(0)
  if (rates === undefined) return []
  const starts = [...new Set(prices.flatMap(thresholds))].sort((a, b) => a - b)
  const tiers = starts.flatMap((above) => {
    const tier = ratesAbove(above)
    return tier === undefined ? [] : [[above, tier] as const]
  })
  const match = model.match as NameMatch
  return [{ id: model.id, match, rates, ...(tiers.length === 0 ? {} : { tiers }) }]
}

/** @param date the day for which conditional prices are taken */
export function createSnapshot(date: string): PriceList {
  const { version } = JSON.parse(readFileSync(join(dirname(ENTRY), '../package.json'), 'utf8')) as {
    version: string
  }
  const providers = providerIds()
    .map((id) => findProvider({ providerId: id }))
    .filter((provider): provider is Provider => provider !== undefined)
    .map((provider) => ({
      id: provider.id,
      address: provider.api_pattern,
      fallbacks: provider.fallback_model_providers ?? [],
      models: provider.models.flatMap((model) => toModel(model, date)),
    }))
  return { date, source: `@pydantic/genai-prices ${version}`, providers }
}

export function renderSnapshot(list: PriceList): string {
  const providers = list.providers.map((provider) => {
    const models = provider.models.map((model) => `      ${JSON.stringify(model)},`).join('\n')
    const { id, address, fallbacks } = provider
    return `    {\n      id: ${JSON.stringify(id)}, address: ${JSON.stringify(address)}, fallbacks: ${JSON.stringify(fallbacks)}, models: [\n${models}\n    ] },`
  })
  return `/** Generated by \`npm run refresh-prices\` from ${list.source}, MIT. Not to be edited. */
import type { PriceList } from './price-list.ts'

export const PRICE_LIST: PriceList = {
  date: ${JSON.stringify(list.date)},
  source: ${JSON.stringify(list.source)},
  providers: [
${providers.join('\n')}
  ],
}
`
}
