/** The whole thing offline, with the built-in model and the real Codex CLI. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { type Bridge, startBridge } from '../compose.ts'
import type { LoadedConfig } from '../config/load.ts'
import { ConfigSchema } from '../config/schema.ts'
import { type DemoBridge, type DemoBridgeRequest, runDemo } from '../demo/demo.ts'
import type { DemoSpend } from '../demo/report.ts'
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
    readSpend: () => readSpend(bridge.url),
    async close() {
      await bridge.close()
      await removeState()
    },
  }
}

const SessionsSchema = z.array(
  z.object({
    current_usage: z.object({ cost_usd: z.string(), api_calls: z.number() }),
    limits: z.array(z.object({ metric_type: z.string(), limit_value: z.string() })),
  }),
)

/** What the one session has used, from the same API that anybody would ask. */
async function readSpend(bridgeUrl: string): Promise<DemoSpend | undefined> {
  const answer = await fetch(`${bridgeUrl}/api/v1/sessions`)
  const [session] = SessionsSchema.parse(await answer.json())
  const limit = session?.limits.find(({ metric_type }) => metric_type === 'cost_usd')
  if (session === undefined || limit === undefined) return undefined
  return {
    calls: session.current_usage.api_calls,
    spentUsd: session.current_usage.cost_usd,
    limitUsd: limit.limit_value,
  }
}

/** @returns the exit code */
export async function demo(context: CliContext): Promise<number> {
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
