/**
 * The client as a child that has the terminal to itself: its input and output are the launcher's own.
 * It stays in the launcher's process group, because only that one may read from the terminal; so Ctrl-C
 * reaches both, and every other signal is passed on.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import { systemCodeOf } from '../../errors.ts'
import { RefusedError } from '../context.ts'

export interface ChildCommand {
  readonly command: string
  readonly arguments: readonly string[]
  readonly cwd: string
  /** The whole environment. */
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface RunningChild {
  readonly pid: number
  /** Its exit code, or 128 and the signal's number. */
  readonly ended: Promise<number>
  /** Passes a signal on; one that is to end it is followed by SIGKILL when it is not obeyed. */
  signal(name: NodeJS.Signals): void
}

/** How long a client gets to end by itself after SIGTERM: Codex takes well below a second. */
const GRACE_MS = 5_000

/** @throws {RefusedError} when it cannot be started */
export async function startChild(options: ChildCommand): Promise<RunningChild> {
  const child = spawn(options.command, [...options.arguments], {
    cwd: options.cwd,
    env: { ...options.env },
    stdio: 'inherit',
  })
  const ended = endOf(child)
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (cause) => {
      const message = `${options.command} cannot be started (${systemCodeOf(cause)}).`
      reject(new RefusedError(message, { cause }))
    })
  })
  let killTimer: NodeJS.Timeout | undefined
  void ended.then(() => clearTimeout(killTimer))
  return {
    pid: child.pid ?? 0,
    ended,
    signal(name) {
      child.kill(name)
      if (name === 'SIGINT') return
      killTimer ??= setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
    },
  }
}

function endOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      resolve(signal === null ? (code ?? 0) : signalExitCode(signal))
    })
  })
}

/** What a shell says of a process that a signal ended. */
export function signalExitCode(name: NodeJS.Signals): number {
  return 128 + constants.signals[name]
}
