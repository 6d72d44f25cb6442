/**
 * A stage for `synth codex` and `synth opencode` as a user starts them: a scripted upstream, a folder
 * with a configuration, a home of its own. Nothing of it is left when the test is over.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { toSessionJson } from '../../../src/budget/session-json.ts'
import { LOCAL_OWNER } from '../../../src/config/owners.ts'
import { randomIds } from '../../../src/store/random-ids.ts'
import { openSqliteStore } from '../../../src/store/sqlite/sqlite.ts'
import { ENTRY, MODEL } from './bridge.ts'
import { withDeadline } from './deadline.ts'
import { type Script, type ScriptedUpstream, startUpstream } from './upstream.ts'

const DEADLINE_MS = 60_000

interface LaunchRun {
  readonly child: ChildProcess
  stdout(): string
  stderr(): string
  /** Its exit code, or null when a signal ended it. */
  readonly exit: Promise<number | null>
}

export interface LaunchScene {
  readonly upstream: ScriptedUpstream
  /** Where it is started. */
  readonly work: string
  readonly home: string
  readonly env: Readonly<Record<string, string>>
  /** `synth` with these arguments; its input is closed. */
  start(args: readonly string[], env?: Readonly<Record<string, string>>): LaunchRun
  /** All sessions, the newest first, straight from the store. */
  sessions(): Promise<ReturnType<typeof toSessionJson>[]>
  /** The records of launches that run, or were killed. */
  launches(): LaunchFile[]
  /** The addresses of the bridges that run. */
  bridges(): string[]
  /** What should be gone: temporary folders, and the entries of launches and bridges. */
  leftBehind(): string[]
}

interface LaunchFile {
  readonly folder: string
  readonly client: { readonly pid: number } | null
}

export interface LaunchSceneOptions {
  readonly script: Script
  /** TOML after the model's table, whose price is $1 per million tokens in and $10 out. */
  readonly toml?: string
}

export async function openLaunchScene(options: LaunchSceneOptions): Promise<LaunchScene> {
  const folder = mkdtempSync(join(tmpdir(), 'synth-e2e-launch-'))
  onTestFinished(() =>
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }),
  )
  const [work, home, temporary] = ['work', 'home', 'tmp'].map((name) => {
    mkdirSync(join(folder, name))
    return join(folder, name)
  }) as [string, string, string]
  const upstream = await startUpstream(options.script)
  onTestFinished(() => upstream.close())
  writeFileSync(
    join(work, 'synth.toml'),
    `[upstreams.scripted]\nbase_url = "${upstream.url}"\n\n[models.${MODEL}]\nmodel = "upstream-model"\nprice = { input = "1", output = "10" }\n${options.toml ?? ''}`,
  )
  const state = join(home, '.local', 'state', 'synth')
  const env = {
    PATH: [join(import.meta.dirname, '../../../node_modules/.bin'), process.env['PATH']].join(
      delimiter,
    ),
    HOME: home,
    TMPDIR: temporary,
    // OpenCode asks for these over the network.
    OPENCODE_DISABLE_AUTOUPDATE: '1',
    OPENCODE_DISABLE_MODELS_FETCH: '1',
    OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
  }
  const namesIn = (path: string): string[] => (existsSync(path) ? readdirSync(path) : [])

  const readAll = <File>(name: string): File[] =>
    namesIn(join(state, name))
      .filter((file) => file.endsWith('.json'))
      .map((file) => JSON.parse(readFileSync(join(state, name, file), 'utf8')) as File)

  return {
    upstream,
    work,
    home,
    env,
    start(args, more = {}) {
      const child = spawn(process.execPath, [ENTRY, ...args], {
        cwd: work,
        env: { ...env, ...more },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      onTestFinished(() => void child.kill('SIGKILL'))
      const output = { stdout: '', stderr: '' }
      for (const name of ['stdout', 'stderr'] as const) {
        child[name].setEncoding('utf8').on('data', (text: string) => {
          output[name] += text
        })
      }
      // `exit` and not `close`: what outlives the launch would hold its output open.
      const exit = once(child, 'exit').then(([code]) => code as number | null)
      return {
        child,
        stdout: () => output.stdout,
        stderr: () => output.stderr,
        exit: withDeadline(`synth ${args.join(' ')}`, DEADLINE_MS, exit),
      }
    },
    async sessions() {
      const path = join(state, 'synth.db')
      const store = await openSqliteStore({ path, instanceId: randomIds.uuid() })
      try {
        const nowMs = Date.now()
        const found = await store.listSessions({ ...LOCAL_OWNER, limit: 100, offset: 0 }, nowMs)
        return found.map((session) => toSessionJson(session, nowMs))
      } finally {
        await store.close()
      }
    },
    launches: () => readAll('launches'),
    bridges: () => readAll<{ url: string }>('bridges').map(({ url }) => url),
    leftBehind: () => [
      ...namesIn(temporary).filter((name) => name.startsWith('synth-')),
      ...namesIn(join(state, 'launches')),
      ...namesIn(join(state, 'bridges')),
    ],
  }
}
