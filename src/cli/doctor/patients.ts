/** Which upstreams are looked at, and which model of each is called. */
import { resolveModel } from '../../config/models.ts'
import type { Config } from '../../config/schema.ts'
import { type UpstreamSettings, upstreamSettings } from '../../config/settings.ts'
import type { ResolvedModel } from '../../gateway/models.ts'
import { type CliContext, UsageError } from '../context.ts'
import { fetchListing, type ListingOutcome, pickModel } from '../upstream-listing.ts'

export interface Patient {
  readonly upstream: UpstreamSettings
  readonly listing: ListingOutcome
  readonly listedInMs: number
  readonly key: PatientKey
  /** The model to call; undefined where nothing says which. */
  readonly probed: ResolvedModel | undefined
  /** The models that the file names for it, or the one that was asked for. */
  readonly configured: readonly ServedModel[]
}

export type ServedModel = Omit<ResolvedModel, 'apiKey'>

export type PatientKey =
  | { readonly is: 'none' }
  | { readonly is: 'set'; readonly variable: string; readonly value: string }
  /** Named, but nothing that could be sent: `why` completes "$NAME …". */
  | { readonly is: 'unusable'; readonly variable: string; readonly why: string }

export interface CallInOptions {
  readonly env: CliContext['env']
  readonly fetch: typeof globalThis.fetch
  /** For the answer to `GET /models`. */
  readonly timeoutMs: number
  readonly monotonicMs: () => number
}

type Arrival = Pick<Patient, 'upstream' | 'listing' | 'listedInMs' | 'key'>

/**
 * Every upstream, or the one that serves `model`; all of them asked at once what they list.
 *
 * @throws {UsageError} where `model` names none
 */
export async function callIn(
  { config }: { readonly config: Config },
  model: string | undefined,
  options: CallInOptions,
): Promise<Patient[]> {
  const arrivals = await Promise.all(
    Object.entries(config.upstreams).map(([name, entry]) =>
      receive(upstreamSettings(name, entry), options),
    ),
  )
  if (model === undefined) return arrivals.map((arrival) => toPatient(arrival, config))
  const listings = new Map(
    arrivals.map(({ upstream, listing }) => [upstream.name, idsOf(listing)] as const),
  )
  const wanted = resolveModel(config, model, listings)
  if (!wanted.ok) throw new UsageError(`--model: ${wanted.error.message}`)
  return arrivals
    .filter(({ upstream }) => upstream.name === wanted.upstream.name)
    .map((arrival) => ({
      ...arrival,
      configured: [wanted],
      probed: { ...wanted, apiKey: valueOfKey(arrival.key) },
    }))
}

async function receive(upstream: UpstreamSettings, options: CallInOptions): Promise<Arrival> {
  const { env, fetch, timeoutMs, monotonicMs } = options
  const key = readKey(upstream.apiKeyEnv, env)
  const startedMs = monotonicMs()
  const listing = await fetchListing(upstream, { fetch, apiKey: valueOfKey(key), timeoutMs })
  return { upstream, key, listing, listedInMs: monotonicMs() - startedMs }
}

function readKey(variable: string | undefined, env: CliContext['env']): PatientKey {
  if (variable === undefined) return { is: 'none' }
  const value = env[variable] ?? ''
  if (value === '') return { is: 'unusable', variable, why: 'is not set' }
  // A file read into a variable often brings its line break along, which no header may hold.
  return /^[\x21-\x7e]+$/.test(value)
    ? { is: 'set', variable, value }
    : { is: 'unusable', variable, why: 'holds a blank, a line break or a letter that no key has' }
}

export const valueOfKey = (key: PatientKey): string | undefined =>
  key.is === 'set' ? key.value : undefined

const idsOf = (listing: ListingOutcome): string[] =>
  listing.is === 'listed' ? listing.cards.map(({ id }) => id) : []

function toPatient(arrival: Arrival, config: Config): Patient {
  const { upstream, listing, key } = arrival
  const own = modelsOf(config, upstream.name)
  const cards = listing.is === 'listed' ? listing.cards : []
  const picked = pickModel(cards, upstream.isLoopback)?.id
  const probed =
    own[0] ?? (picked === undefined ? undefined : resolve(config, `${upstream.name}/${picked}`))
  return {
    ...arrival,
    configured: own,
    probed: probed === undefined ? undefined : { ...probed, apiKey: valueOfKey(key) },
  }
}

function resolve(config: Config, name: string): ServedModel | undefined {
  const resolution = resolveModel(config, name)
  return resolution.ok ? resolution : undefined
}

/** The file's models that this upstream serves. */
function modelsOf(config: Config, upstream: string): ServedModel[] {
  return Object.keys(config.models)
    .flatMap((name) => (name === '*' ? [] : (resolve(config, name) ?? [])))
    .filter((served) => served.upstream.name === upstream)
}

/** The NAME of the `[models.NAME]` that a setting of this model belongs in. */
export function nameInFile(served: ServedModel, { upstream }: Pick<Patient, 'upstream'>): string {
  const { model, upstreamModel } = served
  // Named as `upstream/model` it has no table of its own; one of the model's name then counts for it.
  return model.name === `${upstream.name}/${upstreamModel}` ? upstreamModel : model.name
}
