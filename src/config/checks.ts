/** What no single key can get wrong: contradictions between keys. */
import type { ConfigProblem } from './config-error.ts'
import { formatKeyPath, type KeyPath } from './key-path.ts'
import { nearest } from './nearest.ts'
import { lineOf } from './problems.ts'
import type { ClientKeyConfig, Config } from './schema.ts'
import { isLoopbackHost } from './settings.ts'
import type { TomlPlaces } from './toml-places.ts'

interface Finding {
  readonly path: KeyPath
  readonly message: string
}

const ORIGIN_OF_NOTHING: TomlPlaces = new Map()

/** Everything but what depends on which upstreams there are. */
export function checkConfig(
  config: Config,
  file: string | undefined,
  places: TomlPlaces = ORIGIN_OF_NOTHING,
): ConfigProblem[] {
  return toProblems(
    [...checkHost(config), ...checkKeys(config), ...checkTiers(config), ...checkCounting(config)],
    file,
    places,
  )
}

/** That models name upstreams which exist. For a file without upstreams, only after discovery. */
export function checkUpstreams(
  config: Config,
  file: string | undefined,
  places: TomlPlaces = ORIGIN_OF_NOTHING,
): ConfigProblem[] {
  const names = Object.keys(config.upstreams)
  const findings: Finding[] = []
  for (const [model, { upstream }] of Object.entries(config.models)) {
    if (upstream === undefined) {
      // A name of the file's own is listed by nobody, so nothing else can tell where it belongs.
      if (names.length < 2 || model === '*') continue
      const message = `needs upstream: which of ${names.join(', ')} serves it`
      findings.push({ path: ['models', model], message })
    } else if (!Object.hasOwn(config.upstreams, upstream)) {
      const meant = nearest(upstream, names)[0] ?? names.join(', ')
      const hint = names.length === 0 ? 'there is none' : `did you mean ${meant}?`
      const message = `names no upstream: ${JSON.stringify(upstream)}; ${hint}`
      findings.push({ path: ['models', model, 'upstream'], message })
    }
  }
  return toProblems(findings, file, places)
}

function checkHost({ server, keys }: Config): Finding[] {
  if (isLoopbackHost(server.host) || keys.length > 0) return []
  const message =
    'reaches beyond this machine, so [[keys]] must say who may call; without them keep 127.0.0.1'
  return [{ path: ['server', 'host'], message }]
}

function checkKeys({ keys }: Config): Finding[] {
  const findings: Finding[] = []
  const seen = new Map<string, string>()
  const refuseTwice = (path: KeyPath, what: string, value: string | undefined): void => {
    if (value === undefined) return
    const id = `${what} ${value}`
    if (seen.has(id)) findings.push({ path, message: `is the same ${what} as in ${seen.get(id)}` })
    else seen.set(id, formatKeyPath(path.slice(0, 2)))
  }
  for (const [index, key] of keys.entries()) {
    const path = ['keys', index] as const
    findings.push(...checkKey(key, path))
    refuseTwice([...path, 'name'], 'name', key.name)
    refuseTwice([...path, 'key_env'], 'variable', key.key_env)
    refuseTwice([...path, 'sha256'], 'key', key.sha256)
  }
  return findings
}

function checkKey(key: ClientKeyConfig, path: KeyPath): Finding[] {
  const findings: Finding[] = []
  if ((key.key_env === undefined) === (key.sha256 === undefined)) {
    const many = key.key_env === undefined ? 'needs' : 'has both; it needs only'
    findings.push({ path, message: `${many} key_env (a variable's name) or sha256` })
  }
  if (key.window !== undefined && key.max_cost_usd === undefined) {
    findings.push({ path: [...path, 'window'], message: 'bounds nothing without max_cost_usd' })
  }
  return findings
}

function checkTiers({ models }: Config): Finding[] {
  return Object.entries(models).flatMap(([name, { price }]) => {
    const tiers = price === undefined || price === 'free' ? [] : (price.tiers ?? [])
    return tiers.flatMap(({ above }, index) => {
      const before = tiers[index - 1]?.above ?? 0
      const path = ['models', name, 'price', 'tiers', index, 'above']
      return above > before
        ? []
        : [{ path, message: `must be above the tier before it, ${before}` }]
    })
  })
}

function checkCounting({ upstreams }: Config): Finding[] {
  return Object.entries(upstreams).flatMap(([name, { wire, count_tokens }]) => {
    if (count_tokens === undefined || (count_tokens === 'responses') === (wire === 'responses')) {
      return []
    }
    const message =
      wire === 'responses'
        ? 'must be "responses" for an upstream with wire = "responses"'
        : '"responses" is for an upstream with wire = "responses"; a chat server counts as "vllm" or "llama.cpp" does'
    return [{ path: ['upstreams', name, 'count_tokens'], message }]
  })
}

function toProblems(
  findings: readonly Finding[],
  file: string | undefined,
  places: TomlPlaces,
): ConfigProblem[] {
  return findings.map(({ path, message }) => ({
    file,
    line: lineOf(path, places),
    key: formatKeyPath(path),
    message,
  }))
}
