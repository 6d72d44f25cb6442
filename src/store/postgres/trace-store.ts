/** Traces in PostgreSQL, from a thread that has connections of its own. */
import type { TraceStore } from '../../gateway/trace/port.ts'
import { openTraceStore } from '../sqlite/trace-store.ts'
import { placeOf } from './place.ts'

export interface PostgresTracesOptions {
  readonly url: string
  readonly secrets: readonly string[]
  /** A plain identifier. */
  readonly schema?: string
}

/** @throws {StoreUnavailable} if it cannot be opened */
export function openPostgresTraces(options: PostgresTracesOptions): Promise<TraceStore> {
  const { url, secrets, schema = 'synth_bridge' } = options
  return openTraceStore({
    place: { kind: 'postgres', url, schema },
    name: placeOf(url),
    secrets,
  })
}
