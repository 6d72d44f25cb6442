import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { countSeeds, eachSeed, parseSeeds } from '../../src/rollout/seeds.ts'

test('a range leaves its end out', () => {
  expect(parseSeeds('0:3')).toEqual({ ok: true, seeds: { from: 0, to: 3 } })
  expect([...eachSeed({ from: 5, to: 8 })]).toEqual([5, 6, 7])
})

test('every range that is taken yields as many seeds as it counts', () => {
  const range = fc.tuple(fc.nat({ max: 1e9 }), fc.integer({ min: 1, max: 200 }))
  fc.assert(
    fc.property(range, ([from, count]) => {
      const parsed = parseSeeds(`${from}:${from + count}`)
      expect(parsed.ok).toBe(true)
      if (!parsed.ok) return
      expect(countSeeds(parsed.seeds)).toBe(count)
      expect([...eachSeed(parsed.seeds)]).toHaveLength(count)
    }),
  )
})

describe('refused', () => {
  const rows = [
    { text: '5', says: 'two whole numbers such as 0:50' },
    { text: '', says: 'two whole numbers' },
    { text: '-1:3', says: 'two whole numbers' },
    { text: '0:1.5', says: 'two whole numbers' },
    { text: '1:2:3', says: 'two whole numbers' },
    { text: '3:3', says: '3:3 holds no seed' },
    { text: '9:2', says: '9:2 holds no seed' },
    { text: '0:2000000', says: '2000000 seeds; 1000000 is the most' },
  ]
  test.each(rows)('$text', ({ text, says }) => {
    const parsed = parseSeeds(text)
    expect(parsed).toMatchObject({ ok: false })
    expect(parsed.ok ? '' : parsed.reason).toContain(says)
  })
})
