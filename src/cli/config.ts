/** What the commands share of the configuration: loading it, and finding upstreams where it has none. */
import { homedir } from 'node:os'
import { applyDiscovery, builtinUpstream } from '../config/apply-discovery.ts'
import { ConfigError } from '../config/config-error.ts'
import { discoverUpstreams } from '../config/discover.ts'
import { hasUpstreams, type LoadedConfig, loadConfig } from '../config/load.ts'
import { startScriptedModel } from '../demo/scripted-model.ts'
import { type CliContext, UsageError } from './context.ts'

export interface ConfigFlags {
  readonly config?: string
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

/** @throws {UsageError} listing every problem with its file and line */
export function loadForCli(flags: ConfigFlags, context: CliContext): LoadedConfig {
  return explained(() =>
    loadConfig({
      path: flags.config,
      env: context.env,
      cwd: context.cwd,
      home: context.env['HOME'] ?? homedir(),
      host: flags.host,
      port: flags.port,
    }),
  )
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
  if (hasUpstreams(loaded.config)) return { loaded, close: async () => {} }
  const discovery = await discoverUpstreams({
    env: context.env,
    fetch,
    ownPort: loaded.config.server.port,
  })
  if (discovery.kind === 'found') {
    const { upstreams } = discovery
    return {
      loaded: explained(() => applyDiscovery(loaded, upstreams, context.env)),
      close: async () => {},
    }
  }
  const model = await startScriptedModel()
  return {
    loaded: explained(() => applyDiscovery(loaded, builtinUpstream(model.url), context.env)),
    close: () => model.close(),
  }
}
