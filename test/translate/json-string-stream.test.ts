import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createStringPropertyReader,
  type StringPropertyStage,
} from '../../src/translate/json-string-stream.ts'

function read(pieces: readonly string[]): { text: string; stage: StringPropertyStage } {
  const reader = createStringPropertyReader('input')
  let text = ''
  for (const piece of pieces) text += reader.push(piece)
  return { text, stage: reader.stage }
}

const rows: { name: string; json: string; text: string; stage: StringPropertyStage }[] = [
  { name: 'the only property', json: '{"input":"ls -l"}', text: 'ls -l', stage: 'found' },
  { name: 'white space everywhere', json: ' {\n"input" :\t"a" } ', text: 'a', stage: 'found' },
  { name: 'an empty string', json: '{"input":""}', text: '', stage: 'found' },
  { name: 'a string still open', json: '{"input":"ab', text: 'ab', stage: 'reading' },
  { name: 'an escape still open', json: '{"input":"ab\\u00', text: 'ab', stage: 'reading' },
  {
    name: 'every escape',
    json: '{"input":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00"}',
    text: '"\\/\b\f\n\r\té😀',
    stage: 'found',
  },
  {
    name: 'raw control characters, which models write',
    json: '{"input":"a\n\tb"}',
    text: 'a\n\tb',
    stage: 'found',
  },
  {
    name: 'an escape JSON does not know keeps its backslash',
    json: '{"input":"\\d+\\."}',
    text: '\\d+\\.',
    stage: 'found',
  },
  {
    name: 'a broken unicode escape stays as written',
    json: '{"input":"\\u12zz"}',
    text: '\\u12zz',
    stage: 'found',
  },
  {
    name: 'behind values of every kind',
    json: '{"a":"}\\"{","b":[1,{"input":"no"},"]"],"c":{"input":"no"},"d":-1.5e3,"e":null,"input":"yes"}',
    text: 'yes',
    stage: 'found',
  },
  {
    name: 'a name written with escapes',
    json: '{"\\u0069nput":"a"}',
    text: 'a',
    stage: 'found',
  },
  { name: 'an object without it', json: '{"other":"a"}', text: '', stage: 'absent' },
  { name: 'an empty object', json: '{}', text: '', stage: 'absent' },
  { name: 'a value that is not a string', json: '{"input":[1]}', text: '', stage: 'absent' },
  { name: 'nothing', json: '', text: '', stage: 'before' },
  { name: 'an object not yet there', json: '{"inp', text: '', stage: 'before' },
  { name: 'a list', json: '["input"]', text: '', stage: 'malformed' },
  { name: 'a name without quotes', json: '{input:"a"}', text: '', stage: 'malformed' },
  { name: 'no colon', json: '{"input" "a"}', text: '', stage: 'malformed' },
  { name: 'code in braces', json: '{ let x = 1 }', text: '', stage: 'malformed' },
]

describe('createStringPropertyReader', () => {
  test.each(rows)('$name', ({ json, text, stage }) => {
    expect(read([json])).toEqual({ text, stage })
  })

  test.each(rows)('$name, unit by unit', ({ json, text, stage }) => {
    expect(read(json.split(''))).toEqual({ text, stage })
  })

  test('reads what JSON.parse reads, however the object is written and cut', () => {
    const object = fc.tuple(
      fc.dictionary(fc.string({ maxLength: 4 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 3 }),
      fc.string({ unit: 'binary' }),
      fc.integer({ min: 0, max: 2 }),
    )
    fc.assert(
      fc.property(
        object,
        fc.array(fc.nat(200), { maxLength: 8 }),
        ([before, input, indent], cuts) => {
          delete before['input']
          const json = JSON.stringify({ ...before, input, after: [1] }, null, indent)
          const at = [0, ...cuts.map((cut) => cut % (json.length + 1)), json.length].toSorted(
            (one, other) => one - other,
          )
          const pieces = at.slice(1).map((end, index) => json.slice(at[index], end))
          expect(read(pieces)).toEqual({ text: input, stage: 'found' })
        },
      ),
    )
  })

  test('gives the text as it comes', () => {
    const reader = createStringPropertyReader('input')
    const given = ['{"input": "a', 'b\\', 'nc', '"', '}'].map((piece) => reader.push(piece))
    expect(given).toEqual(['a', 'b', '\nc', '', ''])
  })
})
