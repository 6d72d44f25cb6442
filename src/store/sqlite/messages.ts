/** What passes between the bridge's thread and the database's. */
import type { StoreFault } from '../../gateway/ledger-port.ts'
import { StoreUnavailable } from '../../gateway/ledger-port.ts'

interface CommonSettings {
  readonly path: string
  readonly busyTimeoutMs: number
}

export type TracePlaceSettings =
  | { readonly kind: 'sqlite'; readonly path: string }
  /** The URL may hold a password: never to be shown. */
  | { readonly kind: 'postgres'; readonly url: string; readonly schema: string }

/** Which database it is, and what its engine needs. */
export type WorkerSettings = CommonSettings &
  (
    | {
        readonly holds: 'ledger' | 'responses'
        readonly instanceId: string
        /** Whether it settles the holds of dead bridges by itself, at the start and every second. */
        readonly attends: boolean
      }
    | {
        readonly holds: 'traces'
        readonly place: TracePlaceSettings
        readonly secrets: readonly string[]
      }
  )

export type ToWorker =
  | { readonly kind: 'batch'; readonly requests: readonly object[] }
  | { readonly kind: 'close' }

/** An error loses its class on the way, so it travels as what it says. */
export type WireFailure =
  | {
      readonly ok: false
      readonly kind: 'unavailable'
      readonly fault: StoreFault
      readonly message: string
    }
  | {
      readonly ok: false
      readonly kind: 'error'
      readonly name: string
      readonly message: string
      readonly stack: string | undefined
    }

export type WireAnswer = { readonly ok: true; readonly value: unknown } | WireFailure

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly error: WireFailure }
  | { readonly kind: 'answers'; readonly answers: readonly WireAnswer[] }
  | { readonly kind: 'closed' }

export function fromWire(failure: WireFailure): Error {
  if (failure.kind === 'unavailable') return new StoreUnavailable(failure.fault, failure.message)
  const error =
    failure.name === 'RangeError' ? new RangeError(failure.message) : new Error(failure.message)
  if (failure.stack !== undefined) error.stack = failure.stack
  return error
}
