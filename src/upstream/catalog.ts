/**
 * Which models there are: the configuration's names, and what the upstreams themselves list. Asked
 * for only where a name does not say by itself which upstream serves it.
 */

import { type Listed, readListing } from '../config/discover.ts'
import { type ModelListings, offeredModels, resolveModel } from '../config/models.ts'
import type { Config } from '../config/schema.ts'
import { modelSettings, type UpstreamSettings, upstreamSettings } from '../config/settings.ts'
import { BridgeError } from '../errors.ts'
import type { Models } from '../gateway/models.ts'
import type { Clock } from '../gateway/ports.ts'

/** A list changes when a model is pulled or loaded: seldom, and never between two calls. */
const LISTING_AGE_MS = 60_000
/** One that failed may come with the server that is just starting; each call must not wait for it. */
const FAILED_LISTING_AGE_MS = 5_000
const LISTING_TIMEOUT_MS = 5_000

export interface CatalogOptions {
  readonly config: Config
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly fetch: typeof globalThis.fetch
}

interface Listing {
  freshUntilMs: number
  readonly listed: Promise<Listed>
}

function keyOf(upstream: UpstreamSettings, env: CatalogOptions['env']): string | undefined {
  if (upstream.apiKeyEnv === undefined) return undefined
  const key = env[upstream.apiKeyEnv]
  if (key === undefined || key === '') {
    throw new BridgeError(
      'upstream_auth',
      `The key of upstream "${upstream.name}" is missing: set ${upstream.apiKeyEnv} in the environment of the bridge and start it again.`,
    )
  }
  // Most often the line end of the file it was read from.
  if (!/^[\x20-\x7e]+$/.test(key)) {
    throw new BridgeError(
      'upstream_auth',
      `The key of upstream "${upstream.name}" holds a character that cannot be sent, such as a line break: correct ${upstream.apiKeyEnv} in the environment of the bridge and start it again.`,
    )
  }
  return key
}

/** Whether names may pass that the file does not list, so that the upstreams' own lists decide. */
function isOpen({ models }: Config): boolean {
  const any = models['*']
  return any === undefined ? Object.keys(models).length === 0 : any.upstream === undefined
}

const NOTHING_LISTED: Listed = { models: [], contextWindows: new Map(), owner: undefined }

function namesIn(listings: ReadonlyMap<string, Listed>): ModelListings {
  return new Map([...listings].map(([upstream, { models }]) => [upstream, models]))
}

export function createCatalog(options: CatalogOptions): Models {
  const { config, env, clock } = options
  const upstreams = new Map(
    Object.entries(config.upstreams).map(([name, upstream]) => [
      name,
      upstreamSettings(name, upstream),
    ]),
  )
  const listings = new Map<string, Listing>()

  /** Undefined when it gave none: its models may still be called by full name. */
  async function fetchListing(upstream: UpstreamSettings): Promise<Listed | undefined> {
    const key = upstream.apiKeyEnv === undefined ? undefined : env[upstream.apiKeyEnv]
    try {
      const answer = await options.fetch(`${upstream.baseUrl}/models`, {
        headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
        redirect: 'error',
        signal: AbortSignal.timeout(LISTING_TIMEOUT_MS),
      })
      return answer.ok ? readListing(await answer.json()) : undefined
    } catch {
      return undefined
    }
  }

  function listingOf(upstream: UpstreamSettings): Promise<Listed> {
    const kept = listings.get(upstream.name)
    if (kept !== undefined && clock.monotonicMs() < kept.freshUntilMs) return kept.listed
    const listing: Listing = {
      freshUntilMs: clock.monotonicMs() + LISTING_AGE_MS,
      listed: fetchListing(upstream).then((listed) => {
        if (listed === undefined) listing.freshUntilMs = clock.monotonicMs() + FAILED_LISTING_AGE_MS
        return listed ?? NOTHING_LISTED
      }),
    }
    listings.set(upstream.name, listing)
    return listing.listed
  }

  async function allListings(): Promise<ReadonlyMap<string, Listed>> {
    const entries = await Promise.all(
      [...upstreams.values()].map(
        async (upstream) => [upstream.name, await listingOf(upstream)] as const,
      ),
    )
    return new Map(entries)
  }

  return {
    async resolve(name) {
      let resolution = resolveModel(config, name)
      // Asking the upstreams costs a round trip, so it is done only when it can change the answer.
      if (!resolution.ok && isOpen(config))
        resolution = resolveModel(config, name, namesIn(await allListings()))
      if (!resolution.ok) throw resolution.error
      const { upstream, upstreamModel, model } = resolution
      return { upstream, upstreamModel, model, apiKey: keyOf(upstream, env) }
    },
    async list() {
      const listings = await allListings()
      return offeredModels(config, namesIn(listings)).map(({ id, upstream, upstreamModel }) => ({
        id,
        ownedBy: upstream ?? 'synth-bridge',
        contextWindow:
          modelSettings(id, config.models[id] ?? config.models['*']).contextWindow ??
          listings.get(upstream ?? '')?.contextWindows.get(upstreamModel),
      }))
    },
  }
}
