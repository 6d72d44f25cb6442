/**
 * Ledger operations that arrive while a transaction runs go together in the next, so that a session's
 * row is locked once for all of them: one hot row is served faster by one busy connection than by
 * many that wait for it.
 */
import { setImmediate } from 'node:timers/promises'
import { StoreUnavailable } from '../../gateway/ledger-port.ts'
import { type Outcomes, runLedgerBatch } from '../ledger-batch.ts'
import type { LedgerRequest } from '../request.ts'
import type { Instances } from './instances.ts'
import { createPostgresRows } from './rows.ts'
import type { Transactions } from './transactions.ts'

/** A batch's rows are locked while it runs; a larger one keeps the other instances out too long. */
const MAX_BATCH = 256

interface Waiting {
  readonly request: LedgerRequest
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

export interface LaneOptions {
  readonly transactions: Transactions
  readonly instances: Instances
  readonly uuid: () => string
  readonly toFault: (error: unknown) => unknown
}

export interface Lane {
  /** Resolves with the operation's result. */
  run(request: LedgerRequest): Promise<unknown>
  /** When nothing waits any more. */
  drained(): Promise<void>
}

export function createLane({ transactions, instances, uuid, toFault }: LaneOptions): Lane {
  const waiting: Waiting[] = []
  let draining: Promise<void> | undefined

  /** Done again after a broken COMMIT, it finds its own signature or has changed nothing. */
  const runBatch = (requests: readonly LedgerRequest[]): Promise<Outcomes> => {
    const batch = uuid()
    return transactions.runKnowing<Outcomes>(async (transaction, inDoubt) => {
      if (inDoubt !== undefined) {
        const last = await instances.lastSigned(transaction)
        if (last === batch) return inDoubt.value
        if (last === undefined) {
          throw new StoreUnavailable(
            'unavailable',
            'The database was out of reach so long that another bridge took this one for gone.',
          )
        }
      }
      instances.sign(transaction, batch)
      return runLedgerBatch(createPostgresRows(transaction, true), requests)
    })
  }

  const drain = async (): Promise<void> => {
    while (waiting.length > 0) {
      // Those that the last batch answered may have more to ask: the next is dearer than the wait.
      await setImmediate()
      const batch = waiting.splice(0, MAX_BATCH)
      try {
        const outcomes = await runBatch(batch.map(({ request }) => request))
        batch.forEach(({ resolve, reject }, index) => {
          const outcome = outcomes[index]
          if (outcome?.ok === true) resolve(outcome.result)
          else reject(outcome?.error)
        })
      } catch (error) {
        const fault = toFault(error)
        for (const { reject } of batch) reject(fault)
      }
    }
    draining = undefined
  }

  return {
    run: (request) =>
      new Promise((resolve, reject) => {
        waiting.push({ request, resolve, reject })
        draining ??= drain()
      }),
    drained: async () => draining,
  }
}
