/** What the commands share of the configuration: loading it, and finding upstreams where it has none. */
import { homedir } from 'node:os'
import { applyDiscovery, builtinUpstream } from '../config/apply-discovery.ts'
import { ConfigError, type ConfigProblem } from '../config/config-error.ts'
import { type Discovery, discoverUpstreams } from '../config/discover.ts'
import {
  type ConfigClient,
  hasUpstreams,
  type LoadedConfig,
  type LoadOptions,
  loadConfig,
} from '../config/load.ts'
import { startScriptedModel } from '../demo/scripted-model.ts'
import { type CliContext, UsageError } from './context.ts'

export interface ConfigFlags {
  readonly config?: string
  /** Whose file names count in the working folder; Codex's by default. */
  readonly client?: ConfigClient
  readonly host?: string
  readonly port?: number
}

function explained<T>(step: () => T): T {
  try {
    return step()
  } catch (cause) {
    if (cause instanceof ConfigError) throw new UsageError(cause.message)
    throw cause
  }
}

export function loadOptionsOf(flags: ConfigFlags, context: CliContext): LoadOptions {
  return {
    path: flags.config,
    ...(flags.client === undefined ? {} : { client: flags.client }),
    env: context.env,
    cwd: context.cwd,
    home: context.env['HOME'] ?? homedir(),
    host: flags.host,
    port: flags.port,
  }
}

export type ReadConfig =
  | { readonly ok: true; readonly loaded: LoadedConfig }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] }

/** For commands to which a wrong file is a finding, and not the end. */
export function readConfig(flags: ConfigFlags, context: CliContext): ReadConfig {
  try {
    return { ok: true, loaded: loadConfig(loadOptionsOf(flags, context)) }
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause
    return { ok: false, problems: cause.problems }
  }
}

/** @throws {UsageError} listing every problem with its file and line */
export function loadForCli(flags: ConfigFlags, context: CliContext): LoadedConfig {
  return explained(() => loadConfig(loadOptionsOf(flags, context)))
}

/** Looks for providers' keys in the environment and for servers on this machine's usual ports. */
export function discoverForCli(ownPort: number, context: CliContext): Promise<Discovery> {
  return discoverUpstreams({
    env: context.env,
    fetch: context.fetch,
    ownPort,
  })
}

/**
 * The configuration with what the environment and this machine offer in place of upstreams that it
 * does not name; undefined where they offer nothing.
 */
export async function withFoundUpstreams(
  loaded: LoadedConfig,
  context: CliContext,
): Promise<LoadedConfig | undefined> {
  if (hasUpstreams(loaded.config)) return loaded
  const discovery = await discoverForCli(loaded.config.server.port, context)
  if (discovery.kind === 'builtin') return undefined
  return explained(() => applyDiscovery(loaded, discovery.upstreams, context.env))
}

export interface ReadyConfig {
  readonly loaded: LoadedConfig
  /** Stops the built-in model, if it was needed. */
  close(): Promise<void>
}

/** Fills in what the environment and this machine offer; with nothing found, the built-in model. */
export async function withUpstreams(
  loaded: LoadedConfig,
  context: CliContext,
): Promise<ReadyConfig> {
  const found = await withFoundUpstreams(loaded, context)
  if (found !== undefined) return { loaded: found, close: async () => {} }
  const model = await startScriptedModel()
  return {
    loaded: explained(() => applyDiscovery(loaded, builtinUpstream(model.url), context.env)),
    close: () => model.close(),
  }
}
