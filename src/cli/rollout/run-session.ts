/** The bridge and the session of one run, and their end however the run ends. */
import { VERSION } from '../../version.ts'
import type { LimitRequest } from '../bridge/api.ts'
import type { SessionAnswer } from '../bridge/api-schemas.ts'
import { settledSession } from '../bridge/session-end.ts'
import type { CliContext } from '../context.ts'
import { type BridgeChoice, type LaunchBridge, openBridge } from '../launch/bridge.ts'
import { closeDeadLaunches, LAUNCH_ID, openLaunch } from '../launch/record.ts'
import { openSession, type Undo, undoAll } from '../launch/session.ts'

export interface RunSession {
  readonly bridge: LaunchBridge
  readonly sessionId: string
}

export interface RunSessionOptions {
  readonly choice: BridgeChoice
  readonly limits: readonly LimitRequest[]
  readonly jobId: string
  /** Ends the opening; once `use` runs, that is what decides. */
  readonly signal: AbortSignal
}

export interface RunSessionResult {
  /** As it was at its end; undefined where the bridge has gone. */
  readonly session: SessionAnswer | undefined
  /** The last of what the run's own bridge had to say. */
  readonly log: readonly string[]
}

/**
 * Opens both, runs `use`, and closes both. A run that is killed leaves a record, by which the next one
 * ends its session.
 */
export async function withRunSession(
  { choice, limits, jobId, signal }: RunSessionOptions,
  context: CliContext,
  use: (run: RunSession) => Promise<void>,
): Promise<RunSessionResult> {
  const undo: Undo = []
  try {
    const bridge = await openBridge(choice, context, signal)
    undo.push(() => bridge.close())
    const { api, home } = bridge
    const { stateDir } = choice.loaded.storage
    await closeDeadLaunches(stateDir, api, home)
    signal.throwIfAborted()
    const record = openLaunch(stateDir, home)
    undo.push(() => record.removeFolder())
    const terms = {
      limits,
      make_active: false,
      session_type: 'rollout',
      metadata: { [LAUNCH_ID]: record.launchId, job_id: jobId, launcher: VERSION },
    }
    const closing: Undo = []
    const sessionId = await openSession(api, terms, record, closing)
    try {
      await use({ bridge, sessionId })
    } finally {
      // Before it is read: a task app that goes on calling spends no more.
      await undoAll(closing, context.stderr)
    }
    return { session: await settledSession(api, sessionId), log: bridge.log() }
  } finally {
    await undoAll(undo, context.stderr)
  }
}
