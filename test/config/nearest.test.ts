import fc from 'fast-check'
import { expect, test } from 'vitest'
import { editDistance, nearest } from '../../src/config/nearest.ts'

test.each([
  ['', '', 0],
  ['abc', 'abc', 0],
  ['abc', 'abd', 1],
  ['abc', 'acb', 1],
  ['abc', 'ab', 1],
  ['', 'abc', 3],
  ['kitten', 'sitting', 3],
])('from %j to %j is %i', (from, to, distance) => {
  expect(editDistance(from, to)).toBe(distance)
})

test('the distance is symmetric, 0 only for equal words, and at most the longer length', () => {
  const word = fc.string({ maxLength: 12 })
  fc.assert(
    fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b)
      expect(distance).toBe(editDistance(b, a))
      expect(distance === 0).toBe(a === b)
      expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length))
    }),
  )
})

test.each<[string, string[], string[]]>([
  ['prot', ['host', 'port', 'store'], ['port']],
  ['limit_cost', ['limit_tokens', 'limit_cost_usd'], ['limit_cost_usd']],
  ['apikey_env', ['api_key_env', 'base_url'], ['api_key_env']],
  ['PORT', ['port'], ['port']],
  ['zzzz', ['host', 'port'], []],
  ['x'.repeat(100_000), ['host'], []],
])('for %j', (word, candidates, expected) => {
  expect(nearest(word, candidates)).toEqual(expected)
})

test('the nearest come first, and no more than asked for', () => {
  expect(nearest('gpt-5', ['gpt-4.1', 'gpt-5.1', 'gpt-5', 'o3'], 2)).toEqual(['gpt-5', 'gpt-5.1'])
})
