/** What a launch has spent, told while it runs and at its end. */
import { setTimeout as pause } from 'node:timers/promises'
import { BridgeApiError } from '../bridge/api-error.ts'
import type { SessionAnswer } from '../bridge/api-schemas.ts'
import type { CliContext } from '../context.ts'
import { type ErrorTerminal, openBudgetLine } from './budget-line.ts'
import type { PreparedLaunch } from './prepare.ts'
import { liveText, summaryText } from './summary.ts'

type Watched = Pick<PreparedLaunch, 'api' | 'sessionId' | 'startedMs' | 'log'>

const POLL_MS = 1_000
/** For calls that the client left running: the bridge has noticed that it is gone, and settles them. */
const SETTLE_MS = 2_000
const SETTLE_LOOK_MS = 50
const LOG_LINES_SHOWN = 5

/** @returns what ends the line, once the question that is on its way has been answered */
export function watchBudget(
  run: Watched,
  terminal: ErrorTerminal | undefined,
): () => Promise<void> {
  if (terminal === undefined) return async () => {}
  const line = openBudgetLine(terminal)
  const ending = new AbortController()
  const loop = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      const session = await show(run)
      if (session !== undefined) line.show(liveText(session, performance.now() - run.startedMs))
      await pause(POLL_MS, undefined, { signal: ending.signal }).catch(() => {})
    }
  }
  const shown = loop()
  return async () => {
    ending.abort()
    await shown
    line.close()
  }
}

/** Undefined where the bridge does not say: what the client does then is what counts. */
async function show({ api, sessionId }: Watched): Promise<SessionAnswer | undefined> {
  try {
    return await api.showSession(sessionId)
  } catch (cause) {
    if (cause instanceof BridgeApiError) return undefined
    throw cause
  }
}

/** The one line that says what it came to. */
export async function conclude(run: Watched, code: number, context: CliContext): Promise<void> {
  const elapsedMs = performance.now() - run.startedMs
  const session = await settled(run)
  if (session === undefined) {
    context.stderr('synth: the bridge is gone, so what was spent cannot be shown.\n')
  } else {
    const wasOver = session.status === 'ended' || session.status === 'expired'
    const how = wasOver ? `; the session was ${session.status} elsewhere` : ''
    context.stderr(`synth: ${summaryText(session, elapsedMs)}${how}\n`)
  }
  if (code === 0) return
  for (const line of run.log().slice(-LOG_LINES_SHOWN)) context.stderr(`  bridge: ${line}`)
}

/** The session once its calls have been charged, or as it is after a while. */
async function settled(run: Watched): Promise<SessionAnswer | undefined> {
  const untilMs = performance.now() + SETTLE_MS
  for (;;) {
    const session = await show(run)
    const isRunning = session !== undefined && Number(session.reserved.api_calls) > 0
    if (!isRunning || performance.now() > untilMs) return session
    await pause(SETTLE_LOOK_MS)
  }
}
