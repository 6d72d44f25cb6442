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

test.each([
  {
    name: 'a small one that counts to thousands',
    definition: '[a-z]{0,999}'.repeat(200),
    chars: 1,
  },
  { name: 'one that counts groups', definition: '((\\pL{10})?){99}'.repeat(20), chars: 1 },
  { name: 'a long one', definition: '[a-z]'.repeat(10_000), chars: 1 },
  { name: 'a long input', definition: '[a-z]{0,999}[a-z]{0,999}', chars: 100_000 },
])('$name is more work than a check is worth', async ({ definition, chars }) => {
  expect((await check('regex', `${definition}!`))({ name: 'tool' }, 'a'.repeat(chars))).toBe(true)
})

test('many small ones count together', async () => {
  const grammars = Array.from({ length: 40 }, (_, index) => ({
    name: `tool_${index}`,
    syntax: 'regex',
    definition: '[a-z]{0,499}!',
  }))
  const matches = await compileGrammars(grammars)
  expect(matches({ name: 'tool_0' }, 'a')).toBe(false)
  expect(matches({ name: 'tool_39' }, 'a')).toBe(true)
})

test('counts as people write them are checked', async () => {
  const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
  const matches = await check('regex', `(${uuid}\n){1,8}`)
  expect(matches({ name: 'tool' }, '0189a6e2-7b1c-7d4f-8a3e-2c5b9d0f1e6a\n')).toBe(true)
  expect(matches({ name: 'tool' }, '0189a6e2')).toBe(false)
})
