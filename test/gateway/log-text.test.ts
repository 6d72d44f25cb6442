import { expect, test } from 'vitest'
import { BridgeError, toBridgeError } from '../../src/errors.ts'
import { toLogText } from '../../src/gateway/log-text.ts'

const redact = (text: string) => text.replaceAll('SECRET', '[redacted]')

test('a fault of ours shows where it happened, without secrets', () => {
  const text = toLogText(toBridgeError(new TypeError('SECRET is no function')), redact)
  expect(text).toMatch(
    /^internal_error: TypeError: \[redacted\] is no function\n.*log-text\.test\.ts/,
  )
})

test('any other error says what the client is told', () => {
  const error = new BridgeError('upstream_cut', 'closed', { cause: new Error('socket') })
  expect(toLogText(error, redact)).toBe('upstream_cut: closed')
})
