/**
 * One run of `codex exec --json`, from start to the last of its processes. It owns the child: when
 * this promise is settled, nothing of that run is alive any more.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import type { CodexFinding } from './find.ts'

export type FoundCodex = Extract<CodexFinding, { found: true }>

export interface CodexExecOptions {
  readonly codex: FoundCodex
  /** What follows `codex exec --json`: flags, overrides and the prompt. */
  readonly arguments: readonly string[]
  readonly cwd: string
  /** The whole environment of the child; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  readonly onEvent?: (event: CodexEvent) => void
}

export interface CodexExecResult {
  readonly ending: 'exited' | 'timed out' | 'aborted'
  /** Null when a signal ended it. */
  readonly exitCode: number | null
  readonly events: readonly CodexEvent[]
  /** Everything on stdout that was not an event. */
  readonly stray: readonly string[]
  readonly stderr: string
}

const Item = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  message: z.string().optional(),
  command: z.string().optional(),
  aggregated_output: z.string().optional(),
  exit_code: z.number().nullish(),
  status: z.string().optional(),
  changes: z.array(z.looseObject({ path: z.string(), kind: z.string() })).optional(),
})

const CodexEventSchema = z.looseObject({
  type: z.string(),
  thread_id: z.string().optional(),
  message: z.string().optional(),
  item: Item.optional(),
  error: z.looseObject({ message: z.string().optional() }).nullish(),
})

/** A line of `codex exec --json`; only the members the bridge reads. */
export type CodexEvent = z.infer<typeof CodexEventSchema>

/** How long Codex gets to end by itself after SIGTERM. */
const GRACE_MS = 2_000

/**
 * Runs Codex and waits for its end.
 *
 * @throws when it cannot be started at all (no such file, not executable)
 */
export async function runCodexExec(options: CodexExecOptions): Promise<CodexExecResult> {
  const { codex } = options
  const child = spawn(codex.command, [...codex.arguments, 'exec', '--json', ...options.arguments], {
    cwd: options.cwd,
    env: { ...options.env },
    // Codex waits for its input's end when that is not a terminal.
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that Codex's commands can be ended together with it.
    detached: true,
  })
  const events: CodexEvent[] = []
  const stray: string[] = []
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = parseEvent(line)
    if (event === undefined) stray.push(line)
    else {
      events.push(event)
      options.onEvent?.(event)
    }
  })

  let ending: CodexExecResult['ending'] = 'exited'
  let killTimer: NodeJS.Timeout | undefined
  const stop = (reason: CodexExecResult['ending']) => {
    if (ending !== 'exited') return
    ending = reason
    signalGroup(child, 'SIGTERM')
    killTimer = setTimeout(() => signalGroup(child, 'SIGKILL'), GRACE_MS)
  }
  const onAbort = () => stop('aborted')
  const timer = setTimeout(() => stop('timed out'), options.timeoutMs)
  options.signal?.addEventListener('abort', onAbort, { once: true })
  if (options.signal?.aborted === true) onAbort()
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      // Commands that Codex left running would hold its output open, and `close` would not come.
      child.once('exit', () => signalGroup(child, 'SIGKILL'))
      child.once('close', (code) => resolve(code))
    })
    return { ending, exitCode, events, stray, stderr }
  } finally {
    clearTimeout(timer)
    clearTimeout(killTimer)
    options.signal?.removeEventListener('abort', onAbort)
  }
}

function parseEvent(line: string): CodexEvent | undefined {
  try {
    const parsed = CodexEventSchema.safeParse(JSON.parse(line))
    return parsed.success ? parsed.data : undefined
  } catch {
    // Codex's own log lines may get between the events.
    return undefined
  }
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // ESRCH: the whole group is gone, which is what was wanted.
  }
}
