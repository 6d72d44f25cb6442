/** A configuration without upstreams, and what was found in their place. */
import { checkUpstreams } from './checks.ts'
import { ConfigError } from './config-error.ts'
import type { DiscoveredUpstream } from './discover.ts'
import { formatKeyPath } from './key-path.ts'
import type { Environment, LoadedConfig } from './load.ts'
import { type UpstreamConfig, UpstreamSchema } from './schema-upstreams.ts'
import { warnAboutConfig } from './warnings.ts'

/** Name of the built-in scripted model, and of the upstream that serves it. */
export const BUILTIN_MODEL = 'synth-demo'

/** The built-in model as if it had been found, once its server runs at `baseUrl`. */
export function builtinUpstream(baseUrl: string): ReadonlyMap<string, DiscoveredUpstream> {
  const upstream = UpstreamSchema.parse({ base_url: baseUrl })
  return new Map([
    [
      BUILTIN_MODEL,
      {
        upstream,
        because: 'the built-in scripted model, as nothing else was',
        models: [BUILTIN_MODEL],
      },
    ],
  ])
}

/** @throws {ConfigError} where a model of the file names an upstream that was not found. */
export function applyDiscovery(
  loaded: LoadedConfig,
  found: ReadonlyMap<string, DiscoveredUpstream>,
  env: Environment,
): LoadedConfig {
  const upstreams: Record<string, UpstreamConfig> = { ...loaded.config.upstreams }
  const sources = new Map(loaded.sources)
  for (const [name, { upstream, because }] of found) {
    upstreams[name] = upstream
    for (const key of ['base_url', 'api_key_env'] as const) {
      if (upstream[key] !== undefined) {
        sources.set(formatKeyPath(['upstreams', name, key]), `found: ${because}`)
      }
    }
  }
  const config = { ...loaded.config, upstreams }
  const problems = checkUpstreams(config, loaded.path)
  if (problems.length > 0) throw new ConfigError(problems)
  return { ...loaded, config, sources, warnings: warnAboutConfig(config, env) }
}
