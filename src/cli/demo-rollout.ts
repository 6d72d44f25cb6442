/**
 * `synth demo --rollout`: two candidates for the example task, scored on the same seeds, offline. The
 * task app is a process of its own, the model is scripted, the bridge between them is the real one.
 */
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { DEMO_MODEL } from '../demo/script.ts'
import { startScriptedModel } from '../demo/scripted-model.ts'
import { KEY_VARIABLE } from '../rollout/keys.ts'
import { createTaskApp } from '../task-app/client.ts'
import { createTaskAppHttp } from '../task-app/http.ts'
import { amountText } from './bridge/amounts.ts'
import { type CliContext, RefusedError } from './context.ts'
import { startExampleApp } from './demo-task-app.ts'
import type { BridgeChoice } from './launch/bridge.ts'
import { type Undo, undoAll } from './launch/session.ts'
import { toLogLine } from './log-line.ts'
import { readCandidate } from './rollout/candidate.ts'
import { KEEPS_NOTHING } from './rollout/out-file.ts'
import { createProgress } from './rollout/progress.ts'
import type { RunReport } from './rollout/report.ts'
import { scoreSeeds } from './rollout/score.ts'
import { rewardText } from './rollout/tally.ts'
import { createStyle, formatColumns } from './style.ts'
import { startThrowAwayBridge } from './throw-away-bridge.ts'

/** Beside the task app; `synth rollout --candidate` takes the same files. */
const CANDIDATES = ['short.json', 'better.json'] as const
const EXAMPLE = new URL('../../examples/support-mail/', import.meta.url)
const SEEDS = { from: 0, to: 20 }
const CONCURRENCY = 5
const TIMEOUT_S = 30
const LIMIT_USD = '0.05'
const UPSTREAM = 'demo'

export interface DemoRolloutBridge {
  readonly choice: BridgeChoice
  close(): Promise<unknown>
}

/** @param upstreamUrl of the scripted model */
export type OpenDemoBridge = (
  upstreamUrl: string,
  context: CliContext,
) => Promise<DemoRolloutBridge>

async function openThrowAway(upstreamUrl: string, context: CliContext): Promise<DemoRolloutBridge> {
  const { name, contextWindow, price } = DEMO_MODEL
  const { url, loaded, close } = await startThrowAwayBridge({
    config: {
      upstreams: { [UPSTREAM]: { base_url: upstreamUrl } },
      models: { [name]: { upstream: UPSTREAM, context_window: contextWindow, price } },
    },
    env: {},
    onEvent: (event) => context.stderr(toLogLine(event)),
  })
  return { choice: { loaded, url, apiKeyEnv: undefined, model: name }, close }
}

interface Result {
  readonly candidate: string
  readonly report: RunReport
}

/** @returns the exit code: 0 when every seed of both candidates is done */
export async function demoRollout(
  context: CliContext,
  openBridge: OpenDemoBridge = openThrowAway,
): Promise<number> {
  const undo: Undo = []
  try {
    const model = await startScriptedModel()
    undo.push(() => model.close())
    const { choice, close } = await openBridge(model.url, context)
    undo.push(close)
    // The app that it starts wants a key, as one that others can reach should.
    const key = `sk_env_${randomBytes(16).toString('hex')}`
    const app = await startExampleApp(key)
    undo.push(app.close)
    const http = createTaskAppHttp({ url: app.url, keys: [key], connections: CONCURRENCY })
    undo.push(() => http.close())

    context.stdout('Everything runs on this machine.\n\n')
    context.stdout(`  model     ${DEMO_MODEL.name}, scripted, at ${model.url}\n`)
    context.stdout(`  bridge    ${choice.url}\n`)
    context.stdout(`  task app  support-mail, a process of its own, at ${app.url}\n\n`)
    const results: Result[] = []
    for (const candidate of CANDIDATES) {
      context.stdout(`> ${SEEDS.to - SEEDS.from} seeds with ${candidate}\n`)
      const { report } = await scoreSeeds(
        {
          taskApp: createTaskApp(http),
          keys: { keys: [key], variable: KEY_VARIABLE },
          seeds: SEEDS,
          model: DEMO_MODEL.name,
          candidate: readCandidate(fileURLToPath(new URL(candidate, EXAMPLE)), context.cwd),
          dialect: 'auto',
          concurrency: CONCURRENCY,
          timeoutS: TIMEOUT_S,
          limits: [{ metric_type: 'cost_usd', limit_value: LIMIT_USD }],
          choice,
          out: KEEPS_NOTHING,
          progress: createProgress(context, false, performance.now()),
        },
        context,
      )
      results.push({ candidate, report })
      if (report.stopped !== null) break
    }
    return tell(results, context)
  } finally {
    await undoAll(undo, context.stderr)
  }
}

function tell(results: readonly Result[], context: CliContext): number {
  const style = createStyle(context.hasColors)
  const rows = results.map(({ candidate, report }) => {
    const { tally, session } = report
    const { mean } = tally.reward
    return [
      candidate,
      mean === undefined ? '-' : rewardText(mean),
      `${tally.done} of ${tally.total}`,
      session === undefined ? '-' : amountText('cost_usd', session.current_usage.cost_usd, 'up'),
    ]
  })
  context.stdout(`\n${formatColumns([['CANDIDATE', 'MEAN REWARD', 'DONE', 'COST'], ...rows])}\n`)
  const isDone = results.every(({ report }) => report.tally.done === report.tally.total)
  if (!isDone || results.length < CANDIDATES.length) {
    throw new RefusedError('the demo failed: not every seed was scored. Its causes are above.')
  }
  context.stdout(`${style.strong(winnerText(results))}\n`)
  return 0
}

/** `better.json wins: mean reward 0.8 against 0.55, for $0.0012 against $0.0008`. */
function winnerText(results: readonly Result[]): string {
  const meanOf = ({ report }: Result): number => report.tally.reward.mean ?? 0
  const [best, next] = results.toSorted((left, right) => meanOf(right) - meanOf(left))
  if (best === undefined || next === undefined) return ''
  const costOf = ({ report }: Result): string =>
    amountText('cost_usd', report.session?.current_usage.cost_usd ?? '0', 'up')
  if (meanOf(best) === meanOf(next)) return `Both score ${rewardText(meanOf(best))}`
  const scores = `mean reward ${rewardText(meanOf(best))} against ${rewardText(meanOf(next))}`
  return `${best.candidate} wins: ${scores}, for ${costOf(best)} against ${costOf(next)}`
}
