/** What a launch has spent, told while it runs and at its end. */
import { setTimeout as pause } from 'node:timers/promises'
import { lookAtSession, settledSession } from '../bridge/session-end.ts'
import type { CliContext } from '../context.ts'
import { type ErrorTerminal, openBudgetLine } from './budget-line.ts'
import type { PreparedLaunch } from './prepare.ts'
import { liveText, summaryText } from './summary.ts'

type Watched = Pick<PreparedLaunch, 'api' | 'sessionId' | 'startedMs' | 'log'>

const POLL_MS = 1_000
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
      const session = await lookAtSession(run.api, run.sessionId)
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

/** The one line that says what it came to. */
export async function conclude(run: Watched, code: number, context: CliContext): Promise<void> {
  const elapsedMs = performance.now() - run.startedMs
  const session = await settledSession(run.api, run.sessionId)
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
