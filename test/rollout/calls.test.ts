import { expect, test } from 'vitest'
import { readBudgetRefusal, summarizeCalls, type TracedCall } from '../../src/rollout/calls.ts'

const call = (traceId: string, changes: Partial<TracedCall> = {}): TracedCall => ({
  traceId,
  complete: true,
  httpStatus: 200,
  error: undefined,
  costUsd: '0.000000001',
  tokens: 5,
  requestKey: traceId,
  ...changes,
})

test('costs are added exactly, tokens and ids in order', () => {
  expect(summarizeCalls([call('a', { costUsd: '0.1' }), call('b', { costUsd: '0.2' })])).toEqual({
    traceIds: ['a', 'b'],
    costUsd: '0.3',
    tokens: 10,
    lost: 0,
    lostBecause: undefined,
    refusedBy: undefined,
  })
})

test('no call at all costs nothing and lost nothing', () => {
  expect(summarizeCalls([])).toMatchObject({ traceIds: [], costUsd: '0', tokens: 0, lost: 0 })
})

const rows = [
  { name: 'cut', calls: [call('a', { complete: false })], lost: 1, because: 'its answer was cut' },
  {
    name: 'refused by the upstream',
    calls: [call('a', { httpStatus: 503, error: 'upstream_error' })],
    lost: 1,
    because: 'upstream_error',
  },
  {
    name: 'an upstream that is busy',
    calls: [call('a', { httpStatus: 429, error: 'upstream_rate_limit' })],
    lost: 1,
    because: 'upstream_rate_limit',
  },
  {
    name: 'repeated by the client until it went well',
    calls: [
      call('a', { httpStatus: 503, error: 'upstream_error', complete: false, requestKey: 'q' }),
      call('b', { requestKey: 'q' }),
    ],
    lost: 0,
    because: undefined,
  },
  {
    name: 'repeated in vain',
    calls: [
      call('a', { httpStatus: 503, error: 'upstream_error', requestKey: 'q' }),
      call('b', { httpStatus: 503, error: 'upstream_error', requestKey: 'q' }),
    ],
    lost: 2,
    because: 'upstream_error',
  },
  {
    name: 'the same asked well before, and then cut',
    calls: [call('a', { requestKey: 'q' }), call('b', { complete: false, requestKey: 'q' })],
    lost: 1,
    because: 'its answer was cut',
  },
  {
    name: 'cut, and the request is not kept, so that nobody can tell',
    calls: [
      call('a', { complete: false, requestKey: undefined }),
      call('b', { requestKey: undefined }),
    ],
    lost: 1,
    because: 'its answer was cut',
  },
  {
    name: "the app's own mistake is an answer",
    calls: [call('a', { httpStatus: 400, error: 'context_length_exceeded', complete: false })],
    lost: 0,
    because: undefined,
  },
]

test.each(rows)('$name', ({ calls, lost, because }) => {
  expect(summarizeCalls(calls)).toMatchObject({ lost, lostBecause: because })
})

test('a call that the budget refused is lost, and said', () => {
  const refused = call('a', { httpStatus: 429, error: 'session_cost_limit: Session budget …' })
  expect(summarizeCalls([refused])).toMatchObject({ lost: 1, refusedBy: 'session' })
  expect(readBudgetRefusal('{"error":{"code":"key_cost_limit"}}')).toBe('key')
  expect(readBudgetRefusal('upstream_rate_limit')).toBeUndefined()
})

test('one cost that is missing makes no wrong sum', () => {
  const summary = summarizeCalls([call('a'), call('b', { costUsd: undefined, tokens: undefined })])
  expect(summary).toMatchObject({ costUsd: undefined, tokens: undefined })
})
