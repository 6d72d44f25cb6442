/**
 * Calls that only other calls' holds keep out wait here, one line per account. When a hold of the
 * account is resolved, the first few in line ask again, together and in order; whoever still does not
 * fit keeps the place. A settlement among 500 waiting calls so makes 8 of them ask, not 500. Other
 * bridges' settlements are not heard of, so each line also asks every 200 ms.
 */

const ASKING_AT_ONCE = 8
const ASK_AGAIN_MS = 200

export interface WaitingRoom {
  /** A place in line, kept while a call asks in vain. */
  takeTicket(): number
  /** `ask`: it is the call's turn, and `asked` must follow. `over`: waited long enough, or aborted. */
  wait(
    accountId: string,
    options: { ticket: number; waitMs: number; signal: AbortSignal | undefined },
  ): Promise<'ask' | 'over'>
  asked(accountId: string, isAdmitted: boolean): void
  /** There may be room again. */
  wake(accountIds: readonly string[]): void
  /** Ends every wait. */
  close(): void
}

interface Waiter {
  readonly ticket: number
  leave(outcome: 'ask' | 'over'): void
}

interface Line {
  waiters: readonly Waiter[]
  /** How many of the present round have not heard yet. No other round starts before. */
  asking: number
  /** Whether another round is due after this one. */
  isDue: boolean
}

export function createWaitingRoom(): WaitingRoom {
  const lines = new Map<string, Line>()
  let ticker: NodeJS.Timeout | undefined
  let tickets = 0

  const lineOf = (accountId: string): Line => {
    const line = lines.get(accountId) ?? { waiters: [], asking: 0, isDue: false }
    lines.set(accountId, line)
    ticker ??= setInterval(() => wake([...lines.keys()]), ASK_AGAIN_MS).unref()
    return line
  }
  const dropIfEmpty = (accountId: string, line: Line): void => {
    if (line.waiters.length > 0 || line.asking > 0) return
    lines.delete(accountId)
    if (lines.size > 0) return
    clearInterval(ticker)
    ticker = undefined
  }
  const startRound = (line: Line): void => {
    line.isDue = false
    const first = line.waiters.slice(0, ASKING_AT_ONCE)
    line.asking = first.length
    for (const waiter of first) waiter.leave('ask')
  }
  const wake = (accountIds: readonly string[]): void => {
    for (const accountId of accountIds) {
      const line = lines.get(accountId)
      if (line === undefined) continue
      if (line.asking > 0) line.isDue = true
      else startRound(line)
    }
  }

  return {
    takeTicket() {
      tickets += 1
      return tickets
    },
    wait(accountId, { ticket, waitMs, signal }) {
      const line = lineOf(accountId)
      return new Promise((resolve) => {
        const giveUp = (): void => waiter.leave('over')
        const timer = setTimeout(giveUp, waitMs)
        signal?.addEventListener('abort', giveUp, { once: true })
        const waiter: Waiter = {
          ticket,
          leave(outcome) {
            line.waiters = line.waiters.filter((other) => other !== waiter)
            clearTimeout(timer)
            signal?.removeEventListener('abort', giveUp)
            dropIfEmpty(accountId, line)
            resolve(outcome)
          },
        }
        const behind = line.waiters.findIndex((other) => other.ticket > ticket)
        line.waiters = line.waiters.toSpliced(behind < 0 ? line.waiters.length : behind, 0, waiter)
      })
    },
    asked(accountId, isAdmitted) {
      const line = lineOf(accountId)
      line.asking -= 1
      // Where one fitted, the next may too.
      if (isAdmitted) line.isDue = true
      // Those of this round that go back must be in line before the next round is called.
      if (line.asking === 0) {
        setImmediate(() => {
          if (line.isDue && line.asking === 0) startRound(line)
          dropIfEmpty(accountId, line)
        })
      }
    },
    wake,
    close() {
      for (const line of lines.values()) for (const waiter of line.waiters) waiter.leave('over')
      clearInterval(ticker)
    },
  }
}
