/** The whole thing offline, with the built-in model and the real Codex CLI. */
import { type DemoBridge, type DemoBridgeRequest, runDemo } from '../demo/demo.ts'
import type { DemoSpend } from '../demo/report.ts'
import { createBridgeApi } from './bridge/api.ts'
import { abortedAtInterrupt, type CliContext } from './context.ts'
import { toLogLine } from './log-line.ts'
import { startThrowAwayBridge } from './throw-away-bridge.ts'

const UPSTREAM = 'demo'

async function startDemoBridge(
  { model, upstreamUrl, limitUsd }: DemoBridgeRequest,
  context: CliContext,
): Promise<DemoBridge> {
  const bridge = await startThrowAwayBridge({
    config: {
      upstreams: { [UPSTREAM]: { base_url: upstreamUrl } },
      models: {
        [model.name]: {
          upstream: UPSTREAM,
          context_window: model.contextWindow,
          price: model.price,
        },
      },
      session: { limit_cost_usd: limitUsd },
    },
    env: context.env,
    onEvent: (event) => context.stderr(toLogLine(event)),
  })
  return { ...bridge, readSpend: () => readSpend(bridge.url) }
}

/** What the one session has used, from the same API that anybody would ask. */
async function readSpend(bridgeUrl: string): Promise<DemoSpend | undefined> {
  const key = { apiKey: undefined, keyHint: 'it has no keys.' }
  const [session] = await createBridgeApi({ ...key, url: bridgeUrl, fetch }).listSessions()
  const limit = session?.limits.find(({ metric_type }) => metric_type === 'cost_usd')
  if (session === undefined || limit === undefined) return undefined
  return {
    calls: Number(session.current_usage.api_calls),
    spentUsd: String(session.current_usage.cost_usd),
    limitUsd: String(limit.limit_value),
  }
}

/** @returns the exit code */
export async function demo(context: CliContext): Promise<number> {
  return runDemo({
    stdout: context.stdout,
    stderr: context.stderr,
    env: context.env,
    startBridge: (request) => startDemoBridge(request, context),
    signal: abortedAtInterrupt(context),
  })
}
