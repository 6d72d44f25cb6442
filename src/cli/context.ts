/** What a command may touch of the world, so that tests can hand it another. */

export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  stdout(text: string): void
  stderr(text: string): void
  /** Resolves with the name of the first SIGINT or SIGTERM. */
  interrupted(): Promise<string>
}

/** Wrong usage or configuration: printed, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const

export function systemContext(): CliContext {
  return {
    env: process.env,
    cwd: process.cwd(),
    stdout: (text) => {
      process.stdout.write(text)
    },
    stderr: (text) => {
      process.stderr.write(text)
    },
    interrupted: () =>
      new Promise((resolve) => {
        const stop = (signal: string) => {
          // Whoever asks twice does not want to wait: the second ends the process.
          for (const name of STOP_SIGNALS) process.removeListener(name, stop)
          resolve(signal)
        }
        for (const name of STOP_SIGNALS) process.on(name, stop)
      }),
  }
}
