import { describe, expect, test } from 'vitest'
import { parseLooseJson } from '../../src/rollout/json.ts'
import { readReward } from '../../src/rollout/reward.ts'

/** Each place with a value of its own, so that the one that is read shows. */
const ALL = {
  reward_info: { outcome_objectives: { reward: 1 }, outcome_reward: 2 },
  metrics: {
    outcome_objectives: { reward: 3 },
    outcome_reward: 4,
    mean_return: 5,
    reward_mean: 6,
    outcome_score: 7,
    episode_returns: [8, 10],
    episode_rewards: [9, 11],
  },
  reward: 11,
}

const without = (answer: unknown, path: string): unknown => {
  const copy = structuredClone(answer) as Record<string, Record<string, unknown>>
  const keys = path.split('.')
  const last = keys.pop() ?? ''
  const place = keys.reduce((inner, key) => inner[key] as never, copy)
  delete place[last]
  return copy
}

test('the newest name counts, then the next, down to the oldest', () => {
  const order = [
    ['reward_info.outcome_objectives.reward', 1],
    ['reward_info.outcome_reward', 2],
    ['metrics.outcome_objectives.reward', 3],
    ['metrics.outcome_reward', 4],
    ['metrics.mean_return', 5],
    ['metrics.reward_mean', 6],
    ['metrics.outcome_score', 7],
    ['metrics.episode_returns', 9],
    ['metrics.episode_rewards', 10],
    ['reward', 11],
  ] as const
  let answer: unknown = ALL
  for (const [path, reward] of order) {
    expect(readReward(answer)).toEqual({ ok: true, reward, path })
    answer = without(answer, path)
  }
  expect(readReward(answer)).toMatchObject({ ok: false })
})

interface Row {
  readonly name: string
  readonly text: string
  readonly reads: number | string
}

const rows: Row[] = [
  {
    name: 'null is absent',
    text: '{"reward_info":{"outcome_reward":null},"reward":0.5}',
    reads: 0.5,
  },
  { name: 'zero is a reward', text: '{"metrics":{"mean_return":0},"reward":1}', reads: 0 },
  { name: 'negative', text: '{"reward":-1.5}', reads: -1.5 },
  {
    name: 'no episode has ended',
    text: '{"metrics":{"episode_returns":[],"episode_rewards":[1,0]}}',
    reads: 0.5,
  },
  {
    name: 'NaN elsewhere does not matter',
    text: '{"details":{"loss":NaN,"note":"NaN, \\"Infinity\\""},"reward":1}',
    reads: 1,
  },
  {
    name: 'NaN',
    text: '{"metrics":{"mean_return": NaN},"reward":1}',
    reads: 'metrics.mean_return is NaN',
  },
  { name: 'infinite', text: '{"reward": -Infinity}', reads: 'reward is -Infinity' },
  { name: 'a number too large for one', text: '{"reward": 1e999}', reads: 'reward is Infinity' },
  { name: 'text', text: '{"reward":"0.5"}', reads: 'reward is "0.5", which is no finite number' },
  { name: 'a bool', text: '{"reward":true}', reads: 'reward is true' },
  {
    name: 'NaN among the returns',
    text: '{"metrics":{"episode_returns":[1,NaN]}}',
    reads: 'metrics.episode_returns is NaN',
  },
  { name: 'one return, and no list', text: '{"metrics":{"episode_returns":1}}', reads: 1 },
  { name: 'none', text: '{"ok":true}', reads: 'it names no reward' },
  { name: 'a list', text: '[1]', reads: 'it is no JSON object but [1]' },
  { name: 'metrics of another kind', text: '{"metrics":[1]}', reads: 'it names no reward' },
]

describe('an answer', () => {
  test.each(rows)('$name', ({ text, reads }) => {
    const reward = readReward(parseLooseJson(text)?.value)
    if (typeof reads === 'number') expect(reward).toMatchObject({ ok: true, reward: reads })
    else {
      expect(reward).toMatchObject({ ok: false })
      expect(reward.ok ? '' : reward.reason).toContain(reads)
    }
  })
})

test.each(['', 'NaN{', '<html>', '{"a":1', '"\\'])('%j is no JSON', (text) => {
  expect(parseLooseJson(text)).toBeUndefined()
})
