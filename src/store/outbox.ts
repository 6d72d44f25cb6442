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

export interface Outbox {
  add(request: Resolving): void
  /** How many settlements wait for the store. */
  readonly size: number
  /** One last attempt at each. */
  close(): Promise<void>
}

export function createOutbox(send: Send, onTaken: (holdId: string) => void): Outbox {
  // One per hold: a settlement replaces the void that a failed reservation left.
  const waiting = new Map<string, Resolving>()
  let delayMs = FIRST_DELAY_MS
  let timer: NodeJS.Timeout | undefined
  let isFlushing = false

  const schedule = (): void => {
    if (timer !== undefined || isFlushing || waiting.size === 0) return
    timer = setTimeout(() => {
      timer = undefined
      void flush().then(schedule)
    }, delayMs).unref()
  }

  const flush = async (): Promise<void> => {
    isFlushing = true
    for (const [holdId, request] of [...waiting]) {
      try {
        await send(request)
        waiting.delete(holdId)
        delayMs = FIRST_DELAY_MS
        onTaken(holdId)
      } catch (error) {
        // Anything but the store being away would fail for ever.
        if (!(error instanceof StoreUnavailable)) waiting.delete(holdId)
        else {
          delayMs = Math.min(delayMs * 2, LAST_DELAY_MS)
          break
        }
      }
    }
    isFlushing = false
  }

  return {
    add(request) {
      const { holdId, kind } = request.operation
      if (kind === 'settle' || !waiting.has(holdId)) waiting.set(holdId, request)
      schedule()
    },
    get size() {
      return waiting.size
    },
    async close() {
      clearTimeout(timer)
      await flush()
      waiting.clear()
    },
  }
}
