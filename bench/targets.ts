/**
 * The proxies under test, each a process of its own in a throw-away folder: the byte pipe, and the
 * bridge as `synth serve` starts it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { ProcessUsage } from './probe.ts'

/** How a target speaks to its client. */
export interface Dialect {
  readonly wire: 'chat' | 'responses'
  readonly path: string
  readonly terminal: string
}

const CHAT: Dialect = { wire: 'chat', path: '/v1/chat/completions', terminal: '"finish_reason":"' }
const RESPONSES: Dialect = {
  wire: 'responses',
  path: '/v1/responses',
  terminal: 'event: response.completed\n',
}

export interface Target {
  readonly name: string
  readonly origin: string
  readonly dialect: Dialect
  usage(): Promise<ProcessUsage>
  stop(): Promise<void>
}

/** What to start; starting is repeatable, for figures that want a fresh process. */
export interface TargetPlan {
  readonly name: string
  start(options: StartOptions): Promise<Target>
}

export interface StartOptions {
  readonly upstreamOrigin: string
  /** Made for it alone; its working folder and home. */
  readonly folder: string
  /** Flags for Node itself. */
  readonly nodeFlags: readonly string[]
}

const START_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 10_000
const here = import.meta.dirname

/** The first line that names an origin, or an error with the end of what the process said. */
export async function readOrigin(child: ChildProcess, name: string): Promise<string> {
  if (child.stdout === null) throw new Error(`${name} has no stdout`)
  const lines = createInterface({ input: child.stdout })
  const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS)
  try {
    for await (const line of lines) {
      const origin = /listening on (http:\/\/\S+)/.exec(line)?.[1]
      if (origin !== undefined) return origin
    }
  } finally {
    clearTimeout(timer)
  }
  throw new Error(`${name} did not start within ${START_TIMEOUT_MS} ms`)
}

export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  child.kill('SIGTERM')
  await once(child, 'exit')
  clearTimeout(timer)
}

async function startTarget(
  name: string,
  dialect: Dialect,
  command: readonly string[],
  { folder, nodeFlags }: StartOptions,
): Promise<Target> {
  await mkdir(folder, { recursive: true })
  const log = resolve(folder, 'stderr.log')
  const probe = new URL('./probe.ts', import.meta.url).href
  const child = spawn(process.execPath, [...nodeFlags, '--import', probe, ...command], {
    cwd: folder,
    // Whatever it keeps, it keeps in the folder.
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_STATE_HOME: folder },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  child.stderr?.pipe(createWriteStream(log))
  let origin: string
  try {
    origin = await readOrigin(child, name)
  } catch (cause) {
    const said = await readFile(log, 'utf8').catch(() => '')
    throw new Error(`${name} failed to start: ${said.slice(-2000)}`, { cause })
  }
  return {
    name,
    origin,
    dialect,
    async usage() {
      child.send('usage')
      const [usage]: ProcessUsage[] = await once(child, 'message')
      if (usage === undefined) throw new Error(`${name} did not say what it used`)
      return usage
    },
    stop: () => stopProcess(child),
  }
}

export const pipePlan: TargetPlan = {
  name: 'pipe',
  start: (options) =>
    startTarget('pipe', CHAT, [resolve(here, 'pipe.ts'), options.upstreamOrigin], options),
}

/** @param entry the program to run: `src/bin.ts` of this or of another checkout, or a built one. */
export function planBridge(name: string, entry: string): TargetPlan {
  return {
    name,
    async start(options) {
      const { upstreamOrigin, folder } = options
      await mkdir(folder, { recursive: true })
      const config = resolve(folder, 'bench.toml')
      await writeFile(
        config,
        `[server]\nhost = "127.0.0.1"\n\n[upstreams.bench]\nbase_url = "${upstreamOrigin}/v1"\n\n` +
          '[models."*"]\nupstream = "bench"\n',
      )
      const command = [resolve(entry), 'serve', '--config', config, '--port', '0']
      return startTarget(name, RESPONSES, command, options)
    },
  }
}
