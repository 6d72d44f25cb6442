import { validateHeaderValue } from 'node:http'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { droppedHeader } from '../../src/gateway/dropped-header.ts'

const headerOf = (dropped: readonly string[]) => droppedHeader(dropped)['x-synth-dropped'] ?? ''

test('nothing dropped is no header', () => {
  expect(droppedHeader([])).toEqual({})
})

test('names stand as they are', () => {
  expect(headerOf(['include.file_search_call.results', 'tools.web_search'])).toBe(
    'include.file_search_call.results, tools.web_search',
  )
})

test.each([
  { name: 'tools.日', expected: 'tools.%E6%97%A5' },
  { name: 'a\r\nset-cookie: b', expected: 'a%0D%0Aset-cookie%3A%20b' },
  { name: 'one, two', expected: 'one%2C%20two' },
  { name: 'lone \ud800', expected: 'lone%20%EF%BF%BD' },
])('$name is written as $expected', ({ name, expected }) => {
  expect(headerOf([name])).toBe(expected)
})

test('what is left out beyond the first 32 is counted', () => {
  const names = Array.from({ length: 40 }, (_, index) => `field_${index}`)
  expect(headerOf(names)).toMatch(/, field_31, 8 more$/)
})

test('whatever the names are, the value is one that a header may hold, and short', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'binary', maxLength: 200 }), { minLength: 1 }),
      (names) => {
        const value = headerOf(names)
        expect(() => validateHeaderValue('x-synth-dropped', value)).not.toThrow()
        expect(value.length).toBeLessThan(2_200)
      },
    ),
  )
})
