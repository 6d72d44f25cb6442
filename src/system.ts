/** The real clock, ids and randomness, for the one place that composes the bridge. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { Clock } from './gateway/ports.ts'
import type { Ids } from './translate/ids.ts'

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs)
    return () => clearTimeout(timer)
  },
}

const ID_BYTES = 16
/** Ids per draw from the system: a call to it costs more than the id. */
const POOLED_IDS = 64
let pool = Buffer.alloc(0)
let at = 0

function pooledHex(): string {
  if (at >= pool.length) {
    pool = randomBytes(ID_BYTES * POOLED_IDS)
    at = 0
  }
  at += ID_BYTES
  return pool.toString('hex', at - ID_BYTES, at)
}

export const systemIds: Ids = { next: (prefix) => `${prefix}_${pooledHex()}` }

export const randomHex = (bytes: number): string => randomBytes(bytes).toString('hex')

export const newRequestId = (): string => `req_${randomUUID().replaceAll('-', '')}`

/** 168 random bits, in the shape that `isMintedTrialId` knows. */
export const mintTrialId = (): string => `trial_${randomBytes(21).toString('base64url')}`
