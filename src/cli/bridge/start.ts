/** A bridge in this process that other commands find, for `synth serve` and for the launchers. */
import { type Bridge, type BridgeOptions, startBridge } from '../../compose.ts'
import { ConfigError } from '../../config/config-error.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { systemCodeOf } from '../../errors.ts'
import { StoreUnavailable } from '../../gateway/ledger-port.ts'
import { type CliContext, UsageError } from '../context.ts'
import { type BridgeKind, registerBridge } from './registry.ts'

export interface StartOptions {
  /** As it was read: what other commands compare theirs with. */
  readonly loaded: LoadedConfig
  /** With what was found in place of upstreams. */
  readonly ready: LoadedConfig
  readonly kind: BridgeKind
  readonly env: CliContext['env']
  readonly onEvent: BridgeOptions['onEvent']
  readonly onCall?: BridgeOptions['onCall']
  readonly drainMs?: number
}

/** @throws {UsageError} saying why it cannot start, and what to do */
export async function startFindableBridge(options: StartOptions): Promise<Bridge> {
  const { loaded, ready, kind, env, onEvent, onCall, drainMs } = options
  const { host, port } = ready.config.server
  const bridge = await startBridge({
    loaded: ready,
    env,
    onEvent,
    ...(onCall === undefined ? {} : { onCall }),
    ...(drainMs === undefined ? {} : { drainMs }),
  }).catch((cause: unknown) => explainStartError(cause, host, port))
  let unregister = (): void => {}
  try {
    unregister = registerBridge({ loaded, env, url: bridge.url, kind })
  } catch (cause) {
    // It serves all the same; only that nobody finds it.
    const message = `other commands will not find this bridge: ${String(cause)}`
    onEvent({ level: 'warn', requestId: undefined, message })
  }
  return {
    url: bridge.url,
    async close() {
      unregister()
      await bridge.close()
    },
  }
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
