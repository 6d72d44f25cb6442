/** The end of a session that a command has opened. */
import { setTimeout as pause } from 'node:timers/promises'
import type { BridgeApi } from './api.ts'
import { BridgeApiError } from './api-error.ts'
import type { SessionAnswer } from './api-schemas.ts'

/** For calls that were left running: the bridge has noticed that nobody waits, and settles them. */
const SETTLE_MS = 2_000
const LOOK_AGAIN_MS = 50

/** Undefined where the bridge does not say: what goes on meanwhile is what counts. */
export async function lookAtSession(
  api: BridgeApi,
  sessionId: string,
): Promise<SessionAnswer | undefined> {
  try {
    return await api.showSession(sessionId)
  } catch (cause) {
    if (cause instanceof BridgeApiError) return undefined
    throw cause
  }
}

/** The session once its calls have been charged, or as it is after a while. */
export async function settledSession(
  api: BridgeApi,
  sessionId: string,
): Promise<SessionAnswer | undefined> {
  const untilMs = performance.now() + SETTLE_MS
  for (;;) {
    const session = await lookAtSession(api, sessionId)
    const isRunning = session !== undefined && Number(session.reserved.api_calls) > 0
    if (!isRunning || performance.now() > untilMs) return session
    await pause(LOOK_AGAIN_MS)
  }
}

/** @returns whether it is over; false where the bridge is gone, and somebody else has to end it */
export async function endSession(api: BridgeApi, sessionId: string): Promise<boolean> {
  try {
    await api.endSession(sessionId)
    return true
  } catch (cause) {
    if (!(cause instanceof BridgeApiError)) throw cause
    // Refused: somebody else has ended it.
    return cause.failure === 'refused'
  }
}
