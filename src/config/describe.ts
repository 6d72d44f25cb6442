/** The effective configuration, key by key, each with where it comes from: `synth config show`. */
import { isRecord } from '../translate/narrow.ts'
import { formatKeyPath, type KeyPath } from './key-path.ts'
import type { LoadedConfig } from './load.ts'
import { allowsNoSession, allowsUnregistered, modelSettings, upstreamSettings } from './settings.ts'
import { hasPassword } from './warnings.ts'

export interface EffectiveValue {
  /** As TOML writes it. */
  readonly key: string
  /** A plain value or a list of them; undefined where there is none. Passwords are masked. */
  readonly value: unknown
  /** `default`, `file:line`, `--flag`, or what was found. */
  readonly source: string
}

/** One row a key. */
export function describeConfig({ config, sources, storage }: LoadedConfig): EffectiveValue[] {
  const values: Record<string, unknown> = {
    ...config,
    server: { ...config.server, state_dir: storage.stateDir, store: mask(config.server.store) },
    session: { ...config.session, allow_no_session: allowsNoSession(config) },
    interceptor: { ...config.interceptor, allow_unregistered: allowsUnregistered(config) },
    upstreams: mapValues(config.upstreams, (upstream, name) => {
      const { dialect } = upstreamSettings(name, upstream)
      return {
        ...upstream,
        head_system: dialect.headSystem,
        later_system: dialect.laterSystem,
        developer_role: dialect.developerRole,
        reasoning_field: dialect.reasoningField,
        max_tokens_field: dialect.maxTokensField,
        empty_content: dialect.emptyContent ?? 'null',
        json_schema: dialect.jsonSchema,
        unsupported: dialect.unsupported,
      }
    }),
    models: mapValues(config.models, (model, name) => ({
      ...model,
      model: model.model ?? (name === '*' ? undefined : name),
      stop_tool: modelSettings(name, model).stopTool,
    })),
  }
  return leavesOf(values).map(([path, value]) => {
    const key = formatKeyPath(path)
    return { key, value, source: sources.get(key) ?? 'default' }
  })
}

/** Plain values and lists of them, with the path to each. */
function leavesOf(value: unknown, path: KeyPath = []): [KeyPath, unknown][] {
  if (value === undefined) return []
  if (Array.isArray(value)) {
    const isListOfTables = value.some((element) => isRecord(element))
    if (!isListOfTables) return [[path, value]]
    return value.flatMap((element, index) => leavesOf(element, [...path, index]))
  }
  if (!isRecord(value)) return [[path, value]]
  return Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, [...path, key]))
}

function mapValues<T>(
  table: Readonly<Record<string, T>>,
  change: (value: T, name: string) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(table).map(([name, value]) => [name, change(value, name)]),
  )
}

function mask(store: string): string {
  if (!hasPassword(store)) return store
  const url = new URL(store)
  url.password = '***'
  return url.href
}
