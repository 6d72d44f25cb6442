import { expect, test } from 'vitest'
import { readTaskInfo } from '../../src/rollout/task-info.ts'

const TASK = {
  task: { id: 'sort', name: 'Sorting mail' },
  environment: 'mail',
  dataset: { id: 'letters', splits: ['train', 'test'] },
  inference: {},
}
const READ = {
  name: 'Sorting mail',
  environment: 'mail',
  dataset: 'letters',
  splits: ['train', 'test'],
}

const rows = [
  { name: 'one task', answer: TASK, reads: { shape: 'task', ...READ } },
  { name: 'a list', answer: [TASK, TASK], reads: { shape: 'list', ...READ } },
  { name: 'by seed', answer: { '7': TASK }, reads: { shape: 'by_seed', ...READ } },
  {
    name: 'a task set',
    answer: { taskset: { id: 'mail', splits: { train: 10, test: 5 } } },
    reads: {
      shape: 'taskset',
      name: 'mail',
      environment: undefined,
      dataset: 'mail',
      splits: ['train', 'test'],
    },
  },
  {
    name: 'an environment with an id',
    answer: { task: {}, environment: { id: 'mail' } },
    reads: { shape: 'task', name: undefined, environment: 'mail', dataset: undefined, splits: [] },
  },
]

test.each(rows)('$name', ({ answer, reads }) => {
  expect(readTaskInfo(answer)).toEqual(reads)
})

test.each([[[]], ['text'], [undefined], [{ hello: 1 }], [[1]]])('%j is none', (answer) => {
  expect(readTaskInfo(answer)).toBeUndefined()
})
