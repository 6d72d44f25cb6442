/** The bridge that a command asks: the one of `--url`, else the one that the configuration describes. */
import type { LoadedConfig } from '../../config/load.ts'
import { loadForCli } from '../config.ts'
import { type CliContext, UsageError } from '../context.ts'
import { type BridgeApi, createBridgeApi } from './api.ts'
import { presentedKeyOf } from './key.ts'
import { originOf } from './origin.ts'

export interface BridgeFlags {
  readonly config?: string
  readonly url?: string
  readonly apiKeyEnv?: string
}

export interface Reached {
  readonly api: BridgeApi
  readonly loaded: LoadedConfig
}

/** @throws {UsageError} when flags and configuration do not say where, or with which key */
export function reachBridge(
  flags: BridgeFlags,
  context: CliContext,
  signal?: AbortSignal,
): Reached {
  const loaded = loadForCli(
    { ...(flags.config !== undefined && { config: flags.config }) },
    context,
  )
  const { server } = loaded.config
  if (flags.url === undefined && server.port === 0) {
    throw new UsageError(
      'server.port is 0, so the bridge listens on whichever port was free. Name it with --url.',
    )
  }
  const api = createBridgeApi({
    ...presentedKeyOf(flags.apiKeyEnv, loaded.config, context.env),
    url: flags.url ?? originOf(server.host, server.port),
    fetch: context.fetch,
    ...(signal === undefined ? {} : { signal }),
  })
  return { api, loaded }
}
