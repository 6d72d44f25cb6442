/**
 * Which process a bridge is, so that another one can tell whether it is still there. A pid alone is
 * not enough: it is used again, and containers all have a pid 1.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { systemCodeOf } from '../../errors.ts'

export interface ProcessIdentity {
  /** Processes with the same value can see each other's pids. */
  readonly machine: string
  readonly pid: number
  /** Differs between two processes that had the same pid; empty where the system does not say. */
  readonly startedAt: string
}

export const thisProcess = (): ProcessIdentity => identityOfProcess(process.pid)

/** Of a process that is there. */
export function identityOfProcess(pid: number): ProcessIdentity {
  return { machine: machineId(), pid, startedAt: startOf(pid) ?? '' }
}

export type Liveness = 'alive' | 'dead' | 'unknown'

/** `unknown`: it runs where this process, `self`, cannot look. */
export function livenessOf(other: ProcessIdentity, self = thisProcess()): Liveness {
  if (other.machine !== self.machine) return 'unknown'
  try {
    // Signal 0 sends nothing; it only asks whether the process is there.
    process.kill(other.pid, 0)
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    if (systemCodeOf(error) === 'ESRCH') return 'dead'
  }
  const startedAt = startOf(other.pid)
  if (startedAt === undefined || other.startedAt === '') return 'alive'
  return startedAt === other.startedAt ? 'alive' : 'dead'
}

/** A boot of a machine and, in containers, the part of it whose pids are visible. */
function machineId(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return hostname()
  }
}

/** Clock ticks between boot and the process's start: field 22, counted after the name in brackets. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}
