/** A whole bridge in this process, on a free port, in front of upstreams of the test's. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bridge, type BridgeEvent, startBridge } from '../../src/compose.ts'
import { ConfigSchema } from '../../src/config/schema.ts'
import type { StorageSettings } from '../../src/config/storage.ts'
import type { CallTiming } from '../../src/gateway/call-deps.ts'

export interface TestBridgeOptions {
  /** As the TOML would have it; `server` gets a free port and a memory store. */
  readonly config: Record<string, unknown>
  readonly env?: Readonly<Record<string, string>>
  readonly timing?: Partial<CallTiming>
  readonly drainMs?: number
  /** Where it keeps things, for a bridge that starts anew on what another left; else in memory. */
  readonly storage?: StorageSettings
}

export interface TestBridge extends Bridge {
  readonly events: readonly BridgeEvent[]
}

export async function startTestBridge(options: TestBridgeOptions): Promise<TestBridge> {
  const stateDir = options.storage?.stateDir ?? mkdtempSync(join(tmpdir(), 'synth-test-'))
  const events: BridgeEvent[] = []
  const server = { port: 0, store: 'memory', state_dir: stateDir }
  const config = ConfigSchema.parse({
    ...options.config,
    server: { ...server, ...(options.config['server'] as object | undefined) },
  })
  const bridge = await startBridge({
    loaded: {
      config,
      path: undefined,
      sources: new Map(),
      storage: options.storage ?? { stateDir, store: { kind: 'memory' } },
      warnings: [],
    },
    env: options.env ?? {},
    ...(options.timing === undefined ? {} : { timing: options.timing }),
    ...(options.drainMs === undefined ? {} : { drainMs: options.drainMs }),
    onEvent: (event) => events.push(event),
  })
  return { ...bridge, events }
}
