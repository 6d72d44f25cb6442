import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  BridgeError,
  type ErrorCode,
  errorCodes,
  toBridgeError,
  toErrorBody,
} from '../src/errors.ts'

const documented = new Map(
  [
    ...readFileSync(join(import.meta.dirname, '../docs/errors.md'), 'utf8').matchAll(
      /^\| `(\w+)` \| (\d+) \| (\w+) \| (yes|no) \|/gm,
    ),
  ].map(([, code = '', status, origin, retry]) => [
    code,
    { status: Number(status), origin, retryable: retry === 'yes' },
  ]),
)

describe('the error catalogue', () => {
  test('has no code that the page leaves out, and the page has no ghost', () => {
    expect([...documented.keys()].sort()).toEqual(Object.keys(errorCodes).sort())
  })

  test.each(Object.keys(errorCodes) as ErrorCode[])('%s is what the page says', (code) => {
    const { status, origin, retryable } = errorCodes[code]
    expect(documented.get(code)).toEqual({ status, origin, retryable })
  })
})

test('an unknown fault says nothing of its cause to the client', () => {
  const error = toBridgeError(new Error('secret detail'))
  expect(error.code).toBe('internal_error')
  expect(JSON.stringify(toErrorBody(error))).not.toContain('secret detail')
  expect(error.cause).toBeInstanceOf(Error)
})

test('the wire body has the four members of the OpenAI shape', () => {
  const error = new BridgeError('invalid_request', 'No.', { param: 'input[0]' })
  expect(toErrorBody(error)).toEqual({
    error: {
      message: 'No.',
      type: 'invalid_request_error',
      param: 'input[0]',
      code: 'invalid_request',
    },
  })
})
