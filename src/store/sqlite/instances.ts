/**
 * The bridges that use one database, and what happens to the calls of those that died. On the same
 * machine a process is looked up; elsewhere (a container next door) a bridge counts as gone when its
 * beat has stood still for `LEASE_MS` by the observer's own monotonic clock, so that no clock that is
 * set wrong or jumps can bury a living one.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { Ids } from '../../budget/session.ts'
import type { Recovered } from '../../gateway/ledger-port.ts'
import { settleOrphans } from '../orphans.ts'
import type { Rows } from '../rows.ts'
import { bigint, integer, text } from './columns.ts'
import { prepare } from './ledger-rows.ts'
import { livenessOf, type ProcessIdentity } from './process-identity.ts'

const LEASE_MS = 20_000
/** Beats are only written while calls run: nothing else could be settled by others. */
const BEAT_MS = 5_000

export interface Instances {
  /** Makes sure that this bridge is known: whoever took it for dead has removed it. */
  register(): void
  unregister(): void
  /** Settles the holds of bridges that died. Within a transaction. */
  recover(nowMs: number, monotonicMs: number): Promise<Recovered>
  /** Says that this bridge lives, if it is time to. Within a transaction; one with new holds ends with it. */
  beat(monotonicMs: number): void
  /** Whether there is anything for `recover` or `beat` to do; reads only. */
  needsAttention(monotonicMs: number): boolean
}

interface Other extends ProcessIdentity {
  readonly instanceId: string
  readonly beat: bigint
}

export interface InstancesOptions {
  readonly instanceId: string
  readonly ids: Ids
  readonly self: ProcessIdentity
}

export function createInstances(
  database: DatabaseSync,
  rows: Rows,
  { instanceId, ids, self }: InstancesOptions,
): Instances {
  const upsert = prepare(
    database,
    `INSERT INTO instance (instance_id, machine, pid, process_started) VALUES (?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
  )
  const remove = prepare(database, 'DELETE FROM instance WHERE instance_id = ?')
  const selectOthers = prepare(database, 'SELECT * FROM instance WHERE instance_id <> ?')
  const selectOwners = prepare(
    database,
    "SELECT DISTINCT instance_id FROM hold WHERE state IN ('held', 'sent')",
  )
  const addBeat = prepare(database, 'UPDATE instance SET beat = beat + 1 WHERE instance_id = ?')
  /** The last beat seen of each bridge elsewhere, and since when. */
  const lastSeen = new Map<string, { beat: bigint; sinceMs: number }>()
  let beatenAtMs = Number.NEGATIVE_INFINITY

  const others = (): Other[] =>
    selectOthers.all(instanceId).map((row) => ({
      instanceId: text(row, 'instance_id'),
      machine: text(row, 'machine'),
      pid: integer(row, 'pid'),
      startedAt: text(row, 'process_started'),
      beat: bigint(row, 'beat'),
    }))
  const ownersOfHolds = (): string[] => selectOwners.all().map((row) => text(row, 'instance_id'))

  const hasStoodStill = ({ instanceId, beat }: Other, monotonicMs: number): boolean => {
    const seen = lastSeen.get(instanceId)
    if (seen?.beat !== beat) {
      lastSeen.set(instanceId, { beat, sinceMs: monotonicMs })
      return false
    }
    return monotonicMs - seen.sinceMs > LEASE_MS
  }

  /** Bridges that left holds behind; `isDead` if they are known to have ended. */
  const findGone = (monotonicMs: number): { instanceId: string; isDead: boolean }[] => {
    const owners = new Set(ownersOfHolds())
    owners.delete(instanceId)
    const gone: { instanceId: string; isDead: boolean }[] = []
    for (const other of others()) {
      const isOwner = owners.delete(other.instanceId)
      const liveness = livenessOf(other, self)
      if (liveness === 'dead') gone.push({ instanceId: other.instanceId, isDead: true })
      if (liveness === 'unknown' && isOwner && hasStoodStill(other, monotonicMs))
        gone.push({ instanceId: other.instanceId, isDead: false })
    }
    // A bridge that was closed has removed itself, and what it left open with it.
    for (const instanceId of owners) gone.push({ instanceId, isDead: true })
    return gone
  }
  const isBeatDue = (monotonicMs: number): boolean =>
    monotonicMs - beatenAtMs >= BEAT_MS && ownersOfHolds().includes(instanceId)

  return {
    register: () => {
      upsert.run(instanceId, self.machine, self.pid, self.startedAt)
    },
    unregister: () => {
      remove.run(instanceId)
    },
    async recover(nowMs, monotonicMs) {
      let settled = 0
      let voided = 0
      for (const gone of findGone(monotonicMs)) {
        const done = await settleOrphans(rows, gone, ids, nowMs)
        settled += done.settled
        voided += done.voided
        remove.run(gone.instanceId)
        lastSeen.delete(gone.instanceId)
      }
      return { settled, voided }
    },
    beat(monotonicMs) {
      if (!isBeatDue(monotonicMs)) return
      addBeat.run(instanceId)
      beatenAtMs = monotonicMs
    },
    needsAttention: (monotonicMs) => findGone(monotonicMs).length > 0 || isBeatDue(monotonicMs),
  }
}
