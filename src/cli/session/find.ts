/** The session that somebody means by an id or its beginning. */
import type { BridgeApi } from '../bridge/api.ts'
import { RefusedError, UsageError } from '../context.ts'
import { toVisible } from '../visible.ts'

const WHOLE_ID = /^sess_[0-9a-f]{32}$/
const MIN_DIGITS = 4
/** As many as the bridge lists at once. */
const LISTED = 1000

/** @returns the whole id; one that is whole already is not looked up */
export async function findSessionId(api: BridgeApi, given: string): Promise<string> {
  if (WHOLE_ID.test(given)) return given
  const shown = toVisible(given.slice(0, 80))
  const start = given.startsWith('sess_') ? given : `sess_${given}`
  if (!/^[0-9a-f]+$/.test(start.slice(5)) || start.length < 5 + MIN_DIGITS) {
    throw new UsageError(
      `"${shown}" is not the id of a session, nor ${MIN_DIGITS} or more of its first digits. "synth session list" shows them.`,
    )
  }
  const sessions = await api.listSessions({ limit: LISTED })
  const found = sessions.map(({ session_id }) => session_id).filter((id) => id.startsWith(start))
  const [only, ...others] = found
  if (only === undefined) {
    throw new RefusedError(`No session of yours begins with "${shown}". Try "synth session list".`)
  }
  if (others.length > 0) {
    throw new UsageError(
      `"${shown}" begins ${found.length} sessions: ${found.slice(0, 5).join(', ')}. Give more digits.`,
    )
  }
  return only
}
