/** The bridges that run already, and the one that a command of this configuration may use. */
import type { LoadedConfig } from '../../config/load.ts'
import { isRecord } from '../../translate/narrow.ts'
import { VERSION } from '../../version.ts'
import type { CliContext } from '../context.ts'
import { type BridgeEntry, configFingerprint, hasOtherVariables, listEntries } from './registry.ts'

export interface RunningBridge {
  /** Without `/v1` or a slash at its end. */
  readonly url: string
  readonly kind: BridgeEntry['kind']
  readonly version: string
  /** The file it was started with; undefined for the built-in defaults. */
  readonly configPath: string | undefined
  /** Whether its configuration is the one asked for. */
  readonly isSameConfig: boolean
}

type Surroundings = Pick<CliContext, 'env' | 'fetch'>

/** A bridge on this machine answers at once, or hangs. */
const HEALTH_TIMEOUT_MS = 2_000

/**
 * Bridges of this state folder that answer. Those of the same configuration come first, then those of
 * `synth serve`, then the newest.
 *
 * @param loaded as it was read, before anything was found in place of upstreams
 */
export async function findBridges(
  loaded: LoadedConfig,
  { fetch }: Surroundings,
): Promise<RunningBridge[]> {
  return (await answering(loaded, fetch)).map((entry) => toRunning(entry, loaded))
}

/**
 * The bridge of `synth serve` that does what one started here would do: same version, configuration and
 * environment. One that was started for a client ends with that client, so nobody else may depend on it.
 */
export async function findReusable(
  loaded: LoadedConfig,
  { env, fetch }: Surroundings,
): Promise<RunningBridge | undefined> {
  const [entry] = (await answering(loaded, fetch)).filter(
    (candidate) =>
      candidate.kind === 'serve' &&
      candidate.version === VERSION &&
      candidate.config === configFingerprint(loaded) &&
      !hasOtherVariables(candidate, loaded.config, env),
  )
  return entry === undefined ? undefined : toRunning(entry, loaded)
}

async function answering(
  loaded: LoadedConfig,
  fetch: typeof globalThis.fetch,
): Promise<BridgeEntry[]> {
  const entries = listEntries(loaded.storage.stateDir)
  const answers = await Promise.all(entries.map(({ url }) => isHealthy(url, fetch)))
  const fingerprint = configFingerprint(loaded)
  const rank = ({ config, kind }: BridgeEntry): number =>
    (config === fingerprint ? 0 : 2) + (kind === 'serve' ? 0 : 1)
  return entries
    .filter((_, index) => answers[index])
    .toSorted(
      (left, right) => rank(left) - rank(right) || Date.parse(right.since) - Date.parse(left.since),
    )
}

async function isHealthy(url: string, fetch: typeof globalThis.fetch): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(HEALTH_TIMEOUT_MS)
    const answer = await fetch(`${url}/health`, { redirect: 'manual', signal })
    const json: unknown = await answer.json()
    // One that drains takes no new calls.
    return answer.ok && isRecord(json) && json['status'] === 'ok'
  } catch {
    return false
  }
}

function toRunning(entry: BridgeEntry, loaded: LoadedConfig): RunningBridge {
  return {
    url: entry.url,
    kind: entry.kind,
    version: entry.version,
    configPath: entry.config_path ?? undefined,
    isSameConfig: entry.config === configFingerprint(loaded),
  }
}
