import fc from 'fast-check'
import { parse, stringify } from 'smol-toml'
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/config/config-error.ts'
import { formatKeyPath, type KeyPath } from '../../src/config/key-path.ts'
import { readToml } from '../../src/config/toml.ts'
import { locateToml } from '../../src/config/toml-places.ts'

describe('numbers', () => {
  test.each([
    ['0.1', 0.1],
    ['20', 20],
    ['20.0', 20],
    ['2_000_000', 2_000_000],
    ['1e3', 1000],
    ['0x10', 16],
    ['-1.5', -1.5],
    ['0.1000000000000000000001', '0.1000000000000000000001'],
    ['9007199254740993', '9007199254740993'],
    ['9007199254740993.0', '9007199254740993'],
    ['123456789.123456789', '123456789.123456789'],
    ['1234567890.1234567891', '1234567890.1234567891'],
  ])('%s comes out as %j', (written, value) => {
    expect(readToml(`a = ${written}`, 'f').values).toEqual({ a: value })
    expect(readToml(`a = [ { b = [ ${written} ] } ]`, 'f').values).toEqual({
      a: [{ b: [value] }],
    })
  })

  test('keep every digit that was written, whatever they are', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[1-9]\d{0,25}\.\d{0,25}[1-9]$/), (written) => {
        expect(String(readToml(`a = ${written}`, 'f').values['a'])).toSatisfy(
          (read: string) => read === written || Number(read).toString() === written,
        )
      }),
    )
  })
})

describe('places', () => {
  const lineOf = (text: string, key: string): number | undefined => locateToml(text).get(key)?.line

  test.each<[name: string, text: string, key: string, line: number]>([
    ['a key below comments and blanks', '# a = 1\n\na = 1', 'a', 3],
    ['a table', 'x = 1\n[a.b]\nc = 2', 'a.b', 2],
    ['a key in a table', '[a.b]\n\nc = 2', 'a.b.c', 3],
    ['a table that only its children have headers for', '\n[a.b]', 'a', 2],
    ['a dotted key', 'a.b.c = 1', 'a.b', 1],
    ['blanks around dots', '[ a . b ]\nc . d = 1', 'a.b.c.d', 2],
    ['a quoted key', '[models."gpt-5.1"]\nprice = "free"', 'models."gpt-5.1".price', 2],
    ['a literal key', "[models.'*']\nupstream = 'x'", 'models."*".upstream', 2],
    ['a key with escapes', '"\\u0061b" = 1', 'ab', 1],
    ['the second of an array of tables', '[[k]]\na = 1\n[[k]]\na = 2', 'k[1].a', 4],
    ['a table inside one of them', '[[k]]\n[[k]]\n[k.t]\na = 2', 'k[1].t.a', 4],
    ['an array inside one of them', '[[k]]\n[[k.t]]\n[[k.t]]\na = 2', 'k[0].t[1].a', 4],
    ['an inline table', 'a = { b = 1, c = { d = 2 } }', 'a.c.d', 1],
    ['an inline table over lines', 'a = {\n b = 1,\n c = 2,\n}', 'a.c', 3],
    ['an element of a list over lines', 'a = [\n 1, # one\n 2,\n]', 'a[1]', 3],
    ['what follows a string with quotes', 'a = "\\"# ["\nb = 1', 'b', 2],
    ['what follows a string over lines', 'a = """\n] = "x"\n"""""\nb = 1', 'b', 4],
    ['what follows a literal over lines', "a = '''\n\\'''\nb = 1", 'b', 3],
    ['what follows an empty string', 'a = ""\nb = 1', 'b', 2],
    ['CRLF lines', '[a]\r\nb = 1\r\nc = 2\r\n', 'a.c', 3],
    ['a document with a byte order mark', '\uFEFFa = 1', 'a', 1],
  ])('%s', (_name, text, key, line) => {
    expect(() => parse(text)).not.toThrow()
    expect(lineOf(text, key)).toBe(line)
  })

  test('every value that the parser finds has a place, on the line that holds it', () => {
    const key = fc.oneof(
      fc.stringMatching(/^[A-Za-z0-9_-]{1,4}$/),
      fc.string({ minLength: 1, maxLength: 4 }),
    )
    const plain = fc.oneof(
      fc.integer(),
      fc.boolean(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.string(),
    )
    const { table } = fc.letrec<{ table: Record<string, unknown>; value: unknown }>((tie) => ({
      table: fc.dictionary(
        key.filter((name) => name !== '__proto__'),
        tie('value'),
        { maxKeys: 4 },
      ),
      value: fc.oneof(
        { maxDepth: 3 },
        plain,
        fc.array(plain, { maxLength: 3 }),
        fc.array(tie('table'), { minLength: 1, maxLength: 3 }),
        tie('table'),
      ),
    }))
    fc.assert(
      fc.property(table, (values) => {
        const text = stringify(values)
        const lines = text.split('\n')
        const places = locateToml(text)
        for (const [path, value] of leaves(parse(text))) {
          const place = places.get(formatKeyPath(path))
          expect(place, formatKeyPath(path)).toBeDefined()
          if (typeof value === 'number' || typeof value === 'boolean') {
            expect(lines[(place?.line ?? 0) - 1]).toContain(place?.literal)
            expect(parse(`a = ${place?.literal}`)).toEqual({ a: value })
          }
        }
      }),
    )
  })
})

function leaves(value: unknown, path: KeyPath = []): [KeyPath, unknown][] {
  if (typeof value !== 'object' || value === null) return [[path, value]]
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? value.map((element, index) => [index, element])
    : Object.entries(value)
  return entries.flatMap(([key, inner]) => leaves(inner, [...path, key]))
}

test.each([
  ['a = ', 1],
  ['a = 1\nb = "x', 2],
  ['[a]\n[a]\n', 2],
  ['a = 1 b = 2', 1],
  ['\n\n= 1', 3],
  ['__proto__ = 1', 1],
])('a syntax error names its line: %j', (text, line) => {
  const read = () => readToml(text, 'f.toml')
  expect(read).toThrow(ConfigError)
  expect(read).toThrow(new RegExp(`^f\\.toml:${line}: is not TOML: .+\\(column \\d+\\)$`))
})
