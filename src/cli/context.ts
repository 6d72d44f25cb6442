/** What a command may touch of the world, so that tests can hand it another. */
import type { Prompter } from './prompter.ts'
import type { Screen } from './screen.ts'

export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Whether stdout is a terminal: then a line may be rewritten while something runs. */
  readonly isTerminal: boolean
  /** Whether stderr is a terminal: then a person reads the log. */
  readonly stderrIsTerminal: boolean
  /** Width of stdout's terminal; undefined where stdout is none. */
  readonly columns: number | undefined
  /** Whether stdout shows colours; never when `NO_COLOR` is set. */
  readonly hasColors: boolean
  stdout(text: string): void
  stderr(text: string): void
  /** Asks a server something small, outside the bridge's own way to its upstreams. */
  readonly fetch: typeof globalThis.fetch
  /** Who to ask. Undefined where nobody sits at a terminal: flags must then say everything. */
  readonly openPrompter: (() => Promise<Prompter>) | undefined
  /** A view that is redrawn, in place of lines. Undefined where stdout cannot show one. */
  readonly openScreen: (() => Promise<Screen>) | undefined
  /** Resolves with the name of the first SIGINT or SIGTERM; SIGPIPE when stdout has lost its reader. */
  interrupted(): Promise<string>
}

/** Ends a command: its message is printed, without a stack. */
export class CliError extends Error {
  override readonly name: string = 'CliError'
  readonly exitCode: 1 | 2

  constructor(message: string, exitCode: 1 | 2, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}

/** Wrong usage or configuration: printed, exit code 2. */
export class UsageError extends CliError {
  override readonly name = 'UsageError'

  constructor(message: string, options?: ErrorOptions) {
    super(message, 2, options)
  }
}

/** The command was right and the answer is no: printed, exit code 1. */
export class RefusedError extends CliError {
  override readonly name = 'RefusedError'

  constructor(message: string, options?: ErrorOptions) {
    super(message, 1, options)
  }
}

const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const

export function systemContext(): CliContext {
  const { stdin, stdout, stderr } = process
  for (const stream of [stdout, stderr]) stream.on('error', ignoreLostReader)
  const isTerminal = stdout.isTTY === true
  return {
    env: process.env,
    cwd: process.cwd(),
    isTerminal,
    stderrIsTerminal: stderr.isTTY === true,
    columns: isTerminal ? stdout.columns : undefined,
    // Node reads NO_COLOR, FORCE_COLOR and TERM here.
    hasColors: isTerminal && stdout.hasColors(),
    stdout: (text) => {
      stdout.write(text)
    },
    stderr: (text) => {
      stderr.write(text)
    },
    fetch: globalThis.fetch,
    openPrompter:
      isTerminal && stdin.isTTY === true
        ? // Loaded only when there is a question: most commands ask none.
          async () => (await import('./terminal-prompter.ts')).createTerminalPrompter()
        : undefined,
    openScreen:
      isTerminal && process.env['TERM'] !== 'dumb'
        ? async () => (await import('./terminal-screen.ts')).openTerminalScreen()
        : undefined,
    interrupted: () =>
      new Promise((resolve) => {
        const stop = (signal: string) => {
          // Whoever asks twice does not want to wait: the second ends the process.
          for (const name of STOP_SIGNALS) process.removeListener(name, stop)
          resolve(signal)
        }
        for (const name of STOP_SIGNALS) process.on(name, stop)
        // Nobody reads any more: what goes on for as long as somebody does would go on for ever.
        stdout.once('error', () => stop('SIGPIPE'))
      }),
  }
}

/** Aborted with the signal's name when the user wants the command to end. */
export function abortedAtInterrupt(context: CliContext): AbortSignal {
  const ending = new AbortController()
  void context.interrupted().then((name) => ending.abort(new Error(name)))
  return ending.signal
}

/**
 * `synth config show | head` has read enough, and a terminal that was closed shows nothing any more
 * (EIO); neither is a failure of ours, and what was begun still has to be closed.
 */
function ignoreLostReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error
}
