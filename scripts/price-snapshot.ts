/** The price list of the installed `@pydantic/genai-prices`, in this project's integers. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import {
  type ConditionalPrice,
  type ModelInfo,
  type ModelPrice,
  type Provider,
  waitForUpdate,
} from '@pydantic/genai-prices'
import { ceilDivide, parseUsdPerMillion } from '../src/budget/money.ts'
import {
  type ListedModel,
  type ListedPrice,
  type ListedProvider,
  type ListedRates,
  matchesName,
  type NameRule,
  type PriceList,
} from '../src/budget/price-list.ts'

const require = createRequire(import.meta.url)
const ENTRY = require.resolve('@pydantic/genai-prices')

type Member = ModelPrice[string]

const INPUT = 'input_mtok'
const OUTPUT = 'output_mtok'
const CACHED_INPUT = 'cache_read_mtok'
const CACHE_WRITE = 'cache_write_mtok'
const PER_THOUSAND_CALLS = 'requests_kcount'

/**
 * Prices beside which token counts say too little of the bill: generated speech and pictures, pages,
 * seconds, and what a search model reads unasked. What a *client's* hosted tools would cost (web and
 * file search) is not among them: the bridge never passes those on.
 */
const NOT_BY_TOKENS =
  /^(?:output_(?:audio|image|video|citation)_|(?:input_)?audio_hours|input_(?:annotated_)?document_|input_text_messages_)/

/** Models of that kind for which the package has text prices alone. */
const NOT_TEXT =
  /audio|embed|image|live|lyria|moderation|ocr|realtime|rerank|transcribe|tts|video|voice|whisper/i

/**
 * Nano-dollars per million tokens. The package holds floats, a few of them computed (a twelfth of a
 * dollar): twelve digits are what was meant, and a fraction of a nano-dollar is rounded up.
 */
function toNano(price: number): number {
  const parsed = parseUsdPerMillion(price)
  if (parsed.ok) return Number(parsed.value)
  const trillionths = BigInt(Number(price.toPrecision(12)).toFixed(12).replace('.', ''))
  return Number(ceilDivide(trillionths, 1000n))
}

/** The price of a member for calls above so many input tokens; undefined is the base. */
function at(member: Member, above: number | undefined): number | null {
  if (member === undefined) return null
  if (typeof member === 'number') return toNano(member)
  const reached = member.tiers.filter(({ start }) => above !== undefined && start <= above)
  return toNano(reached.at(-1)?.price ?? member.base)
}

function ratesAt(price: ModelPrice, above?: number): ListedRates | undefined {
  const input = at(price[INPUT], above)
  const output = at(price[OUTPUT], above)
  if (input === null || output === null) return undefined
  return [input, output, at(price[CACHED_INPUT], above), at(price[CACHE_WRITE], above)]
}

function thresholds(price: ModelPrice): number[] {
  const starts = [INPUT, OUTPUT, CACHED_INPUT, CACHE_WRITE].flatMap((key) => {
    const member = price[key]
    return typeof member === 'object' ? member.tiers.map(({ start }) => start) : []
  })
  return [...new Set(starts)].sort((a, b) => a - b)
}

const FREE: ListedRates = [0, 0, null, null]

/** Undefined for a price that token counts do not lead to. */
function toPrice(model: ModelInfo, price: ModelPrice): ListedPrice | undefined {
  // An empty price means free, or not known. Only the name says which.
  if (Object.keys(price).length === 0) {
    return model.id.endsWith(':free') ? { rates: FREE } : undefined
  }
  const rates = ratesAt(price)
  const isByTokens = !Object.keys(price).some((key) => NOT_BY_TOKENS.test(key))
  if (rates === undefined || !isByTokens || NOT_TEXT.test(model.id)) return undefined
  const tiers = thresholds(price).flatMap((above) => {
    const tier = ratesAt(price, above)
    return tier === undefined ? [] : [[above, tier] as const]
  })
  const perCall = at(price[PER_THOUSAND_CALLS], undefined)
  return {
    rates,
    ...(tiers.length === 0 ? {} : { tiers }),
    ...(perCall === null ? {} : { perCall: perThousand(perCall) }),
  }
}

function perThousand(nano: number): number {
  return Number(ceilDivide(BigInt(nano), 1000n))
}

function toPrices(model: ModelInfo): ListedPrice[] {
  if (!Array.isArray(model.prices)) {
    const price = toPrice(model, model.prices)
    return price === undefined ? [] : [price]
  }
  const prices = model.prices.map((conditional) => {
    const price = toPrice(model, conditional.prices)
    return price === undefined ? undefined : { ...conditionOf(conditional), ...price }
  })
  // A model that is priced by tokens at some times only has no price at the others.
  return prices.every((price) => price !== undefined) ? prices : []
}

function conditionOf({ constraint }: ConditionalPrice): Pick<ListedPrice, 'from' | 'between'> {
  if (constraint === undefined) return {}
  if (constraint.type === 'start_date') return { from: constraint.start_date }
  return { between: [toSecond(constraint.start_time), toSecond(constraint.end_time)] }
}

/** @throws {Error} for a time the list could not hold: the package has begun to say something new. */
function toSecond(time: string): number {
  const match = /^(\d{2}):(\d{2}):(\d{2})Z$/.exec(time)
  if (match === null) throw new Error(`A price begins at ${time}; expected hh:mm:ssZ.`)
  const [, hours, minutes, seconds] = match.map(Number)
  return (hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0)
}

/** The rule with its strings in lower case, as the package compares them. A regular expression stays. */
function toRule(rule: ModelInfo['match']): NameRule {
  if ('or' in rule) return { or: rule.or.map(toRule) }
  if ('and' in rule) return { and: rule.and.map(toRule) }
  if ('equals' in rule) return { equals: rule.equals.toLowerCase() }
  if ('contains' in rule) return { contains: rule.contains.toLowerCase() }
  if ('starts_with' in rule) return { starts_with: rule.starts_with.toLowerCase() }
  if ('ends_with' in rule) return { ends_with: rule.ends_with.toLowerCase() }
  return rule
}

function toModel(model: ModelInfo): ListedModel {
  const rule = toRule(model.match)
  const alternatives = 'or' in rule ? rule.or : [rule]
  const names = alternatives.flatMap((each) => ('equals' in each ? [each.equals] : []))
  const rules = alternatives.filter((each) => !('equals' in each))
  return { names, ...(rules.length === 0 ? {} : { rules }), prices: toPrices(model) }
}

/** Whether leaving it out gives its names to nobody: then it is not worth a line. */
function isIdle(model: ListedModel, later: readonly ListedModel[]): boolean {
  if (model.prices.length > 0 || model.rules !== undefined) return false
  return !later.some(({ names, rules = [] }) =>
    model.names.some(
      (name) => names.includes(name) || rules.some((rule) => matchesName(rule, name)),
    ),
  )
}

function toProvider(provider: Provider): ListedProvider {
  const models = provider.models.map(toModel)
  const fallbacks = provider.fallback_model_providers
  return {
    id: provider.id,
    address: provider.api_pattern,
    ...(fallbacks === undefined ? {} : { fallbacks }),
    models: models.filter((model, index) => !isIdle(model, models.slice(index + 1))),
  }
}

/** @param date the day of the package's release */
export async function createSnapshot(date: string): Promise<PriceList> {
  // The package's own list: nothing is fetched unless somebody has asked it to update.
  const published = await waitForUpdate()
  if (published === null) throw new Error('@pydantic/genai-prices has no list of providers.')
  const providers = published
    .map(toProvider)
    .filter(({ models }) => models.some(({ prices }) => prices.length > 0))
  return {
    date,
    source: `@pydantic/genai-prices ${installedVersion()}`,
    checksum: checksumOf(providers),
    providers,
  }
}

export function installedVersion(): string {
  const manifest: { version: string } = JSON.parse(
    readFileSync(join(dirname(ENTRY), '../package.json'), 'utf8'),
  )
  return manifest.version
}

export function checksumOf(providers: readonly ListedProvider[]): string {
  return createHash('sha256').update(JSON.stringify(providers)).digest('hex')
}

/**
 * One model a line, so that a refresh is read like code; as JSON in a string, because that loads in
 * 5 ms, and the same as a literal in 45 (280 from TypeScript).
 *
 * @throws {Error} for a text that cannot stand between backticks.
 */
export function renderSnapshot({ date, source, checksum, providers }: PriceList): string {
  const blocks = providers.map(({ models, ...provider }) => {
    const lines = models.map((model) => JSON.stringify(model)).join(',\n')
    return `${JSON.stringify(provider).slice(0, -1)},"models":[\n${lines}\n]}`
  })
  const json = `[\n${blocks.join(',\n')}\n]`
  if (/`|\$\{/.test(json)) throw new Error('The price list holds a backtick or "${".')
  return `/** Generated by \`npm run refresh-prices\` from ${source}, MIT. Not to be edited. */
import type { PriceList } from './price-list.ts'

export const PRICE_LIST: PriceList = {
  date: '${date}',
  source: '${source}',
  checksum: '${checksum}',
  providers: JSON.parse(String.raw\`${json}\`),
}
`
}
