import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createFreeTextReader } from '../../../src/translate/to-responses/free-text.ts'

type Kind = 'custom' | 'stop'

function read(kind: Kind, pieces: readonly string[], cut = false): string {
  const reader =
    kind === 'custom' ? createFreeTextReader('input', true) : createFreeTextReader('message', false)
  return pieces.map((piece) => reader.push(piece)).join('') + reader.end(cut)
}

const rows: { name: string; args: string; custom: string; stop: string }[] = [
  { name: 'nothing', args: '', custom: '', stop: '' },
  { name: 'white space', args: ' \n', custom: '', stop: '' },
  { name: 'an empty object', args: '{}', custom: '', stop: '' },
  {
    name: 'raw text',
    args: '*** Begin Patch\n',
    custom: '*** Begin Patch\n',
    stop: '*** Begin Patch\n',
  },
  { name: 'raw text behind white space', args: '\n ls', custom: '\n ls', stop: '\n ls' },
  { name: 'a JSON string', args: '"a\\nb"', custom: 'a\nb', stop: 'a\nb' },
  {
    name: 'text that begins with a quote',
    args: '"use strict"; f()',
    custom: '"use strict"; f()',
    stop: '"use strict"; f()',
  },
  { name: 'one other property', args: '{"patch":"a"}', custom: 'a', stop: 'a' },
  {
    name: 'two other properties',
    args: '{"a":"x","b":"y"}',
    custom: '{"a":"x","b":"y"}',
    stop: '',
  },
  { name: 'one other property that is no string', args: '{"a":1}', custom: '{"a":1}', stop: '' },
  { name: 'code in braces', args: '{ f() }', custom: '{ f() }', stop: '' },
  { name: 'a list', args: '["a"]', custom: '["a"]', stop: '' },
]

const own: { name: string; value: unknown; custom: string; stop: string }[] = [
  { name: 'a string', value: 'a"\n', custom: 'a"\n', stop: 'a"\n' },
  { name: 'an object', value: { a: 1 }, custom: '{"a":1}', stop: '' },
  { name: 'a number', value: 7, custom: '7', stop: '' },
  { name: 'null', value: null, custom: 'null', stop: '' },
]

describe.each<Kind>(['custom', 'stop'])('free text of a %s tool', (kind) => {
  const property = kind === 'custom' ? 'input' : 'message'

  test.each(rows)('$name', (row) => {
    expect(read(kind, [row.args])).toBe(row[kind])
    expect(read(kind, row.args.split(''))).toBe(row[kind])
  })

  test.each(own)('its property is $name', (row) => {
    const json = JSON.stringify({ [property]: row.value })
    expect(read(kind, [json])).toBe(row[kind])
    expect(read(kind, json.split(''))).toBe(row[kind])
  })

  test('leaves as it comes', () => {
    const reader = createFreeTextReader(property, kind === 'custom')
    expect([`{"${property}":"a`, 'b', 'c"}'].map(reader.push)).toEqual(['a', 'b', 'c'])
  })

  test.each(['{"other":"a', `{"${property}`, `{"${property}":`, '"quoted'])(
    'cut off before its string, %j is nothing',
    (args) => {
      expect(read(kind, [args], true)).toBe('')
    },
  )

  test('any string in its property comes through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(), (text, at) => {
        const json = JSON.stringify({ [property]: text })
        const cut = at % json.length
        expect(read(kind, [json.slice(0, cut), json.slice(cut)])).toBe(text)
      }),
    )
  })
})

test('no JSON of a stop call is ever text, wherever it is cut', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.nat(),
      fc.boolean(),
      (object, at, cut) => {
        const json = JSON.stringify(object)
        const text = read('stop', [json.slice(0, at % (json.length + 1))], cut)
        const strings = Object.values(object).filter((value) => typeof value === 'string')
        expect(text === '' || strings.some((string) => string.startsWith(text))).toBe(true)
      },
    ),
  )
})
