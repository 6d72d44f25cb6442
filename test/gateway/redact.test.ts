import { expect, test } from 'vitest'
import { createRedactor } from '../../src/gateway/redact.ts'

const redact = createRedactor(['hunter2-hunter2', 'hunter2-hunter2-long', 'abc', ''])

test.each([
  { name: 'a configured key', text: 'wrong key hunter2-hunter2.', clean: 'wrong key [redacted].' },
  { name: 'the longer of two that overlap', text: 'hunter2-hunter2-long', clean: '[redacted]' },
  { name: 'a key of a usual shape', text: 'key sk-abcdefghijkl1234', clean: 'key [redacted]' },
  { name: 'a bearer header', text: 'Bearer eyJhbGciOiJIUzI1.xyz=', clean: '[redacted]' },
])('$name goes', ({ text, clean }) => {
  expect(redact(text)).toBe(clean)
})

test.each(['abc is a word', 'the sk-prefix', 'a bearer of news'])('"%s" stays', (text) => {
  expect(redact(text)).toBe(text)
})
