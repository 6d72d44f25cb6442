/** The seeds of one run, from the first question to the task app to what they came to. */
import { randomBytes } from 'node:crypto'
import { createRedactor } from '../../gateway/redact.ts'
import { KEY_VARIABLE, type TaskAppKeys } from '../../rollout/keys.ts'
import type { RolloutLine } from '../../rollout/line.ts'
import type { Dialect } from '../../rollout/request.ts'
import { countSeeds, eachSeed, type SeedRange } from '../../rollout/seeds.ts'
import type { TaskApp } from '../../task-app/client.ts'
import type { LimitRequest } from '../bridge/api.ts'
import { BridgeApiError } from '../bridge/api-error.ts'
import { createInterceptorApi } from '../bridge/interceptor-api.ts'
import { type CliContext, UsageError } from '../context.ts'
import type { BridgeChoice, LaunchBridge } from '../launch/bridge.ts'
import { createStyle } from '../style.ts'
import { toVisible } from '../visible.ts'
import { type Candidate, fieldsFor } from './candidate.ts'
import type { OutFile } from './out-file.ts'
import { runPool } from './pool.ts'
import { type Preflight, preflight } from './preflight.ts'
import type { Progress } from './progress.ts'
import type { RunReport, StopReason } from './report.ts'
import { type RunSessionResult, withRunSession } from './run-session.ts'
import { failedLine, runSeed, type SeedPlan } from './seed.ts'
import { watchSession } from './session-watch.ts'
import { createStop } from './stop.ts'
import { createCounting } from './tally.ts'

export interface Scoring {
  readonly taskApp: TaskApp
  readonly keys: TaskAppKeys
  readonly seeds: SeedRange
  readonly model: string
  readonly candidate: Candidate | undefined
  readonly dialect: Dialect | 'auto'
  readonly concurrency: number
  /** For one seed. */
  readonly timeoutS: number
  readonly limits: readonly LimitRequest[]
  readonly choice: BridgeChoice
  readonly out: OutFile
  readonly progress: Progress
}

export interface Scored {
  readonly report: RunReport
  /** The last of what the run's own bridge had to say. */
  readonly log: readonly string[]
}

/**
 * Runs every seed that `out` does not have done. What keeps one from its reward is in its line; what
 * keeps the run from its seeds is told through `progress`.
 *
 * @throws {CliError} for what is wrong with the command
 */
export async function scoreSeeds(scoring: Scoring, context: CliContext): Promise<Scored> {
  const { taskApp, seeds, model, candidate, keys, out, choice, limits, progress } = scoring
  const startedMs = performance.now()
  const jobId = `rollout_${randomBytes(8).toString('hex')}`
  const redact = createRedactor(keys.keys)
  const counting = createCounting(countSeeds(seeds))
  const lines = new Map<number, RolloutLine>()
  const stop = createStop(context, (reason) => progress.note(STOP_NOTES[reason]))
  const before = earlierOf(out, seeds)
  for (const line of before) keep(line)

  function keep(line: RolloutLine): void {
    lines.set(line.seed, line)
    counting.count(line)
  }

  async function finish(line: RolloutLine): Promise<void> {
    await out.append(line)
    keep(line)
    progress.line(line, counting.read())
  }

  const openSeeds = (): number[] =>
    [...eachSeed(seeds)].filter((seed) => lines.get(seed)?.status !== 'done')

  /** Every seed fails for the same reason, and that is known before the first. */
  async function failAll(reason: string): Promise<void> {
    const error = redact(`the task app ${reason}`)
    await Promise.all(openSeeds().map((seed) => finish(failedLine(seed, error))))
  }

  async function start(): Promise<Scored> {
    if (out.wasTorn) {
      progress.note(`the last line of ${out.name} was torn and is removed; its seed runs again`)
    }
    if (openSeeds().length === 0) return report({})
    try {
      const checked = await preflight(taskApp, scoring.dialect, seeds.from, stop.draining)
      if (checked.ok) return await runSeeds(checked)
      progress.note(redact(`the task app at ${taskApp.url} ${checked.reason}`))
      if (checked.isKeyRefused) sayKeyHint()
      await failAll(checked.reason)
    } catch (cause) {
      // Stopped before the first seed.
      if (cause !== stop.draining.reason) throw cause
    }
    return report({})
  }

  async function runSeeds(checked: Extract<Preflight, { ok: true }>): Promise<Scored> {
    const fields = fieldsFor(checked.dialect, checked.fields, candidate)
    const options = { choice, limits, jobId, signal: stop.draining }
    const { session, log } = await withRunSession(
      options,
      context,
      async ({ bridge, sessionId }) => {
        announce(checked, sessionId, limits.length)
        const plan: SeedPlan = {
          jobId,
          sessionId,
          model,
          dialect: checked.dialect,
          environment: checked.info?.environment,
          candidate: candidate?.kind === 'prompt' ? candidate.value : undefined,
          fields,
          timeoutS: scoring.timeoutS,
        }
        try {
          await runAll(plan, bridge)
        } finally {
          progress.close()
        }
      },
    )
    return report({ checked, session, log })
  }

  function announce(
    { dialect, info }: Extract<Preflight, { ok: true }>,
    sessionId: string,
    limits: number,
  ): void {
    const style = createStyle(context.hasColors)
    if (limits === 0) {
      const warning = 'NO LIMIT: nothing stops this run from spending.'
      context.stderr(`${style.bad(style.strong(`synth: ${warning}`))}\n`)
    }
    const task = toVisible(info?.name ?? taskApp.url)
    const count = openSeeds().length
    context.stderr(
      style.faint(
        `synth: ${count} ${count === 1 ? 'seed' : 'seeds'} of ${task} on ${model} (${dialect}), ${scoring.concurrency} at a time, session ${sessionId}\n`,
      ),
    )
  }

  async function runAll(plan: SeedPlan, { api, key }: LaunchBridge): Promise<void> {
    const { fetch } = context
    const signal = stop.aborted
    const interceptor = createInterceptorApi({ ...key, url: api.url, fetch, signal })
    const deps = { taskApp, interceptor, redact }
    const watch = watchSession({
      api,
      sessionId: plan.sessionId,
      stop,
      onLook: (session) => progress.pulse(counting.read(), session),
      onHeld: () => progress.note(HELD_NOTE),
    })
    try {
      await runPool(
        openSeeds(),
        scoring.concurrency,
        async (seed) => {
          const result = await runSeed(seed, plan, deps, signal)
          await finish(result.line)
          if (result.isKeyRefused) sayKeyHint()
          if (result.refusedBy === 'key') stop.drain('budget')
          if (result.refusedBy === 'session') await watch.refused()
        },
        () => stop.reason === undefined,
      )
    } catch (cause) {
      if (signal.aborted) return
      if (!(cause instanceof BridgeApiError)) throw cause
      // Nothing else of a trial is the user's own.
      if (cause.status === 422) throw new UsageError(`--candidate: ${cause.message}`)
      stop.drain('fault')
      progress.note(cause.message)
    } finally {
      await watch.close()
    }
  }

  let isKeySaid = false
  function sayKeyHint(): void {
    if (isKeySaid) return
    isKeySaid = true
    progress.note(keyHint(keys))
  }

  function report({
    checked,
    session,
    log = [],
  }: Partial<RunSessionResult> & {
    readonly checked?: Extract<Preflight, { ok: true }>
  }): Scored {
    const tally = counting.read()
    return {
      log,
      report: {
        taskApp: taskApp.url,
        task: checked?.info?.name ?? null,
        dialect: checked?.dialect ?? null,
        model,
        jobId,
        session,
        tally,
        lines: [...lines.values()].toSorted((left, right) => left.seed - right.seed),
        resumed: before.length,
        stopped: tally.done === tally.total ? null : (stop.reason ?? null),
        out: out.name ?? null,
        elapsedMs: performance.now() - startedMs,
      },
    }
  }

  return start()
}

const STOP_NOTES: Readonly<Record<StopReason, string>> = {
  interrupted: 'stopping: seeds that run come to their end. Ctrl-C again gives them up',
  budget:
    'the budget of this run refuses calls, so no more seeds are run. Give it more with --limit-cost-usd',
  session: 'the session of this run was ended elsewhere, so no more seeds are run',
  fault: 'the bridge gives no more trials, so no more seeds are run',
}

const HELD_NOTE =
  'a call was refused because others hold the rest of the budget. Run fewer seeds at a time (--concurrency), or give it more with --limit-cost-usd'

const keyHint = ({ keys, variable }: TaskAppKeys): string =>
  keys.length === 0
    ? `the task app wants a key: set ${KEY_VARIABLE} to the one it was started with`
    : `the key in ${variable} is not the task app's: set ${KEY_VARIABLE} to the one it was started with`

/** What is not run again. */
const earlierOf = ({ earlier }: OutFile, { from, to }: SeedRange): RolloutLine[] =>
  [...earlier.values()].filter(({ seed, status }) => status === 'done' && seed >= from && seed < to)
