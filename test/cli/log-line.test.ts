import { expect, test } from 'vitest'
import { toLogLine } from '../../src/cli/log-line.ts'

test('names the call it belongs to, where there is one', () => {
  const event = { level: 'warn', message: 'refused' } as const
  expect(toLogLine({ ...event, requestId: 'req_1' })).toBe('warn req_1 refused\n')
  expect(toLogLine({ ...event, requestId: undefined })).toBe('warn refused\n')
})

test.each([
  { message: 'a\nerror req_2 forged', shown: 'a\\nerror req_2 forged' },
  { message: 'a\r\u001b[2Jb', shown: 'a\\u000d\\u001b[2Jb' },
  { message: 'a\u0085\u2028\u202eb', shown: 'a\\u0085\\u2028\\u202eb' },
  { message: 'zażółć 日本 …', shown: 'zażółć 日本 …' },
])('shows $shown', ({ message, shown }) => {
  expect(toLogLine({ level: 'error', requestId: 'req_1', message })).toBe(`error req_1 ${shown}\n`)
})
