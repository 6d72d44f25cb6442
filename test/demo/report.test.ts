import { describe, expect, test } from 'vitest'
import type { CodexExecResult } from '../../src/codex/exec.ts'
import { describeEvent, describeFailure, describeFinish, formatUsd } from '../../src/demo/report.ts'

test.each([
  ['0', '$0.00'],
  ['0.05', '$0.05'],
  ['0.001234500', '$0.0012'],
  ['0.00005', '$0.0001'],
  ['20', '$20.00'],
  ['1.500000000', '$1.50'],
])('%s USD reads as %s', (decimal, shown) => {
  expect(formatUsd(decimal)).toBe(shown)
})

describe('the last line', () => {
  const spend = { calls: 3, spentUsd: '0.0012', limitUsd: '0.05' }

  test('says what was spent of what', () => {
    expect(describeFinish(0, spend, 9)).toBe(
      'Codex finished: exit 0, 3 calls, spent $0.0012 of $0.05',
    )
  })

  test('leaves the limit out where there is none', () => {
    expect(describeFinish(0, { ...spend, limitUsd: undefined }, 9)).toBe(
      'Codex finished: exit 0, 3 calls, spent $0.0012',
    )
  })

  test('counts by itself where no session did', () => {
    expect(describeFinish(0, undefined, 3)).toBe('Codex finished: exit 0, 3 calls')
  })
})

test.each([
  {
    item: { type: 'command_execution', command: `/bin/bash -lc 'cat seed.txt'`, exit_code: 0 },
    shown: '  ran      cat seed.txt (exit 0)\n',
  },
  {
    item: { type: 'command_execution', command: 'cmd /c dir', exit_code: null },
    shown: '  ran      cmd /c dir (exit unknown)\n',
  },
  {
    item: { type: 'file_change', changes: [{ path: '/tmp/w/greeting.txt', kind: 'add' }] },
    shown: '  patched  greeting.txt (add)\n',
  },
  { item: { type: 'agent_message', text: 'Done.' }, shown: '  says     Done.\n' },
  { item: { type: 'todo_list' }, shown: '' },
])('$item.type shows as $shown', ({ item, shown }) => {
  expect(describeEvent({ type: 'item.completed', item })).toBe(shown)
  expect(describeEvent({ type: 'item.started', item })).toBe('')
})

test('a failure lists what is missing and what Codex said, once', () => {
  const result: CodexExecResult = {
    ending: 'exited',
    exitCode: 1,
    events: [
      { type: 'error', message: 'no route' },
      { type: 'turn.failed', error: { message: 'no route' } },
    ],
    stray: [],
    stderr: 'WARN a\n\nWARN b\n',
  }
  expect(describeFailure(['Codex applied no patch.'], result)).toBe(
    '\nThe demo failed:\n  - Codex applied no patch.\n\nCodex said:\n  no route\n  WARN a\n  WARN b\n',
  )
})
