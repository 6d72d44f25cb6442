/** A bridge for one command: on a free port, with its budget in memory, gone without a trace. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bridge, type BridgeOptions, startBridge } from '../compose.ts'
import { ConfigSchema } from '../config/schema.ts'

export interface ThrowAwayOptions extends Pick<BridgeOptions, 'env' | 'onEvent'> {
  /** As the TOML would have it, without `server`. */
  readonly config: Readonly<Record<string, unknown>>
}

export async function startThrowAwayBridge({
  config,
  ...options
}: ThrowAwayOptions): Promise<Bridge> {
  const stateDir = await mkdtemp(join(tmpdir(), 'synth-bridge-'))
  const removeState = () => rm(stateDir, { recursive: true, force: true })
  try {
    const server = { port: 0, store: 'memory', state_dir: stateDir }
    const bridge = await startBridge({
      ...options,
      loaded: {
        config: ConfigSchema.parse({ ...config, server }),
        path: undefined,
        sources: new Map(),
        storage: { stateDir, store: { kind: 'memory' } },
        warnings: [],
      },
    })
    return {
      url: bridge.url,
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
