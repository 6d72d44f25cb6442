/** What the parts need of a configuration, in their own terms. */
import { listedPrice } from '../budget/price-list.ts'
import type { LoadedConfig } from '../config/load.ts'
import { otelSecrets } from '../config/otel.ts'
import type { Config } from '../config/schema.ts'
import { upstreamSettings } from '../config/settings.ts'
import type { ListedPrice } from '../gateway/price-lookup.ts'

/** A store in memory takes it from the bridge's own. */
const MAX_MEMORY_BYTES = { responses: 256 * 1_048_576, traces: 64 * 1_048_576 }

function within({ storage }: LoadedConfig, maxBytes: number, inMemory: number): number {
  return storage.store.kind === 'memory' ? Math.min(maxBytes, inMemory) : maxBytes
}

export function maxResponseBytes(loaded: LoadedConfig): number {
  return within(loaded, loaded.config.responses.max_bytes, MAX_MEMORY_BYTES.responses)
}

export function maxTraceBytes(loaded: LoadedConfig): number {
  return within(loaded, loaded.config.trace.max_bytes, MAX_MEMORY_BYTES.traces)
}

/** The bundled list, read only where an upstream may need it: it is a fifth of a megabyte. */
export async function loadListedPrices(config: Config): Promise<ListedPrice> {
  const isNeeded = Object.entries(config.upstreams).some(
    ([name, upstream]) => !upstreamSettings(name, upstream).isLoopback,
  )
  if (!isNeeded) return () => undefined
  const { PRICE_LIST } = await import('../budget/price-list.generated.ts')
  return (baseUrl, model, moment) => listedPrice(PRICE_LIST, baseUrl, model, moment)
}

export function poolsOf(config: Config): Record<string, { connectTimeoutMs: number }> {
  return Object.fromEntries(
    Object.entries(config.upstreams).map(([name, upstream]) => [
      name,
      { connectTimeoutMs: upstreamSettings(name, upstream).connectTimeoutMs },
    ]),
  )
}

/** Every value that no log, answer or series may hold. */
export function secretsOf(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  const variables = [
    ...Object.values(config.upstreams).map((upstream) => upstream.api_key_env),
    ...config.keys.map((key) => key.key_env),
  ]
  return [
    ...variables.flatMap((name) => (name === undefined ? [] : (env[name] ?? []))),
    ...otelSecrets(config, env),
  ]
}
