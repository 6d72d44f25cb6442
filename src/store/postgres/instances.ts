/**
 * The bridges that share the database, and what happens to the calls of those that are gone.
 *
 * Each has a row, which is locked first by whoever changes its holds: by its own batches, which sign
 * it, and by another bridge that takes it for gone, which deletes it and settles the holds in one
 * transaction. So at most one of the two happens at a time; a bridge that comes back finds its old
 * holds resolved, and signs in again with its next batch; and a batch whose COMMIT was not answered has
 * come to its end, one way or the other, before the next one reads anything.
 *
 * A bridge signs or beats once a second, by the server's clock. One that has not for `LEASE_SECONDS` is
 * taken for gone: its holds are charged in full, because it may still be streaming.
 */
import type { Ids } from '../../budget/session.ts'
import type { Recovered } from '../../gateway/ledger-port.ts'
import { settleOrphans } from '../orphans.ts'
import { createPostgresRows } from './rows.ts'
import type { Transaction, Transactions } from './transactions.ts'

const LEASE_SECONDS = 5

const SIGN = `
  INSERT INTO instances (instance_id, heartbeat_at, last_batch) VALUES ($1, clock_timestamp(), $2)
  ON CONFLICT (instance_id) DO UPDATE SET
    heartbeat_at = excluded.heartbeat_at, last_batch = excluded.last_batch`

/** Never one that is in the middle of a batch; a bridge that was closed at once. */
const TAKE_ONE_LOST = `
  DELETE FROM instances WHERE instance_id = (
    SELECT instance_id FROM instances
    WHERE instance_id <> $1 AND heartbeat_at < now() - make_interval(secs => $2)
    LIMIT 1 FOR UPDATE SKIP LOCKED)
  RETURNING instance_id, heartbeat_at = '-infinity' AS is_closed`

export interface Instances {
  /** First of all in a transaction that changes holds of this bridge. `batch` is a UUID. */
  sign(transaction: Transaction, batch: string): void
  /** What this bridge signed last, once no earlier batch runs any more; undefined: it was taken for gone. */
  lastSigned(transaction: Transaction): Promise<string | undefined>
  beat(): Promise<void>
  /** Settles what bridges that are gone have left open. */
  recover(nowMs: number): Promise<Recovered>
  /** Leaves what is still open to the others, and to the next. */
  leave(): Promise<void>
}

export function createInstances(
  transactions: Transactions,
  instanceId: string,
  ids: Ids,
): Instances {
  const takeOne = (nowMs: number): Promise<Recovered | undefined> =>
    transactions.run(async (transaction) => {
      const [lost] = await transaction.query(TAKE_ONE_LOST, [instanceId, LEASE_SECONDS])
      if (lost === undefined) return undefined
      const gone = { instanceId: String(lost['instance_id']), isDead: lost['is_closed'] === true }
      return settleOrphans(createPostgresRows(transaction, true), gone, ids, nowMs)
    })

  return {
    sign: (transaction, batch) => transaction.send(SIGN, [instanceId, batch]),
    async lastSigned(transaction) {
      const [row] = await transaction.query(
        'SELECT last_batch FROM instances WHERE instance_id = $1 FOR UPDATE',
        [instanceId],
      )
      return row === undefined ? undefined : String(row['last_batch'])
    },
    // One that was taken for gone stays so until its next batch, which must find out.
    beat: () =>
      transactions.run(async (transaction) =>
        transaction.send(
          'UPDATE instances SET heartbeat_at = clock_timestamp() WHERE instance_id = $1',
          [instanceId],
        ),
      ),
    async recover(nowMs) {
      const total = { settled: 0, voided: 0 }
      for (;;) {
        const done = await takeOne(nowMs)
        if (done === undefined) return total
        total.settled += done.settled
        total.voided += done.voided
      }
    },
    leave: () =>
      transactions.run(async (transaction) =>
        transaction.send("UPDATE instances SET heartbeat_at = '-infinity' WHERE instance_id = $1", [
          instanceId,
        ]),
      ),
  }
}
