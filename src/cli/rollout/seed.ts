/**
 * One seed, from its trial to its line.
 *
 * ```
 *   trial ──▶ rollout ──reward──▶ traces ──all there──▶ done
 *     ▲          │                   └──one lost───▶ incomplete
 *     └─broken───┴──anything else──▶ failed
 * ```
 */
import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import {
  type BudgetRefusal,
  type CallsSummary,
  readBudgetRefusal,
  summarizeCalls,
  sumUsd,
  type TracedCall,
} from '../../rollout/calls.ts'
import type { RolloutLine } from '../../rollout/line.ts'
import type { Dialect } from '../../rollout/request.ts'
import type { RolloutOutcome, TaskApp } from '../../task-app/client.ts'
import { TaskAppError, withTransportRetries } from '../../task-app/http.ts'
import { isRecord, textOf, tryStringify } from '../../translate/narrow.ts'
import { countText } from '../bridge/amounts.ts'
import { BridgeApiError } from '../bridge/api-error.ts'
import type { InterceptorApi, TraceAnswer, TrialAnswer } from '../bridge/interceptor-api.ts'

/** The same for every seed of a run. */
export interface SeedPlan {
  readonly jobId: string
  readonly sessionId: string
  readonly model: string
  readonly dialect: Dialect
  readonly environment: string | undefined
  /** For the bridge; undefined changes nothing. */
  readonly candidate: Readonly<Record<string, unknown>> | undefined
  /** For a container. */
  readonly fields: Readonly<Record<string, string>>
  readonly timeoutS: number
}

export interface SeedDeps {
  readonly taskApp: TaskApp
  readonly interceptor: InterceptorApi
  /** Takes secrets out of what the task app says. */
  readonly redact: (text: string) => string
}

export interface SeedResult {
  readonly line: RolloutLine
  readonly isKeyRefused: boolean
  /** What refused a call of the seed for want of budget. */
  readonly refusedBy: BudgetRefusal | undefined
}

/** A trial outlives its rollout: a call that is late is still the trial's. */
const TTL_MARGIN_S = 60
/** Traces are written beside the calls: the first may be a moment late. */
const TRACE_WAIT_MS = 1_000
const LOOK_AGAIN_MS = 50

/**
 * @param abort gives the seed up; its reason is thrown
 * @throws {BridgeApiError} when the bridge gives no trial: no other seed would get one either
 */
export async function runSeed(
  seed: number,
  plan: SeedPlan,
  deps: SeedDeps,
  abort: AbortSignal,
): Promise<SeedResult> {
  const startedMs = performance.now()
  const trials: TrialAnswer[] = []
  const outcome = await attempt(seed, plan, deps, trials, abort)
  abort.throwIfAborted()
  const checked = await checkCalls(trials, outcome.ok, deps.interceptor)
  const reason = outcome.ok ? checked.fault : `the task app ${outcome.reason}`
  const trial = trials.at(-1)
  return {
    line: {
      seed,
      status: !outcome.ok ? 'failed' : checked.fault === undefined ? 'done' : 'incomplete',
      reward: outcome.ok ? outcome.reward : null,
      error: reason === undefined ? null : deps.redact(reason),
      trial_id: trial?.trial_id ?? null,
      correlation_id: trial?.correlation_id ?? null,
      trace_ids: [...checked.traceIds],
      cost_usd: checked.costUsd ?? null,
      tokens: checked.tokens ?? null,
      duration_ms: Math.round(performance.now() - startedMs),
    },
    isKeyRefused: !outcome.ok && outcome.isKeyRefused,
    refusedBy: checked.refusedBy ?? (outcome.ok ? undefined : readBudgetRefusal(outcome.reason)),
  }
}

/** A trial for each attempt: one that broke may have made calls, which are not this one's. */
async function attempt(
  seed: number,
  plan: SeedPlan,
  { taskApp, interceptor }: SeedDeps,
  trials: TrialAnswer[],
  abort: AbortSignal,
): Promise<RolloutOutcome> {
  const { model, dialect, environment, fields, candidate, timeoutS } = plan
  const timeout = AbortSignal.timeout(timeoutS * 1000)
  const signal = AbortSignal.any([abort, timeout])
  try {
    return await withTransportRetries(async () => {
      const trial = await interceptor.registerTrial({
        job_id: plan.jobId,
        seed,
        policy: { model },
        ...(candidate !== undefined && { candidate }),
        session_id: plan.sessionId,
        ttl_seconds: timeoutS + TTL_MARGIN_S,
      })
      trials.push(trial)
      const order = {
        seed,
        model,
        trialId: trial.trial_id,
        correlationId: trial.correlation_id,
        inferenceUrl: trial.inference_url,
        environment,
        maxSeconds: timeoutS,
        fields,
      }
      return taskApp.rollout(dialect, order, signal)
    }, signal)
  } catch (cause) {
    abort.throwIfAborted()
    if (timeout.aborted) return failed(`did not finish within ${timeoutS} s`)
    if (cause instanceof TaskAppError) return failed(cause.message)
    throw cause
  }
}

const failed = (reason: string): RolloutOutcome => ({ ok: false, reason, isKeyRefused: false })

interface CheckedCalls extends Pick<CallsSummary, 'traceIds' | 'costUsd' | 'tokens' | 'refusedBy'> {
  /** Why the rollout is not whole. */
  readonly fault: string | undefined
}

/** @param isWhole whether the rollout came to its end, so that a trace is to be expected */
async function checkCalls(
  trials: readonly TrialAnswer[],
  isWhole: boolean,
  interceptor: InterceptorApi,
): Promise<CheckedCalls> {
  try {
    const summaries: CallsSummary[] = []
    for (const trial of trials) {
      const mayBeLate = isWhole && trial === trials.at(-1)
      summaries.push(summarizeCalls(await readCalls(trial.trial_id, mayBeLate, interceptor)))
    }
    const last = summaries.at(-1) ?? summarizeCalls([])
    return {
      traceIds: last.traceIds,
      // All that was spent on the seed, also by attempts that broke.
      costUsd: sumUsd(summaries.map(({ costUsd }) => costUsd)),
      tokens: sumTokens(summaries),
      refusedBy: summaries.map(({ refusedBy }) => refusedBy).find((by) => by !== undefined),
      fault:
        last.lost === 0
          ? undefined
          : `${countText(last.lost, 'call')} ${last.lost === 1 ? 'was' : 'were'} lost: ${last.lostBecause}`,
    }
  } catch (cause) {
    if (!(cause instanceof BridgeApiError)) throw cause
    return {
      traceIds: [],
      costUsd: undefined,
      tokens: undefined,
      refusedBy: undefined,
      fault: `its calls cannot be checked: ${cause.message}`,
    }
  }
}

function sumTokens(summaries: readonly CallsSummary[]): number | undefined {
  const counts = summaries.map(({ tokens }) => tokens)
  return counts.includes(undefined)
    ? undefined
    : counts.reduce<number>((sum, tokens) => sum + (tokens ?? 0), 0)
}

async function readCalls(
  trialId: string,
  mayBeLate: boolean,
  interceptor: InterceptorApi,
): Promise<TracedCall[]> {
  const untilMs = performance.now() + (mayBeLate ? TRACE_WAIT_MS : 0)
  for (;;) {
    const calls: { readonly at: string; readonly call: TracedCall }[] = []
    let isSettled = true
    for await (const trace of interceptor.eachTrace(trialId)) {
      isSettled &&= isOver(trace)
      calls.push({ at: trace.created_at, call: toCall(trace) })
    }
    if ((calls.length > 0 && isSettled) || performance.now() >= untilMs) {
      return calls
        .toSorted((left, right) => Date.parse(left.at) - Date.parse(right.at))
        .map(({ call }) => call)
    }
    await pause(LOOK_AGAIN_MS)
  }
}

/** A call is traced as it begins, and its end a moment after the task app has its answer. */
const isOver = ({ complete, outcome, status, error }: TraceAnswer): boolean =>
  complete || [outcome, status, error].some((said) => said !== null && said !== undefined)

/** Without the texts, which may be large: only whether two requests are the same. */
function toCall(trace: TraceAnswer): TracedCall {
  const { usage, cost_usd, status } = trace
  const received = trace.request?.received ?? undefined
  const text = received === undefined ? undefined : tryStringify(received)
  const httpStatus = typeof status === 'number' ? status : undefined
  // A call that was refused has used nothing, and may say nothing of it.
  const nothing = httpStatus !== undefined && httpStatus >= 400 ? 0 : undefined
  const input = usage?.input_tokens ?? nothing
  const output = usage?.output_tokens ?? nothing
  const cost = cost_usd ?? nothing
  return {
    traceId: trace.trace_id,
    complete: trace.complete,
    httpStatus,
    error: errorText(trace.error),
    costUsd: cost === undefined ? undefined : String(cost),
    tokens: input === undefined || output === undefined ? undefined : input + output,
    requestKey: text === undefined ? undefined : createHash('sha256').update(text).digest('hex'),
  }
}

/** `code: message`, of an error in any shape. */
function errorText(error: unknown): string | undefined {
  if (error === null || error === undefined) return undefined
  if (!isRecord(error)) return String(error)
  const parts = [textOf(error['code']), textOf(error['message'])].filter((part) => part !== '')
  return parts.length === 0 ? JSON.stringify(error) : parts.join(': ')
}

/** Of a seed that was not begun. */
export const failedLine = (seed: number, error: string): RolloutLine => ({
  seed,
  status: 'failed',
  reward: null,
  error,
  trial_id: null,
  correlation_id: null,
  trace_ids: [],
  cost_usd: '0',
  tokens: 0,
  duration_ms: 0,
})
