/**
 * The reward in a task app's answer. The same number has had a dozen names; the first of them that the
 * answer has is the one that counts, and one that is no number is never passed over for the next.
 */
import { isRecord, listOf } from '../translate/narrow.ts'
import { shorten } from './shorten.ts'

export type Reward =
  | { readonly ok: true; readonly reward: number; readonly path: string }
  /** `reason` completes "The task app answered, but …". */
  | { readonly ok: false; readonly reason: string }

interface Place {
  readonly path: string
  /** Whether it holds a list whose mean counts. */
  readonly isList?: boolean
}

/** From the newest name to the oldest. */
const PLACES: readonly Place[] = [
  { path: 'reward_info.outcome_objectives.reward' },
  { path: 'reward_info.outcome_reward' },
  { path: 'metrics.outcome_objectives.reward' },
  { path: 'metrics.outcome_reward' },
  { path: 'metrics.mean_return' },
  { path: 'metrics.reward_mean' },
  { path: 'metrics.outcome_score' },
  { path: 'metrics.episode_returns', isList: true },
  { path: 'metrics.episode_rewards', isList: true },
  { path: 'reward' },
]

/** @param answer the parsed body */
export function readReward(answer: unknown): Reward {
  if (!isRecord(answer))
    return refuse(`it is no JSON object but ${shorten(JSON.stringify(answer))}`)
  for (const place of PLACES) {
    const value = valueAt(answer, place.path)
    if (value === undefined || value === null) continue
    if (place.isList !== true) return toReward(place.path, value)
    const returns = listOf(value)
    // No episode has ended: that says nothing, and an older name may.
    if (Array.isArray(value) && returns.length === 0) continue
    const bad = Array.isArray(value) ? returns.find((one) => !isFiniteNumber(one)) : value
    if (bad !== undefined) return toReward(place.path, bad)
    return toReward(place.path, meanOf(returns.filter(isFiniteNumber)))
  }
  return refuse(
    'it names no reward: neither reward_info.outcome_reward, metrics.mean_return nor any of their older names',
  )
}

function toReward(path: string, value: unknown): Reward {
  if (isFiniteNumber(value)) return { ok: true, reward: value, path }
  const isWord = typeof value === 'string' && /^-?(NaN|Infinity)$/.test(value)
  const shown = isWord || typeof value === 'number' ? String(value) : toText(value)
  return refuse(`${path} is ${shown}, which is no finite number`)
}

function valueAt(answer: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((inner, key) => (isRecord(inner) ? inner[key] : undefined), answer)
}

const isFiniteNumber = (value: unknown): value is number => Number.isFinite(value)
const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length
const toText = (value: unknown): string => shorten(JSON.stringify(value))
const refuse = (reason: string): Reward => ({ ok: false, reason })
