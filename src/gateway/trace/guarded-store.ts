/** A store of traces for those who read it: its faults are errors that clients can be told. */
import { BridgeError } from '../../errors.ts'
import { StoreUnavailable } from '../ledger-port.ts'
import type { TraceStore } from './port.ts'

export type TraceReader = Pick<TraceStore, 'find' | 'list' | 'lease'>

/** @throws {BridgeError} trace_unavailable from every call, in place of StoreUnavailable */
export function guardTraces(store: TraceReader): TraceReader {
  return {
    find: (request) => store.find(request).catch(rethrow),
    list: (query) => store.list(query).catch(rethrow),
    lease: (request) => store.lease(request).catch(rethrow),
  }
}

function rethrow(cause: unknown): never {
  if (!(cause instanceof StoreUnavailable)) throw cause
  throw new BridgeError('trace_unavailable', `Traces cannot be read: ${cause.message}`, { cause })
}
