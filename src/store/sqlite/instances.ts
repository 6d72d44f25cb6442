/**
 * Which bridges share the file, and which of them are gone. A process is known by its id and the time
 * it began, so that another one that got the same id is not taken for it.
 */
import { readFileSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'

/** Without a sign of life for this long a bridge is taken for gone though its process exists. */
const LEASE_MS = 15_000

export interface LostInstance {
  readonly instanceId: string
  /** Its process has ended; otherwise only its lease ran out. */
  readonly isDead: boolean
}

/** `pid start`, where the system tells when a process began; `pid` alone elsewhere. */
export function processName(pid: number): string | undefined {
  try {
    process.kill(pid, 0)
  } catch (cause) {
    const isOthers = cause instanceof Error && 'code' in cause && cause.code === 'EPERM'
    if (!isOthers) return undefined
  }
  try {
    // The 22nd field, counted behind the command, which may hold blanks and parentheses.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A process that nobody has waited for yet runs no more.
    return fields[0] === 'Z' ? undefined : `${pid} ${fields[19] ?? ''}`
  } catch {
    return String(pid)
  }
}

export interface Instances {
  beat(nowMs: number): void
  lost(nowMs: number): LostInstance[]
  forget(instanceId: string): void
}

export function createInstances(db: DatabaseSync, instanceId: string): Instances {
  const self = processName(process.pid) ?? String(process.pid)
  const beat = db.prepare('INSERT OR REPLACE INTO instances VALUES (?, ?, ?)')
  const others = db.prepare(
    'SELECT instance_id, process, heartbeat_ms FROM instances WHERE instance_id <> ?',
  )
  const forget = db.prepare('DELETE FROM instances WHERE instance_id = ?')
  return {
    beat: (nowMs) => void beat.run(instanceId, self, nowMs),
    lost: (nowMs) =>
      others.all(instanceId).flatMap((row) => {
        const name = String(row['process'])
        const isDead = processName(Number(name.split(' ')[0])) !== name
        const isSilent = nowMs - Number(row['heartbeat_ms']) > LEASE_MS
        return isDead || isSilent ? [{ instanceId: String(row['instance_id']), isDead }] : []
      }),
    forget: (lostId) => void forget.run(lostId),
  }
}
