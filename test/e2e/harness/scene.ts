/**
 * A stage for one end-to-end test: a scripted upstream, the bridge before it, and the real Codex CLI
 * with a folder and a home of its own. All of it is gone when the test is over.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type CodexModel, codexCatalogue } from '../../../src/codex/catalogue.ts'
import { type CodexEvent, type CodexExecResult, runCodexExec } from '../../../src/codex/exec.ts'
import { findCodex } from '../../../src/codex/find.ts'
import { codexOverrides, type TomlValue } from '../../../src/codex/launch.ts'
import { configOf, MODEL, type RunningBridge, startBridge } from './bridge.ts'
import { type SocketTap, startSocketTap } from './socket-tap.ts'
import { type Script, type ScriptedUpstream, startUpstream } from './upstream.ts'

const CODEX_DEADLINE_MS = 60_000
const KEY_ENV = 'SYNTH_KEY'

export interface SceneOptions {
  readonly script: Script
  /** TOML lines for `[server]`. */
  readonly serverToml?: string
  /** TOML lines for the model's table in the bridge's configuration. */
  readonly modelToml?: string
  /** What the catalogue says of the model beyond its name. */
  readonly model?: Omit<CodexModel, 'slug'>
  /** Whether Codex speaks to the bridge over a WebSocket, through a tap. */
  readonly socket?: boolean
  /** Path of the base URL that Codex gets; `/v1` unless it says otherwise. */
  readonly basePath?: string
  /** Further `-c` overrides for Codex. */
  readonly overrides?: Readonly<Record<string, TomlValue>>
}

interface CodexRun extends CodexExecResult {
  /** What was said last; undefined when nothing was. */
  readonly lastMessage: string | undefined
  /** What `codex exec` calls errors, retries announced on the way among them. */
  readonly errors: readonly string[]
  /** Finished items of that type. */
  items(type: string): readonly NonNullable<CodexEvent['item']>[]
}

export interface Scene {
  readonly upstream: ScriptedUpstream
  readonly bridge: RunningBridge
  readonly tap: SocketTap | undefined
  /** Codex's working folder. */
  readonly work: string
  /** Runs `codex exec` with these arguments, the prompt last. */
  codex(args: readonly string[], options?: { readonly signal?: AbortSignal }): Promise<CodexRun>
  file(name: string): Promise<string>
}

export async function openScene(options: SceneOptions): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), 'synth-e2e-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }))
  const work = join(folder, 'work')
  const home = join(folder, 'home')
  const catalogPath = join(folder, 'models.json')
  await Promise.all([mkdir(work), mkdir(home)])
  await writeFile(
    catalogPath,
    JSON.stringify(codexCatalogue([{ slug: MODEL, subAgents: false, ...options.model }])),
  )
  const upstream = await startUpstream(options.script)
  onTestFinished(() => upstream.close())
  const config = configOf(upstream.url, options.modelToml, options.serverToml)
  const bridge = await startBridge({ folder, config })
  onTestFinished(() => bridge.close())

  const tap = options.socket === true ? await startSocketTap(bridge.url) : undefined
  onTestFinished(() => tap?.close())

  const codex = findCodex(process.env)
  if (!codex.found) throw new Error(codex.message)
  return {
    upstream,
    bridge,
    tap,
    work,
    file: (name) => readFile(join(work, name), 'utf8'),
    async codex(args, { signal } = {}) {
      const result = await runCodexExec({
        codex,
        arguments: [
          ...['--skip-git-repo-check', '--model', MODEL],
          '--dangerously-bypass-approvals-and-sandbox',
          ...codexOverrides({
            baseUrl: `${tap?.url ?? bridge.url}${options.basePath ?? '/v1'}`,
            keyEnv: KEY_ENV,
            catalogPath,
            extra: {
              'features.goals': false,
              ...(tap !== undefined && { 'model_providers.synth.supports_websockets': true }),
              ...options.overrides,
            },
          }),
          ...args,
        ],
        cwd: work,
        env: {
          PATH: process.env['PATH'] ?? '',
          HOME: home,
          CODEX_HOME: home,
          [KEY_ENV]: 'client-key',
        },
        timeoutMs: CODEX_DEADLINE_MS,
        signal,
      })
      if (result.ending === 'timed out') {
        throw new Error(`codex exec: not done after ${CODEX_DEADLINE_MS} ms\n${result.stderr}`)
      }
      return describeRun(result)
    },
  }
}

function describeRun(result: CodexExecResult): CodexRun {
  const items = (type: string) =>
    result.events
      .filter((event) => event.type === 'item.completed' && event.item?.type === type)
      .flatMap((event) => event.item ?? [])
  return {
    ...result,
    items,
    lastMessage: items('agent_message').at(-1)?.text,
    errors: result.events.flatMap(
      (event) => event.error?.message ?? (event.type === 'error' ? (event.message ?? []) : []),
    ),
  }
}
