/**
 * One launch: prepared, run, and closed again, however it ends.
 *
 * ```
 *   preparing ──the client runs──▶ running ──it has ended──▶ closing
 *   preparing ──a signal──▶ stopped ──what is under way has ended──▶ closing
 * ```
 *
 * While the client runs, signals are the client's; while all is closed, they change nothing any more.
 */
import type { CliContext } from '../context.ts'
import type { ErrorTerminal } from './budget-line.ts'
import { type RunningChild, signalExitCode, startChild } from './child.ts'
import type { LaunchClient } from './client.ts'
import { type LaunchFlags, prepareLaunch } from './prepare.ts'
import { type Undo, undoAll } from './session.ts'
import { conclude, watchBudget } from './watch.ts'

/** What a launch needs of its own process, beside the context of every command. */
export interface LaunchProcess {
  /** Stderr's, if it is one. */
  readonly terminal: ErrorTerminal | undefined
  /** Whether a key press such as Ctrl-C reaches the client by itself. */
  readonly sharesTerminal: boolean
  /** @returns what stops the listening */
  onSignal(listener: (name: NodeJS.Signals) => void): () => void
}

export interface Launch {
  readonly client: LaunchClient
  /** What the client is given, as it is. */
  readonly arguments: readonly string[]
  readonly flags: LaunchFlags
  readonly context: CliContext
  readonly ownProcess: LaunchProcess
}

type Phase =
  | { readonly at: 'preparing' }
  | { readonly at: 'stopped'; readonly by: NodeJS.Signals }
  | { readonly at: 'running'; readonly child: RunningChild }
  | { readonly at: 'closing' }

/**
 * @returns the client's exit code; of a launch that a signal stopped before, that signal's
 * @throws {CliError} for what kept the client from being started
 */
export async function launch({
  client,
  arguments: args,
  flags,
  context,
  ownProcess,
}: Launch): Promise<number> {
  let phase = preparing()
  const stop = new AbortController()
  const stopListening = ownProcess.onSignal((name) => {
    switch (phase.at) {
      case 'preparing':
        phase = { at: 'stopped', by: name }
        stop.abort(new Error(name))
        return
      case 'running':
        // From the terminal the client got that one itself.
        if (name !== 'SIGINT' || !ownProcess.sharesTerminal) phase.child.signal(name)
        return
      case 'stopped':
      case 'closing':
    }
  })
  const undo: Undo = [stopListening]
  try {
    const run = await prepareLaunch({ client, args, flags, context, signal: stop.signal, undo })
    stop.signal.throwIfAborted()
    const child = await startChild(run.command)
    // The signal came while it was started.
    if (phase.at === 'stopped') child.signal(phase.by)
    phase = { at: 'running', child }
    run.hasStarted(child.pid)
    const terminal = client.printsLines(args) ? ownProcess.terminal : undefined
    const stopWatching = watchBudget(run, terminal)
    const code = await child.ended
    phase = { at: 'closing' }
    await stopWatching()
    await conclude(run, code, context)
    return code
  } catch (cause) {
    if (phase.at !== 'stopped') throw cause
    return signalExitCode(phase.by)
  } finally {
    phase = { at: 'closing' }
    await undoAll(undo, context.stderr)
  }
}

/** Typed as any phase: a listener changes it behind the back of whoever reads on. */
const preparing = (): Phase => ({ at: 'preparing' })

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const

/** This process, as launches see it. */
export function thisLaunchProcess(terminal: ErrorTerminal | undefined): LaunchProcess {
  return {
    terminal,
    sharesTerminal: process.stdin.isTTY === true,
    onSignal(listener) {
      for (const name of SIGNALS) process.on(name, listener)
      return () => {
        for (const name of SIGNALS) process.removeListener(name, listener)
      }
    },
  }
}
