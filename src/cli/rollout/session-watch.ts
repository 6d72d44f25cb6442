/** The session of a run while it runs: what it has spent, and whether seeds may still spend. */
import { setTimeout as pause } from 'node:timers/promises'
import type { BridgeApi } from '../bridge/api.ts'
import type { SessionAnswer } from '../bridge/api-schemas.ts'
import { lookAtSession } from '../bridge/session-end.ts'
import type { Stop } from './stop.ts'

export interface SessionWatch {
  /** A call was refused for want of budget: for good, or only while others hold the rest of it. */
  refused(): Promise<void>
  /** Resolves once the question that is on its way has been answered. */
  close(): Promise<void>
}

export interface SessionWatchOptions {
  readonly api: BridgeApi
  readonly sessionId: string
  readonly stop: Stop
  readonly onLook: (session: SessionAnswer | undefined) => void
  /** Once: calls are refused, though there is something left. */
  readonly onHeld: () => void
}

const PULSE_MS = 1_000

/** Looks once a second, and ends the run when its session is over. */
export function watchSession(options: SessionWatchOptions): SessionWatch {
  const { api, sessionId, stop, onLook, onHeld } = options
  const ended = new AbortController()
  let isHeldSaid = false

  async function look(): Promise<SessionAnswer | undefined> {
    const session = await lookAtSession(api, sessionId)
    if (session?.status === 'limit_exceeded') stop.drain('budget')
    else if (session !== undefined && session.status !== 'active') stop.drain('session')
    return session
  }

  async function pulse(): Promise<void> {
    while (!ended.signal.aborted) {
      const session = await look()
      if (!ended.signal.aborted) onLook(session)
      await pause(PULSE_MS, undefined, { signal: ended.signal }).catch(() => {})
    }
  }

  const watching = pulse()
  return {
    async refused() {
      const session = await look()
      if (session?.status !== 'active' || isHeldSaid) return
      isHeldSaid = true
      onHeld()
    },
    async close() {
      ended.abort()
      await watching
    },
  }
}
