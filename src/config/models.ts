/**
 * Which upstream serves the model that a client names. Pure: what upstreams list is handed in.
 *
 * In this order: a `[models.NAME]` of that name; `upstream/model`; `[models."*"]`; and where the file
 * has no models at all, the only upstream there is, or the only one that lists the name.
 */
import { BridgeError } from '../errors.ts'
import { nearest } from './nearest.ts'
import type { Config } from './schema.ts'
import type { ModelConfig } from './schema-models.ts'
import {
  type ModelSettings,
  modelSettings,
  type UpstreamSettings,
  upstreamSettings,
} from './settings.ts'

/** What each upstream lists, by its name. One that is missing could not be asked. */
export type ModelListings = ReadonlyMap<string, readonly string[]>

export type ModelResolution =
  | {
      readonly ok: true
      readonly upstream: UpstreamSettings
      /** The upstream's own name for the model. */
      readonly upstreamModel: string
      readonly model: ModelSettings
    }
  | { readonly ok: false; readonly error: BridgeError }

/** Stands for every name that has no entry of its own. */
const ANY_MODEL = '*'

export function resolveModel(
  config: Config,
  name: string,
  listings: ModelListings = new Map(),
): ModelResolution {
  const own = name === ANY_MODEL ? undefined : entryOf(config.models, name)
  if (own !== undefined) return resolveEntry(config, name, own, own.model ?? name, listings)

  const slash = name.indexOf('/')
  const prefix = name.slice(0, Math.max(slash, 0))
  const rest = name.slice(slash + 1)
  if (rest !== '' && entryOf(config.upstreams, prefix) !== undefined) {
    return accept(config, name, prefix, rest, entryForUpstream(config, prefix, rest))
  }

  const any = entryOf(config.models, ANY_MODEL)
  if (any !== undefined) return resolveEntry(config, name, any, any.model ?? name, listings)
  if (Object.keys(config.models).length > 0) return refuseUnknown(config, name, listings)
  return resolveEntry(config, name, undefined, name, listings)
}

function resolveEntry(
  config: Config,
  name: string,
  entry: ModelConfig | undefined,
  upstreamModel: string,
  listings: ModelListings,
): ModelResolution {
  const upstreams = Object.keys(config.upstreams)
  const only = upstreams.length === 1 ? upstreams[0] : undefined
  const chosen = entry?.upstream ?? only
  if (chosen !== undefined) return accept(config, name, chosen, upstreamModel, entry)

  const listing = upstreams.filter((upstream) => lists(listings.get(upstream), upstreamModel))
  const [first] = listing
  if (first === undefined) return refuseUnknown(config, name, listings)
  if (listing.length > 1) return refuseAmbiguous(name, listing, upstreamModel)
  return accept(config, name, first, upstreamModel, entry)
}

/** Ollama lists `qwen3:latest` and serves it as `qwen3`. */
function lists(listing: readonly string[] | undefined, model: string): boolean {
  return listing?.some((listed) => listed === model || listed === `${model}:latest`) ?? false
}

/** What the file says of a model that is named by its upstream and the upstream's name for it. */
function entryForUpstream(
  config: Config,
  upstream: string,
  upstreamModel: string,
): ModelConfig | undefined {
  const isOnly = Object.keys(config.upstreams).length === 1
  const isServedThere = (entry: ModelConfig): boolean =>
    entry.upstream === upstream || (entry.upstream === undefined && isOnly)
  const own = Object.entries(config.models).find(
    ([name, entry]) =>
      name !== ANY_MODEL && isServedThere(entry) && (entry.model ?? name) === upstreamModel,
  )?.[1]
  if (own !== undefined) return own
  const any = entryOf(config.models, ANY_MODEL)
  const isMeant = any !== undefined && (any.upstream ?? upstream) === upstream
  return isMeant ? any : undefined
}

function accept(
  config: Config,
  name: string,
  upstreamName: string,
  upstreamModel: string,
  entry: ModelConfig | undefined,
): ModelResolution {
  const upstream = entryOf(config.upstreams, upstreamName)
  if (upstream === undefined) {
    // Only before discovery has run: `checkUpstreams` lets no such configuration live.
    return refuse(
      400,
      `Model ${quote(name)} needs the upstream ${quote(upstreamName)}, which does not exist.`,
    )
  }
  return {
    ok: true,
    upstream: upstreamSettings(upstreamName, upstream),
    upstreamModel,
    model: modelSettings(name, entry),
  }
}

function refuseAmbiguous(
  name: string,
  upstreams: readonly string[],
  upstreamModel: string,
): ModelResolution {
  const choices = upstreams.map((upstream) => quote(`${upstream}/${upstreamModel}`))
  return refuse(
    400,
    `Model ${quote(name)} is served by ${upstreams.join(' and ')}: ask for ${choices.join(' or ')}.`,
  )
}

/** More than this helps nobody who has mistyped a name. */
const MAX_SUGGESTIONS = 3

function refuseUnknown(config: Config, name: string, listings: ModelListings): ModelResolution {
  const offered = offeredModels(config, listings).map(({ id }) => id)
  const near = nearest(name, offered, MAX_SUGGESTIONS)
  const shown = near.length > 0 ? near : offered.slice(0, MAX_SUGGESTIONS)
  const hint =
    shown.length === 0
      ? 'No model is configured.'
      : `${near.length > 0 ? 'Did you mean' : 'There is, for example,'} ${shown.map(quote).join(' or ')}?`
  const unasked = Object.keys(config.upstreams).filter((upstream) => !listings.has(upstream))
  const isOpen = Object.keys(config.models).length === 0
  const blind = isOpen && unasked.length > 0 ? ` (${unasked.join(', ')} could not be asked.)` : ''
  return refuse(404, `Model ${quote(name)} is not known. ${hint}${blind}`)
}

function refuse(status: number, message: string): ModelResolution {
  const error = new BridgeError('model_not_found', message, { param: 'model', status })
  return { ok: false, error }
}

export interface OfferedModel {
  /** The name to ask for. */
  readonly id: string
  /** The upstream that serves it; undefined where the name alone does not say. */
  readonly upstream: string | undefined
  /** The upstream's own name for it. */
  readonly upstreamModel: string
}

/** What `GET …/models` lists: the file's names, and what upstreams list where any name may pass. */
export function offeredModels(config: Config, listings: ModelListings): OfferedModel[] {
  const names = Object.keys(config.models).filter((name) => name !== ANY_MODEL)
  const upstreams = Object.keys(config.upstreams)
  const only = upstreams.length === 1 ? upstreams[0] : undefined
  const own = names.map((id) => ({
    id,
    upstream: config.models[id]?.upstream ?? only,
    upstreamModel: config.models[id]?.model ?? id,
  }))

  const any = entryOf(config.models, ANY_MODEL)
  if (any === undefined && names.length > 0) return own
  const open = any?.upstream === undefined ? upstreams : [any.upstream]
  const listed = open.flatMap((upstream) =>
    (listings.get(upstream) ?? []).map((model) => ({ upstream, model })),
  )
  const times = new Map<string, number>()
  for (const { model } of listed) times.set(model, (times.get(model) ?? 0) + 1)
  const passing = listed
    .filter(({ model }) => !names.includes(model))
    .map(({ upstream, model }) => ({
      id: times.get(model) === 1 ? model : `${upstream}/${model}`,
      upstream,
      upstreamModel: model,
    }))
  return [...own, ...passing]
}

/** A name may be `constructor`: only what the file itself holds counts. */
function entryOf<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}

const MAX_SHOWN_LENGTH = 80

function quote(name: string): string {
  return JSON.stringify(
    name.length > MAX_SHOWN_LENGTH ? `${name.slice(0, MAX_SHOWN_LENGTH)}…` : name,
  )
}
