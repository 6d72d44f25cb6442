import { expect, test } from 'vitest'
import { listChanges } from '../../../src/cli/status/changes.ts'
import { HOSTILE, recentOf, STATUS, sessionOf } from './samples.ts'

const [session = sessionOf()] = STATUS.sessions

test('the first look says what is open and running, not what is over', () => {
  expect(listChanges(undefined, STATUS)).toEqual([
    'session sess_0123456789abcdef0123456789abcdef active: spent $12.35 of $20.00, 1,234,567 tokens, 1,042 calls',
    'session sess_fedcba9876543210fedcba9876543210 limit_exceeded: spent $0.05 of $0.05, 9 tokens, 3 calls',
    'session sess_00000000000000000000000000000000 active: spent $0.00001, 12 tokens, 1 call',
    'started req_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa synth-small in sess_01234567',
    'started req_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa a\\u001b[2J\\n\\u202eb\\u0007 日本語モデル-大 👩‍👩‍👧',
  ])
})

test('nothing new is nothing said', () => {
  expect(listChanges(STATUS, structuredClone(STATUS))).toEqual([])
})

test('what a running call holds is no change: it moves with every look', () => {
  const held = sessionOf({ reserved: { tokens: 1, cost_usd: '9', gpu_hours: 0, api_calls: 1 } })
  expect(listChanges({ ...STATUS, sessions: [session] }, { ...STATUS, sessions: [held] })).toEqual(
    [],
  )
})

test('calls that ended since, in the order in which they did', () => {
  const after = {
    ...STATUS,
    active_calls: [],
    recent_calls: [
      recentOf({
        request_id: 'req_2',
        model: HOSTILE,
        outcome: 'failed',
        error_code: 'upstream_cut',
      }),
      recentOf({ request_id: 'req_1', status: null, outcome: 'client_gone', session_id: null }),
      ...STATUS.recent_calls,
    ],
  }
  expect(listChanges(STATUS, after)).toEqual([
    'client_gone req_1 synth-small: $0.0035, 4.3s',
    'failed req_2 a\\u001b[2J\\n\\u202eb\\u0007 日本語モデル-大 👩‍👩‍👧 (upstream_cut) in sess_01234567: HTTP 200, $0.0035, 4.3s',
  ])
})

test('a session that is stopped, raised or over', () => {
  const stopped = sessionOf({ status: 'limit_exceeded' })
  const at = (...sessions: (typeof session)[]) => ({ ...STATUS, sessions })
  expect(listChanges(at(session), at(stopped))).toEqual([expect.stringContaining('limit_exceeded')])
  expect(listChanges(at(session), at())).toEqual([
    'session sess_0123456789abcdef0123456789abcdef is over',
  ])
})
