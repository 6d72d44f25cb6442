/** The ids that stores, and what uses them, draw in production. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { Ids } from '../budget/session.ts'

export const randomIds: Ids = {
  sessionId: () => `sess_${randomBytes(16).toString('hex')}`,
  uuid: () => randomUUID(),
}

/**
 * A UUID (version 7) that begins with the time. Holds are stored by their id: with ids in order, those
 * of one transaction share a few pages, where random ones need a page each (four times the bytes to
 * write and sync for 64 calls at once).
 */
export function newHoldId(nowMs: number = Date.now()): string {
  const time = nowMs.toString(16).padStart(12, '0')
  const random = randomUUID()
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(15)}`
}
