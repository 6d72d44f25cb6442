import { expect, test } from 'vitest'
import { compileGrammars } from '../../src/grammar/compile-grammars.ts'

const check = (syntax: string, definition: string) =>
  compileGrammars([{ name: 'tool', syntax, definition }])

test.each([
  ['SELECT .+', 'SELECT 1', true],
  ['SELECT .+', 'select 1', false],
  ['SELECT .+', 'SELECT 1\n', false],
  ['(?s)SELECT .+', 'SELECT\n1', false],
  ['(?s)a.+', 'a\nb', true],
  ['(?P<year>\\d{4})-\\p{L}+', '2026-märz', true],
  ['a|b', 'ab', false],
])('the regex %o of the input %o: %o', async (definition, input, matches) => {
  expect((await check('regex', definition))({ name: 'tool' }, input)).toBe(matches)
})

test.each([
  ['a regex that RE2 cannot read', 'regex', 'a(?=b)'],
  ['a broken one', 'regex', '['],
  ['Lark', 'lark', 'start: "a"'],
  ['a syntax nobody knows', '', 'a'],
])('%s is not checked', async (_name, syntax, definition) => {
  expect((await check(syntax, definition))({ name: 'tool' }, 'zzz')).toBe(true)
})

test('a tool is known by its namespace too, and one without a grammar is free', async () => {
  const matches = await compileGrammars([
    { name: 'run', namespace: 'code', syntax: 'regex', definition: 'a' },
  ])
  expect(matches({ name: 'run', namespace: 'code' }, 'b')).toBe(false)
  expect(matches({ name: 'run' }, 'b')).toBe(true)
})

test('an expression made to run for years is done at once', async () => {
  const matches = await check('regex', '(a+)+b')
  expect(matches({ name: 'tool' }, 'a'.repeat(100_000))).toBe(false)
})
