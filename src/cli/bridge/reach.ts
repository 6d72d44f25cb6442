/**
 * The bridge that a command asks: the one of `--url`, else one that runs with the same configuration,
 * else whatever answers where the configuration says.
 */
import type { LoadedConfig } from '../../config/load.ts'
import { loadForCli } from '../config.ts'
import { type CliContext, RefusedError } from '../context.ts'
import { toVisible } from '../visible.ts'
import { ABSENT_HINT, type BridgeApiOptions } from './ask.ts'
import { findBridges, type RunningBridge } from './find.ts'
import { presentedKeyOf } from './key.ts'
import { originOf } from './origin.ts'

export interface BridgeFlags {
  readonly config?: string
  readonly url?: string
  readonly apiKeyEnv?: string
}

export interface Reached {
  readonly loaded: LoadedConfig
  /** For `createBridgeApi`. */
  readonly options: BridgeApiOptions
  /** Addresses of further bridges that run with the same configuration. */
  readonly others: readonly string[]
}

/**
 * @throws {UsageError} when flags and configuration do not say where, or with which key
 * @throws {RefusedError} when none runs, as far as can be known without asking
 */
export async function reachBridge(flags: BridgeFlags, context: CliContext): Promise<Reached> {
  const { config, url } = flags
  const loaded = loadForCli(config === undefined ? {} : { config }, context)
  const key = presentedKeyOf(flags.apiKeyEnv, loaded.config, context.env)
  const options = { ...key, fetch: context.fetch }
  if (url !== undefined) return { loaded, options: { ...options, url }, others: [] }
  const running = await findBridges(loaded, context)
  const [first, ...others] = running.filter(({ isSameConfig }) => isSameConfig)
  if (first !== undefined) {
    return {
      loaded,
      options: { ...options, url: first.url },
      others: others.map((bridge) => bridge.url),
    }
  }
  const { host, port } = loaded.config.server
  const absentHint = absentHintOf(running)
  if (port === 0) throw new RefusedError(`No bridge of this configuration runs. ${absentHint}`)
  return { loaded, options: { ...options, url: originOf(host, port), absentHint }, others: [] }
}

/** What to do where no bridge of the configuration runs. */
function absentHintOf(running: readonly RunningBridge[]): string {
  if (running.length === 0) return ABSENT_HINT
  const list = running.map(
    ({ url, configPath }) => `${url} (${toVisible(configPath ?? 'without a file')})`,
  )
  return `${ABSENT_HINT} With other configurations run: ${list.join(', ')}.`
}
