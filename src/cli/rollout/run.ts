/**
 * `synth rollout`: a task app's seeds through the interceptor, in one session with the run's limits,
 * and what they scored.
 */
import { readTaskAppKeys } from '../../rollout/keys.ts'
import type { Dialect } from '../../rollout/request.ts'
import type { SeedRange } from '../../rollout/seeds.ts'
import { createTaskApp } from '../../task-app/client.ts'
import { createTaskAppHttp } from '../../task-app/http.ts'
import { type LimitFlags, limitsOf } from '../bridge/limits.ts'
import { loadForCli } from '../config.ts'
import { type CliContext, UsageError } from '../context.ts'
import { toJsonText } from '../options.ts'
import { createStyle } from '../style.ts'
import { readCandidate } from './candidate.ts'
import { openOutFile } from './out-file.ts'
import { createProgress } from './progress.ts'
import { renderReport, toReportJson } from './report.ts'
import { type Scored, scoreSeeds } from './score.ts'
import { taskAppUrlOf } from './task-app-url.ts'

export interface RolloutFlags extends LimitFlags {
  readonly taskApp: string
  readonly seeds: SeedRange
  readonly model: string
  readonly concurrency: number
  readonly candidate?: string
  readonly timeoutS: number
  readonly dialect: Dialect | 'auto'
  readonly out?: string
  readonly resume?: boolean
  readonly json?: boolean
  readonly config?: string
  readonly url?: string
  readonly apiKeyEnv?: string
}

const LOG_LINES_SHOWN = 5

/** @returns the exit code: 0 when every seed is done */
export async function rollout(flags: RolloutFlags, context: CliContext): Promise<number> {
  const url = taskAppUrlOf(flags.taskApp)
  const keys = readTaskAppKeys(context.env)
  if (!keys.ok) throw new UsageError(keys.reason)
  const candidate =
    flags.candidate === undefined ? undefined : readCandidate(flags.candidate, context.cwd)
  const loaded = loadForCli(flags.config === undefined ? {} : { config: flags.config }, context)
  const choice = { loaded, url: flags.url, apiKeyEnv: flags.apiKeyEnv, model: flags.model }
  const limits = limitsOf(flags, loaded.config)
  const resume = flags.resume === true
  const out = await openOutFile({ path: flags.out, resume, cwd: context.cwd })
  const { seeds, model, dialect, concurrency, timeoutS } = flags
  const http = createTaskAppHttp({ url, keys: keys.keys, connections: concurrency })
  const taskApp = createTaskApp(http)
  const progress = createProgress(context, flags.json === true, performance.now())
  const run = { seeds, model, dialect, concurrency, timeoutS, candidate, keys, limits, choice }
  try {
    return tell(await scoreSeeds({ ...run, taskApp, out, progress }, context), flags, context)
  } finally {
    await http.close()
    await out.close()
  }
}

function tell({ report, log }: Scored, flags: RolloutFlags, context: CliContext): number {
  if (flags.json === true) context.stdout(toJsonText(toReportJson(report)))
  else {
    const view = { width: context.columns, style: createStyle(context.hasColors) }
    context.stdout(`${renderReport(report, view).join('\n')}\n`)
  }
  if (report.tally.done === report.tally.total) return 0
  for (const line of log.slice(-LOG_LINES_SHOWN)) context.stderr(`  bridge: ${line}`)
  if (flags.out !== undefined) {
    context.stderr('synth: the same command with --resume runs what is not done.\n')
  }
  return 1
}
