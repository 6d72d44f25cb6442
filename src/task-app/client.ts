/** A task app by its contract: is it there, what is its task, what is the reward of one seed. */
import { setTimeout as pause } from 'node:timers/promises'
import { parseLooseJson } from '../rollout/json.ts'
import { readProgress } from '../rollout/progress.ts'
import {
  describeNoJson,
  describeRefusal,
  isKeyRefusal,
  refusesSeed,
  type TaskAppAnswer,
} from '../rollout/refusal.ts'
import {
  type Dialect,
  type RolloutOrder,
  toRolloutBody,
  toSeedlessBody,
} from '../rollout/request.ts'
import { readReward } from '../rollout/reward.ts'
import { readTaskInfo, type TaskInfo } from '../rollout/task-info.ts'
import { isRecord } from '../translate/narrow.ts'
import { type TaskAppHttp, withTransportRetries } from './http.ts'

export type RolloutOutcome =
  | { readonly ok: true; readonly reward: number }
  /** `reason` completes "The task app …". */
  | { readonly ok: false; readonly reason: string; readonly isKeyRefused: boolean }

export type Refused = Extract<RolloutOutcome, { readonly ok: false }>

export interface TaskApp {
  readonly url: string
  /**
   * Asks `/health`. An app without that route, or with it closed in some other way than for its key, is
   * up: only rollouts count.
   */
  health(signal: AbortSignal): Promise<{ readonly ok: true } | Refused>
  /** Asks `/task_info` for one seed; `info` is undefined where the app says nothing that can be read. */
  taskInfo(
    seed: number,
    signal: AbortSignal,
  ): Promise<{ readonly ok: true; readonly info: TaskInfo | undefined } | Refused>
  /** `container` where `/metadata` advertises that contract, else `sdk`. */
  detectDialect(signal: AbortSignal): Promise<Dialect>
  /** The texts a container's prompt program starts from, by field; empty where it names none. */
  seedFields(signal: AbortSignal): Promise<Record<string, string>>
  /**
   * One rollout to its reward; polled where the app runs it asynchronously. It is not tried again: an
   * attempt that broke may have made calls, so the next one wants a trial of its own.
   */
  rollout(dialect: Dialect, order: RolloutOrder, signal: AbortSignal): Promise<RolloutOutcome>
  close(): Promise<void>
}

const FIRST_POLL_MS = 100
const MAX_POLL_MS = 2_000
/** For telling a container that nobody waits any more. */
const TERMINATE_TIMEOUT_MS = 2_000

/** Every promise rejects with a `TaskAppError` where there is no answer, or with the signal's reason. */
export function createTaskApp(http: TaskAppHttp): TaskApp {
  let hasRefusedSeed = false

  const get = (path: string, signal: AbortSignal): Promise<TaskAppAnswer> =>
    withTransportRetries(() => http.ask('GET', path, undefined, signal), signal)

  async function post(dialect: Dialect, order: RolloutOrder, signal: AbortSignal) {
    if (dialect !== 'container') {
      return http.ask('POST', '/rollout', toRolloutBody(dialect, order), signal)
    }
    if (!hasRefusedSeed) {
      const answer = await http.ask('POST', '/rollout', toRolloutBody(dialect, order), signal)
      // Refused before anything ran, so that asking otherwise repeats nothing.
      if (!refusesSeed(answer)) return answer
      hasRefusedSeed = true
    }
    return http.ask('POST', '/rollout', toSeedlessBody(order), signal)
  }

  async function poll(rolloutId: string, signal: AbortSignal): Promise<RolloutOutcome> {
    const path = `/rollouts/${encodeURIComponent(rolloutId)}`
    try {
      for (let waitMs = FIRST_POLL_MS; ; waitMs = Math.min(MAX_POLL_MS, waitMs * 2)) {
        await pause(waitMs, undefined, { signal })
        const read = readAnswer(await get(path, signal), rolloutId)
        if (read.at === 'over') return read.outcome
      }
    } catch (cause) {
      if (signal.aborted) await terminate(path)
      throw cause
    }
  }

  /** So that it does not go on spending; one that cannot is left to its own end. */
  async function terminate(path: string): Promise<void> {
    const signal = AbortSignal.timeout(TERMINATE_TIMEOUT_MS)
    await http.ask('POST', `${path}/terminate`, {}, signal).catch(() => {})
  }

  return {
    url: http.url,
    async health(signal) {
      const answer = await get('/health', signal)
      return isKeyRefusal(answer) || answer.status >= 500 ? refused(answer) : { ok: true }
    },
    async taskInfo(seed, signal) {
      const answer = await get(`/task_info?seed=${seed}`, signal)
      if (isKeyRefusal(answer)) return refused(answer)
      return { ok: true, info: readTaskInfo(jsonOf(answer)) }
    },
    async detectDialect(signal) {
      const metadata = jsonOf(await get('/metadata', signal))
      const contracts = isRecord(metadata) ? metadata['optimizer_contracts'] : undefined
      return isRecord(contracts) && contracts['gepa'] !== undefined ? 'container' : 'sdk'
    },
    async seedFields(signal) {
      const program = jsonOf(await get('/program', signal))
      const fields = isRecord(program) ? program['seed_candidate'] : undefined
      return Object.fromEntries(
        Object.entries(isRecord(fields) ? fields : {}).filter(
          (entry): entry is [string, string] => typeof entry[1] === 'string',
        ),
      )
    },
    async rollout(dialect, order, signal) {
      const read = readAnswer(await post(dialect, order, signal), undefined)
      return read.at === 'over' ? read.outcome : poll(read.rolloutId, signal)
    },
    close: () => http.close(),
  }
}

type Read =
  | { readonly at: 'over'; readonly outcome: RolloutOutcome }
  | { readonly at: 'running'; readonly rolloutId: string }

function readAnswer(answer: TaskAppAnswer, rolloutId: string | undefined): Read {
  if (!isGood(answer)) return { at: 'over', outcome: refused(answer) }
  const json = parseLooseJson(answer.text)
  if (json === undefined) return over(describeNoJson(answer))
  const progress = readProgress(answer.status, json.value, rolloutId)
  if (progress.at === 'running') return progress
  if (progress.at === 'failed') return over(progress.reason)
  const reward = readReward(json.value)
  if (!reward.ok) return over(`answered, but ${reward.reason}`)
  return { at: 'over', outcome: { ok: true, reward: reward.reward } }
}

const isGood = ({ status }: TaskAppAnswer): boolean => status >= 200 && status < 300

/** What a question that needs no answer was answered with. */
const jsonOf = (answer: TaskAppAnswer): unknown =>
  isGood(answer) ? parseLooseJson(answer.text)?.value : undefined

const over = (reason: string): Read => ({
  at: 'over',
  outcome: { ok: false, reason, isKeyRefused: false },
})

const refused = (answer: TaskAppAnswer) =>
  ({
    ok: false,
    reason: describeRefusal(answer),
    isKeyRefused: isKeyRefusal(answer),
  }) as const
