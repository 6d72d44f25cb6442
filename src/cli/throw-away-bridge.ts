/** A bridge for one command: on a free port, with its budget in memory, gone without a trace. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bridge, type BridgeOptions, startBridge } from '../compose.ts'
import type { LoadedConfig } from '../config/load.ts'
import { ConfigSchema } from '../config/schema.ts'

export interface ThrowAwayOptions extends Pick<BridgeOptions, 'env' | 'onEvent'> {
  /** As the TOML would have it, without `server`. */
  readonly config: Readonly<Record<string, unknown>>
}

export interface ThrowAwayBridge extends Bridge {
  /** What it runs with; its state folder goes with it. */
  readonly loaded: LoadedConfig
}

export async function startThrowAwayBridge({
  config,
  ...options
}: ThrowAwayOptions): Promise<ThrowAwayBridge> {
  const stateDir = await mkdtemp(join(tmpdir(), 'synth-bridge-'))
  const removeState = () => rm(stateDir, { recursive: true, force: true })
  try {
    const server = { port: 0, store: 'memory', state_dir: stateDir }
    const loaded: LoadedConfig = {
      config: ConfigSchema.parse({ ...config, server }),
      path: undefined,
      sources: new Map(),
      storage: { stateDir, store: { kind: 'memory' } },
      warnings: [],
    }
    const bridge = await startBridge({ ...options, loaded })
    return {
      url: bridge.url,
      loaded,
      async close() {
        await bridge.close()
        await removeState()
      },
    }
  } catch (cause) {
    await removeState()
    throw cause
  }
}
