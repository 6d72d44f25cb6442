/** What crosses between the bridge's thread and the store's. */
import type { StoreFault } from '../../gateway/ledger-port.ts'
import type { StoreRequest } from '../request.ts'

export interface WorkerOptions {
  readonly path: string
  readonly instanceId: string
}

/** An error class does not survive the crossing; its parts do. */
export interface WireFailure {
  /** Undefined for anything but a store that cannot answer. */
  readonly fault: StoreFault | undefined
  readonly message: string
  /** A caller's own mistake stays one: amounts that cannot be. */
  readonly isRange: boolean
}

export type ToWorker =
  | { readonly kind: 'request'; readonly id: number; readonly request: StoreRequest }
  | { readonly kind: 'close' }

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly failure: WireFailure }
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: WireFailure }
  | { readonly kind: 'fault'; readonly failure: WireFailure }
  | { readonly kind: 'closed' }
