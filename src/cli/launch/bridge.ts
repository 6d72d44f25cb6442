/**
 * The bridge that a launch goes through: the one of `--url`, else a `synth serve` of the same
 * configuration, else one of its own in this process, which ends with it. One of its own is never
 * shared: whoever depended on it would lose it with this client (docs/decisions).
 */
import { BUILTIN_MODEL } from '../../config/apply-discovery.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { type BridgeApi, createBridgeApi } from '../bridge/api.ts'
import { findReusable } from '../bridge/find.ts'
import { type PresentedKey, presentedKeyOf } from '../bridge/key.ts'
import { storeFingerprint } from '../bridge/registry.ts'
import { startFindableBridge } from '../bridge/start.ts'
import { type ReadyConfig, withFoundUpstreams, withUpstreams } from '../config.ts'
import { type CliContext, UsageError } from '../context.ts'
import { toLogLine } from '../log-line.ts'
import type { SessionHome } from './record.ts'

export interface BridgeChoice {
  readonly loaded: LoadedConfig
  readonly url: string | undefined
  readonly apiKeyEnv: string | undefined
  /** As far as it is known yet. */
  readonly model: string | undefined
}

export interface LaunchBridge {
  readonly api: BridgeApi
  readonly key: PresentedKey
  readonly origin: 'named' | 'found' | 'started'
  /** What it serves by; undefined where only it knows. */
  readonly ready: LoadedConfig | undefined
  readonly home: SessionHome
  /** The last of what it had to say, a line each; empty for one that has its own log. */
  log(): readonly string[]
  close(): Promise<void>
}

/** The client has gone by then, and its calls with it. */
const DRAIN_MS = 2_000
const LOG_LINES_KEPT = 200

/** @throws {UsageError} when none can be had, with what to do */
export async function openBridge(
  choice: BridgeChoice,
  context: CliContext,
  signal: AbortSignal,
): Promise<LaunchBridge> {
  const { loaded, url, apiKeyEnv } = choice
  const key = presentedKeyOf(apiKeyEnv, loaded.config, context.env)
  const { fetch } = context
  const shared = { key, log: () => [], close: async () => {} }
  if (url !== undefined) {
    const api = createBridgeApi({ ...key, url, fetch })
    await createBridgeApi({ ...key, url, fetch, signal }).health()
    const home = { url: api.url, store: null }
    return { ...shared, api, origin: 'named', ready: undefined, home }
  }
  const found = await findReusable(loaded, context)
  if (found !== undefined) {
    const api = createBridgeApi({ ...key, url: found.url, fetch })
    const ready = await withFoundUpstreams(loaded, context)
    const home = { url: api.url, store: storeFingerprint(loaded) ?? null }
    return { ...shared, api, origin: 'found', ready, home }
  }
  return startOwn(choice, key, context)
}

async function startOwn(
  { loaded, model }: BridgeChoice,
  key: PresentedKey,
  context: CliContext,
): Promise<LaunchBridge> {
  const ready = await readyFor(loaded, model, context)
  for (const warning of ready.loaded.warnings) context.stderr(`warning: ${warning}\n`)
  const { config } = ready.loaded
  // Only its own client reaches it, from this machine, wherever `synth serve` would listen.
  const server = { ...config.server, host: '127.0.0.1', port: 0 }
  const lines: string[] = []
  try {
    const bridge = await startFindableBridge({
      loaded,
      ready: { ...ready.loaded, config: { ...config, server } },
      kind: 'launch',
      env: context.env,
      // Kept until the client has left the terminal to us again. What is the client's own fault, a limit
      // among it, it has shown itself.
      onEvent: (event) => {
        if (event.error?.info.origin === 'client') return
        lines.push(toLogLine(event))
        if (lines.length > 2 * LOG_LINES_KEPT) lines.splice(0, lines.length - LOG_LINES_KEPT)
      },
      drainMs: DRAIN_MS,
    })
    return {
      api: createBridgeApi({ ...key, url: bridge.url, fetch: context.fetch }),
      key,
      origin: 'started',
      ready: ready.loaded,
      home: { url: null, store: storeFingerprint(loaded) ?? null },
      log: () => lines,
      async close() {
        await bridge.close()
        await ready.close()
      },
    }
  } catch (cause) {
    await ready.close()
    throw cause
  }
}

/** The built-in model plays one scene and answers nothing: it is used by whoever names it. */
async function readyFor(
  loaded: LoadedConfig,
  model: string | undefined,
  context: CliContext,
): Promise<ReadyConfig> {
  if (model === BUILTIN_MODEL) return withUpstreams(loaded, context)
  const found = await withFoundUpstreams(loaded, context)
  if (found !== undefined) return { loaded: found, close: async () => {} }
  const file = loaded.path === undefined ? 'There is no configuration' : `${loaded.path} names none`
  throw new UsageError(
    `No model server: ${file}, no provider's key is in the environment, and nothing answers on this machine. Run "synth init" to write a configuration, set a key such as OPENROUTER_API_KEY, or start a server such as Ollama. "synth demo" shows how it works without any.`,
  )
}
