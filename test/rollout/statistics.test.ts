import fc from 'fast-check'
import { expect, test } from 'vitest'
import { describeValues } from '../../src/rollout/statistics.ts'

test('nothing has no mean, and one value no spread', () => {
  expect(describeValues([])).toEqual({
    count: 0,
    mean: undefined,
    deviation: undefined,
    min: undefined,
    max: undefined,
  })
  expect(describeValues([2])).toMatchObject({ mean: 2, deviation: undefined, min: 2, max: 2 })
})

test('known values', () => {
  expect(describeValues([2, 4, 4, 4, 5, 5, 7, 9])).toMatchObject({ mean: 5, min: 2, max: 9 })
  expect(describeValues([2, 4, 4, 4, 5, 5, 7, 9]).deviation).toBeCloseTo(2.138, 3)
  expect(describeValues([1e9, 1e9 + 1]).deviation).toBeCloseTo(Math.SQRT1_2, 6)
})

test('a shift moves the mean and leaves the spread', () => {
  const rewards = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 2 })
  fc.assert(
    fc.property(rewards, fc.integer({ min: -1000, max: 1000 }), (values, shift) => {
      const plain = describeValues(values)
      const shifted = describeValues(values.map((value) => value + shift))
      expect(shifted.mean).toBeCloseTo((plain.mean ?? 0) + shift, 6)
      expect(shifted.deviation).toBeCloseTo(plain.deviation ?? 0, 6)
    }),
  )
})
