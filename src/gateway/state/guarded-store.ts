/** A store whose faults are errors that clients can be told. */
import { BridgeError } from '../../errors.ts'
import { StoreUnavailable } from '../ledger-port.ts'
import type { ResponseStore } from './port.ts'

type Call = (input: never) => Promise<unknown>

/** @throws {BridgeError} store_unavailable from every call, in place of StoreUnavailable */
export function guardStore(store: ResponseStore): ResponseStore {
  const guarded = Object.entries<Call>({ ...store }).map(([name, call]) => [
    name,
    (input: never) => call(input).catch(rethrow),
  ])
  // The same names, with what each had.
  return Object.fromEntries(guarded) as ResponseStore
}

function rethrow(cause: unknown): never {
  if (!(cause instanceof StoreUnavailable)) throw cause
  throw new BridgeError('store_unavailable', `Responses cannot be kept: ${cause.message}`, {
    cause,
  })
}
