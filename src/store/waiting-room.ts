/**
 * Calls that only other calls' holds keep out wait here, first come first served, and are woken a few
 * at a time when a hold of their account is resolved: a settlement among 500 waiting calls must not
 * make 500 of them ask again. Another bridge's settlements are not heard of, so the head of each line
 * also asks again every 200 ms.
 */

const WOKEN_AT_ONCE = 8
const ASK_AGAIN_MS = 200

interface Waiter {
  readonly ticket: number
  readonly wake: () => void
}

export interface WaitingRoom {
  /** A place in line; a call that asked in vain goes back to it. */
  takeTicket(): number
  /** Until woken, or `waitMs` are over, or the signal aborts. */
  wait(
    accountId: string,
    options: { ticket: number; waitMs: number; signal: AbortSignal | undefined },
  ): Promise<void>
  /** There may be room again. */
  wake(accountIds: readonly string[], count?: number): void
  close(): void
}

export function createWaitingRoom(): WaitingRoom {
  const lines = new Map<string, Waiter[]>()
  let ticker: NodeJS.Timeout | undefined
  let tickets = 0

  const wakeLine = (accountId: string, count: number): void => {
    for (const waiter of lines.get(accountId)?.slice(0, count) ?? []) waiter.wake()
  }
  const tick = (): void => {
    for (const accountId of [...lines.keys()]) wakeLine(accountId, WOKEN_AT_ONCE)
  }
  const leave = (accountId: string, waiter: Waiter): void => {
    const line = (lines.get(accountId) ?? []).filter((other) => other !== waiter)
    if (line.length > 0) lines.set(accountId, line)
    else lines.delete(accountId)
    if (lines.size === 0) {
      clearInterval(ticker)
      ticker = undefined
    }
  }

  return {
    takeTicket() {
      tickets += 1
      return tickets
    },
    wait(accountId, { ticket, waitMs, signal }) {
      return new Promise((resolve) => {
        const waiter: Waiter = {
          ticket,
          wake() {
            leave(accountId, waiter)
            clearTimeout(timer)
            signal?.removeEventListener('abort', waiter.wake)
            resolve()
          },
        }
        const timer = setTimeout(waiter.wake, waitMs)
        signal?.addEventListener('abort', waiter.wake, { once: true })
        const line = lines.get(accountId) ?? []
        const behind = line.findIndex((other) => other.ticket > ticket)
        lines.set(accountId, line.toSpliced(behind < 0 ? line.length : behind, 0, waiter))
        ticker ??= setInterval(tick, ASK_AGAIN_MS).unref()
      })
    },
    wake(accountIds, count = WOKEN_AT_ONCE) {
      for (const accountId of accountIds) wakeLine(accountId, count)
    },
    close() {
      for (const accountId of [...lines.keys()]) wakeLine(accountId, Number.POSITIVE_INFINITY)
    },
  }
}
