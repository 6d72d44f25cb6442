import { expect, test } from 'vitest'
import { createModelLabels, OTHER } from '../../src/telemetry/model-labels.ts'

const asIs = (text: string): string => text

test('a model of the configuration always has its own, any other once it was answered', () => {
  const labels = createModelLabels(['mine'], 2, asIs)
  expect(labels.of('mine')).toBe('mine')
  expect(labels.of('theirs')).toBe(OTHER)
  labels.answered('theirs')
  expect(labels.of('theirs')).toBe('theirs')
})

test('there are never more than so many others, and none that stands is taken away', () => {
  const labels = createModelLabels(['mine'], 2, asIs)
  for (let n = 0; n < 1_000; n++) labels.answered(`made-up-${n}`)
  const shown = Array.from({ length: 1_000 }, (_, n) => labels.of(`made-up-${n}`))
  expect(new Set(shown)).toEqual(new Set(['made-up-0', 'made-up-1', OTHER]))
  expect(labels.of('mine')).toBe('mine')
})

test('a model that is named as a secret is not shown as one', () => {
  const labels = createModelLabels([], 2, (text) => text.replace('secret', '***'))
  labels.answered('a-secret')
  expect(labels.of('a-secret')).toBe('a-***')
})
