/**
 * The ledger told a second time, as plainly as can be: every amount ever spent is kept with its time,
 * every hold with its amount, and each question is answered by adding all of them up. It shares no
 * code with the ledger.
 *
 * Where the ledger may choose (a window's spend leaves up to 1/64 late, or is forgotten after a clock
 * has jumped back beyond two windows), the oracle knows the least and the most that may count.
 */

export interface OracleLimit {
  readonly value: bigint
  /** Absent: a hard limit. */
  readonly windowMs?: number
}

interface Spent {
  readonly account: string
  readonly atMs: number
  readonly amount: bigint
}

export interface OracleHold {
  readonly accounts: readonly string[]
  held: bigint
  state: 'held' | 'sent' | 'settled' | 'voided'
  ifOrphaned: bigint | undefined
  charged: bigint
  isOrphan: boolean
}

export interface Verdict {
  readonly mustGrant: boolean
  readonly mustRefuse: boolean
  /** What may be granted, at the least and at the most. */
  readonly leastGrant: bigint
  readonly mostGrant: bigint
  readonly mustBeUsedUp: boolean
  readonly mustBeHeld: boolean
}

const descending = (left: bigint, right: bigint): number => (left > right ? -1 : 1)
const largest = (...values: bigint[]): bigint => values.toSorted(descending)[0] ?? 0n
const smallest = (...values: bigint[]): bigint => values.toSorted(descending).at(-1) ?? 0n

export class LedgerOracle {
  readonly #limits: ReadonlyMap<string, readonly OracleLimit[]>
  readonly #spent: Spent[] = []
  readonly holds = new Map<string, OracleHold>()
  /** What upstreams billed beyond their holds, and what came late for an orphan: all that may pass a limit. */
  readonly #excused = new Map<string, bigint>()
  readonly stopped = new Set<string>()
  nowMs: number
  #latestMs: number

  constructor(limits: ReadonlyMap<string, readonly OracleLimit[]>, nowMs: number) {
    this.#limits = limits
    this.nowMs = nowMs
    this.#latestMs = nowMs
  }

  moveClock(byMs: number): void {
    this.nowMs = Math.max(0, this.nowMs + byMs)
    this.#latestMs = Math.max(this.#latestMs, this.nowMs)
  }

  spentOf(account: string): bigint {
    return this.#sum(account, () => true)
  }

  reservedOf(account: string): bigint {
    let reserved = 0n
    for (const hold of this.holds.values()) {
      const isOpen = hold.state === 'held' || hold.state === 'sent'
      if (isOpen && hold.accounts.includes(account)) reserved += hold.held
    }
    return reserved
  }

  #sum(account: string, counts: (spent: Spent) => boolean): bigint {
    let sum = 0n
    for (const spent of this.#spent)
      if (spent.account === account && counts(spent)) sum += spent.amount
    return sum
  }

  #bounds(account: string, limit: OracleLimit): { least: bigint; most: bigint } {
    const { windowMs } = limit
    if (windowMs === undefined) {
      const spent = this.spentOf(account)
      return { least: spent, most: spent }
    }
    const width = Math.ceil(windowMs / 64)
    const start = this.nowMs - windowMs
    const forgotten = this.#latestMs - 2 * windowMs
    return {
      least: this.#sum(account, ({ atMs }) => atMs >= start && atMs > forgotten),
      most: this.#sum(account, ({ atMs }) => atMs > start - width),
    }
  }

  judge(
    accounts: readonly string[],
    wanted: bigint,
    atLeast: bigint,
    own = 0n,
    isTopUp = false,
  ): Verdict {
    let mostRoom = wanted
    let leastRoom = wanted
    let mustRefuse = false
    let mustGrant = true
    let mustBeUsedUp = false
    let mustBeHeld = true
    for (const account of accounts) {
      const reserved = this.reservedOf(account)
      if (!isTopUp && this.stopped.has(account)) {
        mustRefuse = true
        mustBeUsedUp = true
      }
      for (const limit of this.#limits.get(account) ?? []) {
        const { least, most } = this.#bounds(account, limit)
        mostRoom = smallest(mostRoom, largest(0n, limit.value - least - reserved))
        leastRoom = smallest(leastRoom, largest(0n, limit.value - most - reserved))
        if (atLeast === 0n) continue
        if (least + reserved + atLeast > limit.value) mustRefuse = true
        if (most + reserved + atLeast > limit.value) mustGrant = false
        if (least + own + atLeast > limit.value) mustBeUsedUp = true
        if (most + own + atLeast > limit.value) mustBeHeld = false
      }
    }
    return {
      mustGrant: mustGrant && !mustRefuse,
      mustRefuse,
      leastGrant: largest(atLeast, leastRoom),
      mostGrant: largest(atLeast, mostRoom),
      mustBeUsedUp,
      mustBeHeld: mustBeHeld && !mustBeUsedUp,
    }
  }

  hold(holdId: string, accounts: readonly string[], held: bigint, sent: boolean): void {
    const state = sent ? 'sent' : 'held'
    this.holds.set(holdId, {
      accounts,
      held,
      state,
      ifOrphaned: undefined,
      charged: 0n,
      isOrphan: false,
    })
  }

  charge(hold: OracleHold, amount: bigint, room: bigint): void {
    for (const account of hold.accounts) {
      this.#spent.push({ account, atMs: this.nowMs, amount })
      if (amount > room)
        this.#excused.set(account, (this.#excused.get(account) ?? 0n) + amount - room)
    }
    hold.charged += amount
  }

  crash(): void {
    for (const hold of this.holds.values()) {
      if (hold.state === 'held') hold.state = 'voided'
      if (hold.state !== 'sent') continue
      this.charge(hold, smallest(hold.held, hold.ifOrphaned ?? hold.held), hold.held)
      hold.state = 'settled'
      hold.isOrphan = true
    }
  }

  /** The promise: nothing but what is excused passes a limit. Windows only while the clock runs forward. */
  brokenLimit(): string | undefined {
    for (const [account, limits] of this.#limits) {
      for (const limit of limits) {
        if (limit.windowMs !== undefined && this.nowMs < this.#latestMs) continue
        const start = this.nowMs - (limit.windowMs ?? 0)
        const spent =
          limit.windowMs === undefined
            ? this.spentOf(account)
            : this.#sum(account, ({ atMs }) => atMs > start)
        const used = spent + this.reservedOf(account)
        const excused = this.#excused.get(account) ?? 0n
        if (used > limit.value + excused)
          return `${account}: ${used} of ${limit.value} (+${excused})`
      }
    }
    return undefined
  }
}
