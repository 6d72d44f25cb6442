/** The bridge until it is told to stop. */

import { startBridge } from '../compose.ts'
import { ConfigError } from '../config/config-error.ts'
import { formatKeyPath } from '../config/key-path.ts'
import type { LoadedConfig } from '../config/load.ts'
import { systemCodeOf } from '../errors.ts'
import { StoreUnavailable } from '../gateway/ledger-port.ts'
import { loadForCli, withUpstreams } from './config.ts'
import { type CliContext, UsageError } from './context.ts'
import { toLogLine } from './log-line.ts'

export interface ServeFlags {
  readonly config?: string
  readonly host?: string
  readonly port?: number
}

function explainStartError(cause: unknown, host: string, port: number): never {
  if (cause instanceof ConfigError || cause instanceof StoreUnavailable) {
    throw new UsageError(cause.message)
  }
  const code = systemCodeOf(cause)
  if (code === 'EADDRINUSE') {
    throw new UsageError(
      `Port ${port} on ${host} is taken. Stop what uses it, or choose another with --port (0 takes a free one).`,
    )
  }
  if (code === 'EACCES') {
    throw new UsageError(
      `Port ${port} needs more rights than this user has. Choose one above 1023.`,
    )
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    throw new UsageError(`${host} is not an address of this machine. Check server.host or --host.`)
  }
  throw cause
}

/** A line for each upstream that the configuration did not name, saying where it came from. */
function foundUpstreams(loaded: LoadedConfig, ready: LoadedConfig): string[] {
  return Object.keys(ready.config.upstreams)
    .filter((name) => !Object.hasOwn(loaded.config.upstreams, name))
    .map((name) => {
      const source = ready.sources.get(formatKeyPath(['upstreams', name, 'base_url']))
      return `upstream ${name}, ${source}\n`
    })
}

/** @returns the exit code */
export async function serve(flags: ServeFlags, context: CliContext): Promise<number> {
  const loaded = loadForCli(flags, context)
  const ready = await withUpstreams(loaded, context)
  for (const warning of ready.loaded.warnings) context.stderr(`warning: ${warning}\n`)
  for (const line of foundUpstreams(loaded, ready.loaded)) context.stderr(line)
  const { host, port } = ready.loaded.config.server
  try {
    const bridge = await startBridge({
      loaded: ready.loaded,
      env: context.env,
      onEvent: (event) => context.stderr(toLogLine(event)),
    }).catch((cause: unknown) => explainStartError(cause, host, port))
    context.stdout(`synth listening on ${bridge.url}\n`)
    await context.interrupted()
    await bridge.close()
    return 0
  } finally {
    await ready.close()
  }
}
