/**
 * Finds the configuration file and reads it: the edge at which text becomes a checked `Config`.
 * Nothing is looked up on the network here; see `discover.ts`.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { systemCodeOf } from '../errors.ts'
import { checkConfig, checkUpstreams } from './checks.ts'
import { ConfigError, type ConfigProblem } from './config-error.ts'
import { formatKeyPath } from './key-path.ts'
import { describeIssues } from './problems.ts'
import { type Config, ConfigSchema } from './schema.ts'
import { folderOf, type StorageSettings, storageSettings } from './storage.ts'
import { readToml, type TomlDocument } from './toml.ts'
import { warnAboutConfig } from './warnings.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Whose file names count in the working folder. */
export type ConfigClient = 'codex' | 'opencode'

export interface LoadOptions {
  /** `--config`; undefined looks in the usual places. */
  readonly path?: string | undefined
  readonly client?: ConfigClient
  readonly env: Environment
  readonly cwd: string
  readonly home: string
  /** Flags that override the file. */
  readonly host?: string | undefined
  readonly port?: number | undefined
}

/** By key as TOML writes it (`server.port`): where its value comes from. No entry is the default. */
export type ConfigSources = ReadonlyMap<string, string>

export interface LoadedConfig {
  readonly config: Config
  /** The file that was read, or undefined for the built-in defaults. */
  readonly path: string | undefined
  readonly sources: ConfigSources
  readonly storage: StorageSettings
  /** What works but will disappoint: a sentence each. */
  readonly warnings: readonly string[]
}

/** @throws {ConfigError} listing every problem of the file. */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const path = findConfigFile(options)
  const document = path === undefined ? NO_DOCUMENT : readToml(readText(path, options.cwd), path)
  const parsed = ConfigSchema.safeParse(document.values)
  if (!parsed.success) {
    throw new ConfigError(describeIssues(parsed.error.issues, document, path ?? ''))
  }
  const { config, sources } = override(parsed.data, sourcesOf(document, path), options)
  const problems = checkConfig(config, path, document.places)
  // Without upstreams in the file they are found later, and `withUpstreams` checks then.
  if (hasUpstreams(config)) problems.push(...checkUpstreams(config, path, document.places))
  if (problems.length > 0) throw new ConfigError(problems)
  return {
    config,
    path,
    sources,
    storage: storageSettings(config, {
      env: options.env,
      home: options.home,
      folder: folderOf(path, options.cwd),
    }),
    warnings: warnAboutConfig(config, options.env),
  }
}

/** Whether the file says where models are served; if not, they have to be discovered. */
export function hasUpstreams(config: Config): boolean {
  return Object.keys(config.upstreams).length > 0
}

const NO_DOCUMENT: TomlDocument = { values: {}, places: new Map() }

/** The names that count in the working folder, first come first served. */
export function configFileNames(client: ConfigClient): string[] {
  return [`${client}-config.toml`, `${client}.toml`, 'synth.toml']
}

/** The file to read, or undefined where there is none. One that is named need not exist. */
export function findConfigFile(options: LoadOptions): string | undefined {
  const named = options.path ?? options.env['SYNTH_CONFIG']
  if (named !== undefined && named !== '') return named
  const places = [
    ...configFileNames(options.client ?? 'codex').map((name) => join(options.cwd, name)),
    join(options.home, '.config', 'synth', 'synth.toml'),
  ]
  return places.find((place) => existsSync(place))
}

function readText(path: string, cwd: string): string {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(resolve(cwd, path))
  } catch (cause) {
    throw new ConfigError([wholeFile(path, `cannot be read: ${reasonOf(cause)}`)], cause)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new ConfigError([wholeFile(path, 'is not TOML: it is not UTF-8 text')], cause)
  }
}

const wholeFile = (file: string, message: string): ConfigProblem => ({
  file,
  line: undefined,
  key: '',
  message,
})

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'its permissions forbid it',
  EISDIR: 'it is a folder',
}

function reasonOf(cause: unknown): string {
  const code = systemCodeOf(cause) || 'unknown error'
  return REASONS[code] ?? code
}

function sourcesOf(document: TomlDocument, path: string | undefined): Map<string, string> {
  return new Map(
    [...document.places].map(([key, { line }]) => [key, `${path ?? ''}:${line}`] as const),
  )
}

function override(
  config: Config,
  sources: Map<string, string>,
  { host, port }: LoadOptions,
): { config: Config; sources: ConfigSources } {
  const server = { ...config.server }
  if (host !== undefined) {
    server.host = host
    sources.set(formatKeyPath(['server', 'host']), '--host')
  }
  if (port !== undefined) {
    server.port = port
    sources.set(formatKeyPath(['server', 'port']), '--port')
  }
  return { config: { ...config, server }, sources }
}
