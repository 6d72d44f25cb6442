/**
 * What `synth init` has to know, from flags where they say it, else from questions, else from what was
 * found. A flag that is wrong is never repeated in the message: it may be a key.
 */
import type { z } from 'zod'
import type { DiscoveredUpstream } from '../../config/discover.ts'
import { nearest } from '../../config/nearest.ts'
import { LOCAL_SERVERS, PROVIDERS, type Provider } from '../../config/providers.ts'
import { ConfigSchema } from '../../config/schema.ts'
import { type UpstreamConfig, UpstreamSchema } from '../../config/schema-upstreams.ts'
import { EnvironmentNameSchema, UsdSchema } from '../../config/schema-values.ts'
import { isLoopbackHost } from '../../config/settings.ts'
import { RefusedError, UsageError } from '../context.ts'
import type { Choice, Prompter } from '../prompter.ts'
import { chatModelsOf, type ModelCard, pickModel } from '../upstream-listing.ts'
import type { FirstModel } from './file.ts'

export interface InitFlags {
  readonly out: string
  readonly force?: boolean
  readonly yes?: boolean
  readonly json?: boolean
  readonly upstream?: string
  readonly upstreamUrl?: string
  readonly apiKeyEnv?: string
  readonly model?: string
  readonly name?: string
  readonly contextWindow?: string
  readonly limitCostUsd?: string
}

export interface Candidate {
  readonly name: string
  readonly upstream: UpstreamConfig
  /** Why it is offered; undefined for one that was typed in. */
  readonly because: string | undefined
}

type Found = ReadonlyMap<string, DiscoveredUpstream>

/** The sentence that a schema would say of a value, about "it". */
function faultOf(schema: z.ZodType, value: unknown): string | undefined {
  const issue = schema.safeParse(value).error?.issues[0]
  return issue?.code === 'invalid_key' ? issue.issues[0]?.message : issue?.message
}

const faultFinder = (schema: z.ZodType) => (answer: string) => {
  const fault = faultOf(schema, answer)
  return fault === undefined ? undefined : `It ${fault}.`
}

/** `*` means any name; the others no TOML parser that minds its safety reads. */
const UNUSABLE_NAMES = new Set(['', '*', '__proto__', 'constructor', 'prototype'])

function faultOfModelName(name: string): string | undefined {
  if (UNUSABLE_NAMES.has(name.trim())) return `must be a name, and ${JSON.stringify(name)} is none`
  const isReadable = !/\p{Cc}/u.test(name) && name.isWellFormed()
  return isReadable ? undefined : 'must be a name without control characters'
}

/** @throws {UsageError} naming the flag and what would be right */
export function checkFlags(flags: InitFlags): void {
  const faults: [flag: string, fault: string | undefined][] = [
    ['--upstream', orNone(flags.upstream, (name) => faultOf(UpstreamNames, { [name]: LOCAL }))],
    [
      '--upstream-url',
      orNone(flags.upstreamUrl, (url) => faultOf(UpstreamSchema.shape.base_url, url)),
    ],
    ['--api-key-env', orNone(flags.apiKeyEnv, (name) => faultOf(EnvironmentNameSchema, name))],
    ['--model', orNone(flags.model, faultOfModelName)],
    ['--name', orNone(flags.name, faultOfModelName)],
    ['--context-window', orNone(flags.contextWindow, faultOfTokens)],
    ['--limit-cost-usd', orNone(flags.limitCostUsd, (amount) => faultOf(UsdSchema, amount))],
  ]
  for (const [flag, fault] of faults) {
    if (fault !== undefined) throw new UsageError(`${flag} ${fault}.`)
  }
  if (flags.name !== undefined && flags.model === undefined) {
    throw new UsageError('--name renames a model: say which with --model.')
  }
  if (flags.contextWindow !== undefined && flags.model === undefined) {
    throw new UsageError('--context-window is of a model: say which with --model.')
  }
}

const UpstreamNames = ConfigSchema.shape.upstreams
const LOCAL = { base_url: 'http://127.0.0.1' }

const orNone = (value: string | undefined, find: (value: string) => string | undefined) =>
  value === undefined ? undefined : find(value)

const faultOfTokens = (text: string): string | undefined =>
  /^[1-9]\d{0,8}$/.test(text) ? undefined : 'must be a whole number of tokens, at least 1'

const OTHER = ' other'

/** @throws {UsageError | RefusedError | Cancelled} */
export async function chooseUpstream(
  flags: InitFlags,
  found: Found,
  prompter: Prompter | undefined,
): Promise<Candidate> {
  if (flags.upstreamUrl !== undefined) {
    return candidateOfUrl(flags.upstreamUrl, flags.upstream, flags.apiKeyEnv)
  }
  const candidates = [...found].map(([name, { upstream, because }]) => ({
    name,
    upstream: withKeyVariable(upstream, flags.apiKeyEnv),
    because,
  }))
  if (flags.upstream !== undefined) return findNamed(flags.upstream, candidates)
  if (prompter !== undefined) return askForUpstream(candidates, prompter)
  if (flags.yes !== true) {
    throw new UsageError(
      'There is no terminal to ask at. Give --upstream-url (and --model), or --yes to take what is found.',
    )
  }
  const [first] = candidates
  if (first === undefined) throw new RefusedError(NOTHING_FOUND)
  return first
}

const NOTHING_FOUND =
  'No model server runs on its usual port here, and no provider has its key in the environment. Start one, set a key such as OPENROUTER_API_KEY, or give the address with --upstream-url.'

function withKeyVariable(upstream: UpstreamConfig, variable: string | undefined): UpstreamConfig {
  return variable === undefined ? upstream : { ...upstream, api_key_env: variable }
}

function findNamed(name: string, candidates: readonly Candidate[]): Candidate {
  const named = candidates.find((candidate) => candidate.name === name)
  if (named !== undefined) return named
  const names = candidates.map((candidate) => candidate.name)
  if (names.length === 0) throw new RefusedError(NOTHING_FOUND)
  const meant = nearest(name, names)[0]
  const hint = meant === undefined ? `Found are ${names.join(', ')}.` : `Did you mean ${meant}?`
  throw new UsageError(`--upstream ${JSON.stringify(name)} is not among what was found. ${hint}`)
}

async function askForUpstream(
  candidates: readonly Candidate[],
  prompter: Prompter,
): Promise<Candidate> {
  const choices: Choice[] = candidates.map(({ name, upstream, because }) => ({
    value: name,
    label: `${name}  ${upstream.base_url}`,
    ...(because === undefined ? {} : { hint: `found: ${because}` }),
  }))
  if (choices.length === 0) prompter.say(NOTHING_FOUND)
  else {
    choices.push({ value: OTHER, label: 'another address' })
    const chosen = await prompter.choose({ message: 'Where is your model served?', choices })
    if (chosen !== OTHER) return findNamed(chosen, candidates)
  }
  const url = await prompter.ask({
    message: 'What is its base URL?',
    placeholder: 'http://127.0.0.1:8000/v1',
    fallback: '',
    findFault: faultFinder(UpstreamSchema.shape.base_url),
  })
  const variable = await prompter.ask({
    message: 'Which environment variable holds its API key? (empty: it wants none)',
    placeholder: providerAt(url)?.keyVariables[0] ?? 'none',
    fallback: providerAt(url)?.keyVariables[0] ?? '',
    findFault: (name) => (name === '' ? undefined : faultFinder(EnvironmentNameSchema)(name)),
  })
  return candidateOfUrl(url, undefined, variable)
}

const providerAt = (url: string): Provider | undefined =>
  PROVIDERS.find(({ baseUrl }) => new URL(baseUrl).host === new URL(url).host)

/** @param variable undefined takes the provider's usual one, `''` none */
function candidateOfUrl(
  url: string,
  name: string | undefined,
  variable: string | undefined,
): Candidate {
  const { hostname, port } = new URL(url)
  const isLocal = isLoopbackHost(hostname)
  const provider = providerAt(url)
  const server = isLocal ? LOCAL_SERVERS.find((known) => String(known.port) === port) : undefined
  const keyVariable = variable ?? provider?.keyVariables[0] ?? ''
  const upstream = UpstreamSchema.parse({
    base_url: url.replace(/\/+$/, ''),
    ...(keyVariable === '' ? {} : { api_key_env: keyVariable }),
    ...server?.switches,
  })
  const usual = provider?.name ?? server?.name ?? (isLocal ? 'local' : nameOfHost(hostname))
  return { name: name ?? usual, upstream, because: undefined }
}

/** `api.example.org` is `example`; an address of digits has no name. */
function nameOfHost(hostname: string): string {
  const label = hostname.split('.').at(-2) ?? hostname
  return /^[a-z][a-z0-9-]*$/i.test(label) ? label.toLowerCase() : 'remote'
}

/** Undefined: clients ask for the upstream's own names. */
export async function chooseModel(
  flags: InitFlags,
  cards: readonly ModelCard[],
  isLoopback: boolean,
  prompter: Prompter | undefined,
): Promise<FirstModel | undefined> {
  const id = flags.model ?? (await askForModel(cards, prompter)) ?? pickModel(cards, isLoopback)?.id
  if (id === undefined || id === '') return undefined
  const listed = cards.find((card) => card.id === id)?.contextWindow
  const name = flags.name ?? (await askForName(id, flags, prompter)) ?? id
  const contextWindow =
    flags.contextWindow === undefined ? listed : Number.parseInt(flags.contextWindow, 10)
  return { name, upstreamModel: id, contextWindow }
}

async function askForModel(
  cards: readonly ModelCard[],
  prompter: Prompter | undefined,
): Promise<string | undefined> {
  if (prompter === undefined) return undefined
  const usable = chatModelsOf(cards)
  if (usable.length > 0) {
    const choices: Choice[] = usable.map(({ id, contextWindow }) => ({
      value: id,
      label: id,
      ...(contextWindow === undefined ? {} : { hint: `${contextWindow} tokens` }),
    }))
    choices.push({ value: OTHER, label: 'another name' })
    const chosen = await prompter.choose({ message: 'Which model?', choices })
    if (chosen !== OTHER) return chosen
  }
  return prompter.ask({
    message: "What does the upstream call the model? (empty: clients use the upstream's names)",
    placeholder: 'none',
    fallback: '',
    findFault: (name) => (name === '' ? undefined : sentence(faultOfModelName(name))),
  })
}

async function askForName(
  id: string,
  flags: InitFlags,
  prompter: Prompter | undefined,
): Promise<string | undefined> {
  if (prompter === undefined || flags.model !== undefined) return undefined
  return prompter.ask({
    message: 'What do you want to call it?',
    placeholder: id,
    fallback: id,
    findFault: (name) => sentence(faultOfModelName(name)),
  })
}

const sentence = (fault: string | undefined) => (fault === undefined ? undefined : `It ${fault}.`)

const DEFAULT_LIMIT_USD = ConfigSchema.parse({}).session.limit_cost_usd

/** @returns decimal digits */
export async function chooseLimit(
  flags: InitFlags,
  prompter: Prompter | undefined,
): Promise<string> {
  const answer =
    flags.limitCostUsd ??
    (await prompter?.ask({
      message: 'How much may one session cost, in USD? (0: no limit)',
      placeholder: DEFAULT_LIMIT_USD,
      fallback: DEFAULT_LIMIT_USD,
      findFault: faultFinder(UsdSchema),
    })) ??
    DEFAULT_LIMIT_USD
  return UsdSchema.parse(answer)
}
