import { expect, test } from 'vitest'
import { readProgress } from '../../src/rollout/progress.ts'

const running = { at: 'running', rolloutId: 'r1' }
const ended = { at: 'ended' }

const rows = [
  { name: '202', status: 202, answer: { rollout_id: 'r1', status: 'running' }, reads: running },
  { name: '202 without a status', status: 202, answer: { rollout_id: 'r1' }, reads: running },
  {
    name: '200 that still runs',
    status: 200,
    answer: { id: 'r1', status: 'queued' },
    reads: running,
  },
  {
    name: '202 that is over',
    status: 202,
    answer: { rollout_id: 'r1', status: 'completed' },
    reads: ended,
  },
  { name: 'the sdk has no status', status: 200, answer: { metrics: {} }, reads: ended },
  {
    name: 'a task that was not solved has run all the same',
    status: 200,
    answer: { status: 'completed', success_status: 'failed', reward: 0 },
    reads: ended,
  },
  {
    name: 'failed',
    status: 200,
    answer: { status: 'failed', status_detail: 'out of disk' },
    reads: { at: 'failed', reason: 'says that the rollout failed: out of disk' },
  },
  {
    name: 'aborted',
    status: 200,
    answer: { aborted: true, metrics: { mean_return: 0 } },
    reads: { at: 'failed', reason: 'says that it aborted the rollout' },
  },
  {
    name: '202 and nothing to ask for',
    status: 202,
    answer: {},
    reads: { at: 'failed', reason: 'answered HTTP 202 without a rollout_id to ask for' },
  },
  {
    name: '202 and no object',
    status: 202,
    answer: [],
    reads: { at: 'failed', reason: 'answered HTTP 202 without a rollout_id to ask for' },
  },
]

test.each(rows)('$name', ({ status, answer, reads }) => {
  expect(readProgress(status, answer)).toEqual(reads)
})

test('a poll that names no id goes on with the one it asked for', () => {
  expect(readProgress(200, { status: 'running' }, 'r1')).toEqual(running)
})
