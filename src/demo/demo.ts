/**
 * `synth demo`: the whole thing on one machine. The scripted model, the bridge in front of it and the
 * real Codex CLI on a throw-away folder; Codex runs a command and applies a patch. It checks that all
 * of it really happened and says what did not.
 *
 * The bridge comes from outside, as `startBridge`: this room knows no other one of its level.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codexCatalogue } from '../codex/catalogue.ts'
import { type CodexExecResult, type FoundCodex, runCodexExec } from '../codex/exec.ts'
import { findCodex } from '../codex/find.ts'
import { codexOverrides } from '../codex/launch.ts'
import type { ScriptedRequest } from './chat-request.ts'
import { type DemoSpend, describeEvent, describeFailure, describeFinish } from './report.ts'
import {
  DEMO_MODEL,
  DEMO_PROMPT,
  DEMO_RESULT_FILE,
  DEMO_SEED_FILE,
  demoSeedLine,
} from './script.ts'
import { startScriptedModel } from './scripted-model.ts'
import { missingSteps } from './verify.ts'

export interface DemoBridge {
  /** The origin it listens on, without `/v1`. */
  readonly url: string
  /** What a call needs to reach the demo's session, if it needs anything. */
  readonly headers?: Readonly<Record<string, string>>
  /** What the session has used; undefined where sessions are not kept. */
  readSpend?(): Promise<DemoSpend | undefined>
  close(): Promise<void>
}

export interface DemoBridgeRequest {
  /** The scripted model's base URL, `/v1` included. */
  readonly upstreamUrl: string
  readonly model: typeof DEMO_MODEL
  /** The session's cost limit. */
  readonly limitUsd: string
}

export interface DemoOptions {
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
  /** Starts a bridge on a free port that serves `model` from `upstreamUrl`. */
  readonly startBridge: (request: DemoBridgeRequest) => Promise<DemoBridge>
  /** Ends the demo early; everything it started is ended and removed all the same. */
  readonly signal: AbortSignal
  /** Finds Codex; the pinned or the user's own by default. */
  readonly findCodex?: typeof findCodex
  readonly timeoutMs?: number
  /** The word that Codex can only learn from the file; random by default. */
  readonly seed?: string
}

const DEMO_LIMIT_USD = '0.05'
const TIMEOUT_MS = 50_000
const KEY_ENV = 'SYNTH_DEMO_KEY'

/** Runs the demo. Answers its exit code: 0, or 1 when anything of it did not happen. */
export async function runDemo(options: DemoOptions): Promise<0 | 1> {
  const codex = (options.findCodex ?? findCodex)(options.env)
  if (!codex.found) {
    options.stderr(`${codex.message}\n`)
    return 1
  }
  const folder = await mkdtemp(join(tmpdir(), 'synth-demo-'))
  const cleanups: (() => Promise<unknown>)[] = [
    // Codex's databases may still be closing.
    () => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }),
  ]
  try {
    return await perform(options, codex, folder, cleanups)
  } catch (error) {
    options.stderr(`The demo failed: ${error instanceof Error ? error.message : error}\n`)
    return 1
  } finally {
    for (const clean of cleanups.reverse()) await clean()
  }
}

async function perform(
  options: DemoOptions,
  codex: FoundCodex,
  folder: string,
  cleanups: (() => Promise<unknown>)[],
): Promise<0 | 1> {
  const { stdout } = options
  const seed = options.seed ?? `violet-${randomBytes(3).toString('hex')}`
  const requests: ScriptedRequest[] = []
  const model = await startScriptedModel({ onRequest: (request) => requests.push(request) })
  cleanups.push(() => model.close())
  const bridge = await options.startBridge({
    upstreamUrl: model.url,
    model: DEMO_MODEL,
    limitUsd: DEMO_LIMIT_USD,
  })
  cleanups.push(() => bridge.close())

  stdout('Everything runs on this machine, in a throw-away folder.\n\n')
  stdout(`  model    ${DEMO_MODEL.name}, scripted, at ${model.url}\n`)
  stdout(`  bridge   ${bridge.url}\n`)
  stdout(`  codex    the real one (${codex.origin === 'pinned' ? 'pinned' : codex.command})\n\n`)
  stdout(`> ${DEMO_PROMPT}\n\n`)

  const work = join(folder, 'work')
  const result = await askCodex(options, { codex, bridge, folder, work, seed })
  const content = await readFile(join(work, DEMO_RESULT_FILE), 'utf8').catch(() => undefined)
  const missing = missingSteps({ result, requests, content, seed })
  if (content !== undefined) {
    stdout(`\n${DEMO_RESULT_FILE}\n${content.trimEnd().replaceAll(/^/gm, '  | ')}\n`)
  }
  if (missing.length > 0) {
    options.stderr(describeFailure(missing, result))
    return 1
  }
  const spend = await bridge.readSpend?.()
  stdout(`\n${describeFinish(result.exitCode, spend, requests.length)}\n`)
  return 0
}

interface Place {
  readonly codex: FoundCodex
  readonly bridge: DemoBridge
  readonly folder: string
  readonly work: string
  readonly seed: string
}

async function askCodex(options: DemoOptions, place: Place): Promise<CodexExecResult> {
  const home = join(place.folder, 'home')
  const catalogPath = join(place.folder, 'models.json')
  const { name: slug, contextWindow } = DEMO_MODEL
  await mkdir(place.work)
  await mkdir(home)
  await writeFile(join(place.work, DEMO_SEED_FILE), demoSeedLine(place.seed))
  await writeFile(
    catalogPath,
    JSON.stringify(codexCatalogue([{ slug, contextWindow, images: false, subAgents: false }])),
  )
  return runCodexExec({
    codex: place.codex,
    arguments: [
      ...['--model', slug, '--skip-git-repo-check', '--ephemeral'],
      // The script only reads and writes inside the folder, and Codex's sandbox cannot start in
      // many containers, which is where a demo is often tried first.
      ...['--sandbox', 'danger-full-access'],
      ...codexOverrides({
        baseUrl: `${place.bridge.url}/v1`,
        keyEnv: KEY_ENV,
        headers: place.bridge.headers,
        catalogPath,
        requestMaxRetries: 1,
        streamMaxRetries: 1,
        extra: { 'features.goals': false, 'features.unbounded_connection_retries': false },
      }),
      DEMO_PROMPT,
    ],
    cwd: place.work,
    env: codexEnvironment(options.env, home),
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
    signal: options.signal,
    onEvent: (event) => options.stdout(describeEvent(event)),
  })
}

/** No proxy, key or setting of the user's may lead Codex anywhere else than to the bridge. */
function codexEnvironment(env: DemoOptions['env'], home: string): Record<string, string> {
  const kept = ['PATH', 'LANG', 'LC_ALL', 'SHELL', 'TMPDIR', 'USER'].flatMap((name) => {
    const value = env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return { ...Object.fromEntries(kept), HOME: home, CODEX_HOME: home, [KEY_ENV]: 'synth-demo' }
}
