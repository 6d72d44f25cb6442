/** The stores that the configuration names: the ledger, and beside it what is kept of responses. */
import { randomUUID } from 'node:crypto'
import { join, parse } from 'node:path'
import type { StorageSettings } from '../config/storage.ts'
import { createRedactor } from '../gateway/redact.ts'
import type { ResponseStore } from '../gateway/state/port.ts'
import type { TraceStore } from '../gateway/trace/port.ts'
import { createMemoryStore } from './memory.ts'
import type { Store } from './port.ts'
import { randomIds } from './random-ids.ts'
import { createMemoryResponseStore } from './sqlite/response-engine.ts'
import { openSqliteResponseStore } from './sqlite/response-store.ts'
import { openSqliteStore } from './sqlite/sqlite.ts'
import { createMemoryTraceStore } from './sqlite/trace-engine.ts'
import { openTraceStore } from './sqlite/trace-store.ts'

/** @throws {StoreUnavailable} if it cannot be opened; the message names the way out. */
export async function openStore({ store }: StorageSettings): Promise<Store> {
  const instanceId = randomUUID()
  switch (store.kind) {
    case 'memory':
      return createMemoryStore({ instanceId, ids: randomIds })
    case 'sqlite':
      return openSqliteStore({ path: store.path, instanceId })
    case 'postgres': {
      // Loaded where it is used: most bridges never speak to a database server.
      const { openPostgresStore } = await import('./postgres/postgres.ts')
      return openPostgresStore({ url: store.url, instanceId })
    }
  }
}

/** @throws {StoreUnavailable} if it cannot be opened; the message names the way out. */
export async function openResponseStore({ store }: StorageSettings): Promise<ResponseStore> {
  switch (store.kind) {
    case 'memory':
      return createMemoryResponseStore()
    case 'sqlite':
      return openSqliteResponseStore({
        path: besideLedger(store.path, 'responses'),
        instanceId: randomUUID(),
      })
    case 'postgres': {
      const { openPostgresResponseStore } = await import('./postgres/response-store.ts')
      return openPostgresResponseStore({ url: store.url })
    }
  }
}

/**
 * @param secrets values that no record may hold
 * @throws {StoreUnavailable} if it cannot be opened; the message names the way out.
 */
export async function openTraces(
  { store }: StorageSettings,
  secrets: readonly string[],
): Promise<TraceStore> {
  switch (store.kind) {
    case 'memory':
      return createMemoryTraceStore(createRedactor(secrets))
    case 'sqlite': {
      const path = besideLedger(store.path, 'traces')
      return openTraceStore({ place: { kind: 'sqlite', path }, name: path, secrets })
    }
    case 'postgres': {
      const { openPostgresTraces } = await import('./postgres/trace-store.ts')
      return openPostgresTraces({ url: store.url, secrets })
    }
  }
}

/** `synth.db` has its responses in `synth-responses.db`, its traces in `synth-traces.db`. */
function besideLedger(path: string, holds: 'responses' | 'traces'): string {
  const { dir, name, ext } = parse(path)
  return join(dir, `${name}-${holds}${ext}`)
}
