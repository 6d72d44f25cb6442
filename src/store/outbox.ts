/**
 * Settlements the store could not take: disk full, database gone. They are offered again until they are
 * taken, so that no spend is lost while the bridge lives. If it dies first, the holds still stand and
 * recovery charges them.
 */
import type { Settle, Void } from '../budget/operation.ts'
import { StoreUnavailable } from '../gateway/ledger-port.ts'
import type { LedgerRequest, Send } from './request.ts'

type Resolving = LedgerRequest<Settle> | LedgerRequest<Void>

const FIRST_DELAY_MS = 100
const LAST_DELAY_MS = 5_000
const OFFERED_AT_ONCE = 64

export interface Outbox {
  add(request: Resolving, fault: StoreUnavailable): void
  /** How many settlements wait for the store, and why. */
  readonly size: number
  readonly fault: StoreUnavailable | undefined
  /** One last attempt at each. */
  close(): Promise<void>
}

export function createOutbox(send: Send, onTaken: (holdId: string) => void): Outbox {
  // One per hold: a settlement replaces the void that a failed reservation left.
  const waiting = new Map<string, Resolving>()
  let delayMs = FIRST_DELAY_MS
  let timer: NodeJS.Timeout | undefined
  let isFlushing = false
  let lastFault: StoreUnavailable | undefined

  const schedule = (): void => {
    if (timer !== undefined || isFlushing || waiting.size === 0) return
    timer = setTimeout(() => {
      timer = undefined
      void flush().then(schedule)
    }, delayMs).unref()
  }

  const offer = async (holdId: string, request: Resolving): Promise<void> => {
    try {
      await send(request)
      onTaken(holdId)
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error
      // Anything but the store being away would fail for ever.
    }
    // Not what has taken its place meanwhile.
    if (waiting.get(holdId) === request) waiting.delete(holdId)
  }

  const flush = async (): Promise<void> => {
    isFlushing = true
    try {
      while (waiting.size > 0) {
        const some = [...waiting].slice(0, OFFERED_AT_ONCE)
        await Promise.all(some.map(([holdId, request]) => offer(holdId, request)))
        delayMs = FIRST_DELAY_MS
      }
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error
      lastFault = error
      delayMs = Math.min(delayMs * 2, LAST_DELAY_MS)
    } finally {
      isFlushing = false
    }
  }

  return {
    add(request, fault) {
      lastFault = fault
      const { holdId, kind } = request.operation
      if (kind === 'settle' || !waiting.has(holdId)) waiting.set(holdId, request)
      schedule()
    },
    get size() {
      return waiting.size
    },
    get fault() {
      return waiting.size === 0 ? undefined : lastFault
    },
    async close() {
      clearTimeout(timer)
      await flush()
      waiting.clear()
    },
  }
}
