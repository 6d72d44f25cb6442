/** The ids that stores draw in production. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { Ids } from '../budget/session.ts'

export const randomIds: Ids = {
  sessionId: () => `sess_${randomBytes(16).toString('hex')}`,
  uuid: () => randomUUID(),
}
