/** `synth demo`: the whole thing offline, with the built-in model and the real Codex CLI. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { type Bridge, startBridge } from '../compose.ts'
import type { LoadedConfig } from '../config/load.ts'
import { ConfigSchema } from '../config/schema.ts'
import { type DemoBridge, type DemoBridgeRequest, runDemo } from '../demo/demo.ts'
import type { CliContext } from './context.ts'
import { toLogLine } from './log-line.ts'

const UPSTREAM = 'demo'

function configOf(request: DemoBridgeRequest, stateDir: string): LoadedConfig {
  const { model } = request
  const config = ConfigSchema.parse({
    server: { port: 0, store: 'memory', state_dir: stateDir },
    upstreams: { [UPSTREAM]: { base_url: request.upstreamUrl } },
    models: {
      [model.name]: {
        upstream: UPSTREAM,
        context_window: model.contextWindow,
        price: model.price,
      },
    },
    session: { limit_cost_usd: request.limitUsd },
  })
  return {
    config,
    path: undefined,
    sources: new Map(),
    storage: { stateDir, store: { kind: 'memory' } },
    warnings: [],
  }
}

async function startDemoBridge(
  request: DemoBridgeRequest,
  context: CliContext,
): Promise<DemoBridge> {
  const stateDir = await mkdtemp(join(tmpdir(), 'synth-demo-'))
  const removeState = () => rm(stateDir, { recursive: true, force: true })
  let bridge: Bridge
  try {
    bridge = await startBridge({
      loaded: configOf(request, stateDir),
      env: context.env,
      onEvent: (event) => context.stderr(toLogLine(event)),
    })
  } catch (cause) {
    await removeState()
    throw cause
  }
  return {
    url: bridge.url,
    async close() {
      await bridge.close()
      await removeState()
    },
  }
}

async function demo(context: CliContext): Promise<number> {
  const ending = new AbortController()
  const interrupted = context.interrupted().then((name) => ending.abort(new Error(name)))
  const code = await runDemo({
    stdout: context.stdout,
    stderr: context.stderr,
    env: context.env,
    startBridge: (request) => startDemoBridge(request, context),
    signal: ending.signal,
  })
  // Keeps nothing waiting: the process ends with its exit code.
  interrupted.catch(() => {})
  return code
}

export function addDemoCommand(
  program: Command,
  context: CliContext,
  setExit: (code: number) => void,
): void {
  program
    .command('demo')
    .summary('see it work, offline, in under a minute')
    .description(
      'Starts the bridge on a free port, a scripted model behind it, and the real Codex CLI on a throw-away folder, where Codex runs a command and applies a patch. Needs no key and no network.',
    )
    .action(async () => setExit(await demo(context)))
}
