/**
 * What a launch has opened, written down before it is opened, so that the next launch can close it when
 * this one is killed: a file each below the state folder.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import {
  identityOfProcess,
  livenessOf,
  type ProcessIdentity,
  thisProcess,
} from '../../store/sqlite/process-identity.ts'
import type { BridgeApi } from '../bridge/api.ts'
import { BridgeApiError } from '../bridge/api-error.ts'
import { namesIn, writeWhole } from '../bridge/registry.ts'

const ProcessSchema = z.object({ machine: z.string(), pid: z.number(), startedAt: z.string() })

/** Where a session can be ended when the launch that opened it is gone. */
const HomeSchema = z.object({
  /** The bridge that others share; null for the launch's own, which is gone with it. */
  url: z.string().nullable(),
  /** `storeFingerprint`; null where it is in the bridge's memory. */
  store: z.string().nullable(),
})
export type SessionHome = z.infer<typeof HomeSchema>

const RecordSchema = HomeSchema.extend({
  launch_id: z.string(),
  launcher: ProcessSchema,
  client: ProcessSchema.nullable(),
  folder: z.string(),
  since: z.string(),
})
type LaunchRecord = z.infer<typeof RecordSchema>

/** In a session's metadata: which launch it was opened for. */
export const LAUNCH_ID = 'launch_id'
const FOLDER_PREFIX = 'synth-launch-'
/** A session that nobody could end for so long is left to whoever finds it. */
const MAX_AGE_MS = 7 * 24 * 3_600_000
const CLIENT_GRACE_MS = 2_000
const LOOK_AGAIN_MS = 50

export interface OpenLaunch {
  readonly launchId: string
  /** A temporary folder of this launch alone. */
  readonly folder: string
  hasStarted(pid: number): void
  removeFolder(): void
  /** The next launch has nothing to do for this one: no session of its is open. */
  forget(): void
}

const recordsOf = (stateDir: string): string => join(stateDir, 'launches')

export function openLaunch(stateDir: string, home: SessionHome): OpenLaunch {
  const launchId = randomBytes(8).toString('hex')
  const folder = join(tmpdir(), FOLDER_PREFIX + launchId)
  const path = join(recordsOf(stateDir), `${launchId}.json`)
  let record: LaunchRecord = {
    ...home,
    launch_id: launchId,
    launcher: thisProcess(),
    client: null,
    folder,
    since: new Date().toISOString(),
  }
  mkdirSync(recordsOf(stateDir), { recursive: true, mode: 0o700 })
  writeWhole(path, JSON.stringify(record))
  mkdirSync(folder, { mode: 0o700 })
  return {
    launchId,
    folder,
    hasStarted(pid) {
      record = { ...record, client: identityOfProcess(pid) }
      writeWhole(path, JSON.stringify(record))
    },
    removeFolder: () => rmSync(folder, { recursive: true, force: true }),
    forget: () => rmSync(path, { force: true }),
  }
}

/**
 * Ends what launches left that were killed: their clients, which have lost their bridge or their
 * launcher, their sessions as far as this bridge has them, their folders.
 */
export async function closeDeadLaunches(
  stateDir: string,
  api: BridgeApi,
  here: SessionHome,
): Promise<void> {
  for (const name of namesIn(recordsOf(stateDir))) {
    const path = join(recordsOf(stateDir), name)
    const record = readRecord(path)
    if (record === undefined || livenessOf(record.launcher) !== 'dead') continue
    if (record.client !== null) await endProcess(record.client)
    // Only what is named as launches name it: a file that is wrong must not cost anything else.
    if (basename(record.folder).startsWith(FOLDER_PREFIX)) {
      rmSync(record.folder, { recursive: true, force: true })
    }
    if (await isSessionOver(record, api, here)) rmSync(path, { force: true })
  }
}

function readRecord(path: string): LaunchRecord | undefined {
  try {
    return RecordSchema.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data
  } catch {
    return undefined
  }
}

/** Ends it if it is there; whether there is nothing left to do. */
async function isSessionOver(
  record: LaunchRecord,
  api: BridgeApi,
  here: SessionHome,
): Promise<boolean> {
  // It was in the memory of a bridge that is gone.
  if (record.url === null && record.store === null) return true
  const isSameBridge = record.url !== null && record.url === here.url
  const isSameStore = record.store !== null && record.store === here.store
  const isOld = Date.now() - Date.parse(record.since) > MAX_AGE_MS
  if (!isSameBridge && !isSameStore) return isOld
  try {
    for (const status of ['active', 'limit_exceeded']) {
      const sessions = await api.listSessions({ status, limit: 1_000 })
      const left = sessions.filter(({ metadata }) => launchOf(metadata) === record.launch_id)
      for (const { session_id } of left) await api.endSession(session_id)
    }
    return true
  } catch (cause) {
    if (cause instanceof BridgeApiError) return isOld
    throw cause
  }
}

const launchOf = (metadata: unknown): unknown =>
  z.looseObject({ [LAUNCH_ID]: z.unknown() }).safeParse(metadata).data?.[LAUNCH_ID]

async function endProcess(process_: ProcessIdentity): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (livenessOf(process_) !== 'alive') return
    kill(process_.pid, signal)
    const untilMs = performance.now() + CLIENT_GRACE_MS
    while (livenessOf(process_) === 'alive' && performance.now() < untilMs) {
      await pause(LOOK_AGAIN_MS)
    }
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // ESRCH: it has ended by itself meanwhile.
  }
}
