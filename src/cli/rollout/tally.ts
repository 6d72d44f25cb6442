/** What a run has come to so far. */
import type { RolloutLine } from '../../rollout/line.ts'
import { createAccumulator, type Statistics } from '../../rollout/statistics.ts'

export interface Tally {
  readonly total: number
  readonly done: number
  readonly failed: number
  readonly incomplete: number
  /** Of those that are done. */
  readonly reward: Statistics
}

export interface Counting {
  count(line: RolloutLine): void
  read(): Tally
}

export function createCounting(total: number): Counting {
  const rewards = createAccumulator()
  const counts = { done: 0, failed: 0, incomplete: 0 }
  return {
    count({ status, reward }) {
      counts[status] += 1
      if (status === 'done' && reward !== null) rewards.add(reward)
    },
    read: () => ({ total, ...counts, reward: rewards.read() }),
  }
}

export const finishedOf = ({ done, failed, incomplete }: Tally): number =>
  done + failed + incomplete

/** `0.652`; as many places as say something. */
export const rewardText = (reward: number): string => String(Number(reward.toFixed(4)))
