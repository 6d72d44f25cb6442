/**
 * How Codex is pointed at the bridge for one run: `-c` overrides, which win over the user's
 * `config.toml` and write nothing into it. Codex parses each value as TOML.
 */

export interface CodexConnection {
  /** The bridge's base URL, `/v1` included. */
  readonly baseUrl: string
  /** The environment variable Codex takes its key from. It must be set, or Codex sends nothing. */
  readonly keyEnv?: string | undefined
  /** Sent with every request, sub-agents' and title requests included. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Absolute path of the file that holds `codexCatalogue(…)`. */
  readonly catalogPath?: string | undefined
  /** Codex tries a refused or unreachable call again this often; the bridge has its own retries. */
  readonly requestMaxRetries?: number | undefined
  /** Codex tries a broken stream again this often. */
  readonly streamMaxRetries?: number | undefined
  /** Codex's own limit on a quiet stream. */
  readonly streamIdleTimeoutMs?: number | undefined
  /** Whether Codex may speak to its maker's servers (telemetry, plugins, updates). Default false. */
  readonly outsideContact?: boolean | undefined
  /** Further overrides, a dotted key and its value; they come last and win. */
  readonly extra?: Readonly<Record<string, TomlValue>> | undefined
}

export type TomlValue =
  | string
  | number
  | boolean
  | readonly TomlValue[]
  | { readonly [key: string]: TomlValue }

/**
 * The provider's id. Its *name* must never be "OpenAI": that one switches on behaviour only OpenAI's
 * own servers can answer (remote compaction among it).
 */
const CODEX_PROVIDER_ID = 'synth'
const CODEX_PROVIDER_NAME = 'Synth Bridge'

/** Tools nobody behind the bridge could serve. */
const UNSERVED: Readonly<Record<string, TomlValue>> = {
  web_search: 'disabled',
  'features.image_generation': false,
}

/** Without these Codex asks github.com and chatgpt.com at start, even with another provider. */
const NO_OUTSIDE_CONTACT: Readonly<Record<string, TomlValue>> = {
  'analytics.enabled': false,
  check_for_update_on_startup: false,
  'features.apps': false,
  'features.plugins': false,
  'features.remote_plugin': false,
}

/** The arguments that make one Codex run use the bridge: `-c`, `key=value`, `-c`, … */
export function codexOverrides(connection: CodexConnection): string[] {
  const provider = `model_providers.${CODEX_PROVIDER_ID}`
  const values: Record<string, TomlValue | undefined> = {
    model_provider: CODEX_PROVIDER_ID,
    [`${provider}.name`]: CODEX_PROVIDER_NAME,
    [`${provider}.base_url`]: connection.baseUrl,
    [`${provider}.wire_api`]: 'responses',
    [`${provider}.env_key`]: connection.keyEnv,
    [`${provider}.http_headers`]: connection.headers,
    [`${provider}.request_max_retries`]: connection.requestMaxRetries,
    [`${provider}.stream_max_retries`]: connection.streamMaxRetries,
    [`${provider}.stream_idle_timeout_ms`]: connection.streamIdleTimeoutMs,
    model_catalog_json: connection.catalogPath,
    ...UNSERVED,
    ...(connection.outsideContact === true ? {} : NO_OUTSIDE_CONTACT),
    ...connection.extra,
  }
  return Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : ['-c', `${key}=${toToml(value)}`],
  )
}

/** A value in TOML's inline form. */
export function toToml(value: TomlValue): string {
  if (typeof value === 'string') return toTomlString(value)
  if (typeof value !== 'object') return String(value)
  if (isList(value)) return `[${value.map(toToml).join(', ')}]`
  const members = Object.entries(value).map(([key, item]) => `${toTomlString(key)}=${toToml(item)}`)
  return `{${members.join(', ')}}`
}

const isList = (value: object): value is readonly TomlValue[] => Array.isArray(value)

/** JSON's escapes are TOML's, but for the one character TOML forbids and JSON lets through. */
const toTomlString = (text: string) => JSON.stringify(text).replaceAll('\u007f', '\\u007F')
