/** Starts `store-child.ts`, listens to what it says, and kills it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const CHILD = fileURLToPath(new URL('./store-child.ts', import.meta.url))

export interface StoreChild {
  readonly process: ChildProcess
  /** Every line so far. */
  readonly lines: readonly string[]
  tell(line: string): void
  /** Until `isThere` holds for the lines so far; fails when the child ends before, with its errors. */
  until(what: string, isThere: (lines: readonly string[]) => boolean): Promise<void>
  /** SIGKILL, and gone. */
  kill(): Promise<void>
  /** Ends its input, and with it the child. */
  end(): Promise<void>
}

/** @param schema on PostgreSQL */
export function startChild(
  kind: 'sqlite' | 'postgres',
  place: string,
  schema = 'synth_bridge',
): StoreChild {
  const child = spawn(process.execPath, [CHILD, kind, place, schema], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  const listeners = new Set<() => void>()
  let rest = ''
  let errors = ''
  const notify = (): void => {
    for (const listener of [...listeners]) listener()
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const whole = (rest + text).split('\n')
    rest = whole.pop() ?? ''
    lines.push(...whole)
    notify()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const exited = new Promise<void>((resolve) => {
    child.once('close', () => {
      notify()
      resolve()
    })
  })

  return {
    process: child,
    lines,
    tell: (line) => {
      child.stdin.write(`${line}\n`)
    },
    until: (what, isThere) =>
      new Promise((resolve, reject) => {
        const listener = (): void => {
          const hasEnded = child.exitCode !== null || child.signalCode !== null
          if (isThere(lines)) resolve()
          else if (hasEnded) reject(new Error(`The child ended before: ${what}. ${errors}`))
          else return
          listeners.delete(listener)
        }
        listeners.add(listener)
        listener()
      }),
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
    async end() {
      child.stdin.end()
      await exited
    },
  }
}

export const isReady = (lines: readonly string[]): boolean => lines.includes('ready')
