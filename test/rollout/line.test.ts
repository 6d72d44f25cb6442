import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeLine, type RolloutLine, readLines } from '../../src/rollout/line.ts'

const lineOf = (seed: number, changes: Partial<RolloutLine> = {}): RolloutLine => ({
  seed,
  status: 'done',
  reward: 0.5,
  error: null,
  trial_id: 't',
  correlation_id: 'trace_t',
  trace_ids: ['tr_1'],
  cost_usd: '0.001',
  tokens: 12,
  duration_ms: 34,
  ...changes,
})

const anyLine: fc.Arbitrary<RolloutLine> = fc
  .record({
    seed: fc.nat(),
    status: fc.constantFrom('done' as const, 'failed' as const, 'incomplete' as const),
    error: fc.option(fc.string({ unit: 'grapheme' })),
    trace_ids: fc.array(fc.string()),
  })
  .map(({ seed, ...changes }) => lineOf(seed, changes))

test('what is written is read, wherever the file was torn', () => {
  fc.assert(
    fc.property(fc.array(anyLine, { maxLength: 8 }), fc.nat(), (lines, cut) => {
      const text = lines.map(encodeLine).join('')
      const torn = text.slice(0, cut % (text.length + 1))
      const read = readLines(torn)
      const whole = torn.split('\n').length - 1
      expect(read.problem).toBeUndefined()
      expect(read.wholeChars).toBe(torn.lastIndexOf('\n') + 1)
      const expected = new Map(lines.slice(0, whole).map((line) => [line.seed, line]))
      expect(new Map(read.lines)).toEqual(expected)
    }),
  )
})

test('the last line of a seed is the one that counts', () => {
  const text = encodeLine(lineOf(3, { status: 'failed', reward: null })) + encodeLine(lineOf(3))
  expect(readLines(text).lines.get(3)?.status).toBe('done')
})

test.each([
  { text: `${encodeLine(lineOf(1))}hello\n`, problem: { line: 2, reason: 'is no JSON' } },
  {
    text: '{"seed":"1"}\n',
    problem: { line: 1, reason: expect.stringContaining('is no line of a rollout (seed:') },
  },
])('a file of somebody else: $problem', ({ text, problem }) => {
  expect(readLines(text).problem).toEqual(problem)
})
