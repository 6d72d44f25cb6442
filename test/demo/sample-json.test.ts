import { describe, expect, test } from 'vitest'
import { sampleJson } from '../../src/demo/sample-json.ts'

describe('sampleJson', () => {
  test.each([
    { name: 'a string', schema: { type: 'string' }, sample: 'text' },
    { name: 'an integer with a floor', schema: { type: 'integer', minimum: 3 }, sample: 3 },
    { name: 'a number', schema: { type: 'number' }, sample: 0 },
    { name: 'a boolean', schema: { type: 'boolean' }, sample: false },
    { name: 'null', schema: { type: 'null' }, sample: null },
    { name: 'the first of an enum', schema: { type: 'string', enum: ['b', 'a'] }, sample: 'b' },
    { name: 'a constant', schema: { const: 7 }, sample: 7 },
    { name: 'the type beside null', schema: { type: ['null', 'string'] }, sample: 'text' },
    { name: 'the first of several', schema: { anyOf: [{ type: 'integer' }] }, sample: 0 },
    { name: 'an empty list', schema: { type: 'array', items: { type: 'string' } }, sample: [] },
    {
      name: 'a list that must not be empty',
      schema: { type: 'array', minItems: 2, items: { type: 'boolean' } },
      sample: [false, false],
    },
    {
      name: 'only what an object requires',
      schema: {
        type: 'object',
        required: ['a'],
        properties: { a: { type: 'string' }, b: { type: 'string' } },
      },
      sample: { a: 'text' },
    },
    {
      name: 'what a reference points to',
      schema: { $defs: { 'a/b': { type: 'integer' } }, $ref: '#/$defs/a~1b' },
      sample: 0,
    },
    { name: 'an object that does not say so', schema: { properties: {} }, sample: {} },
    { name: 'a reference to nowhere', schema: { $ref: '#/$defs/gone' }, sample: null },
    { name: 'a foreign reference', schema: { $ref: 'https://example.org/a' }, sample: null },
    { name: 'no schema at all', schema: undefined, sample: null },
  ])('$name', ({ schema, sample }) => {
    expect(sampleJson(schema, 'text')).toEqual(sample)
  })

  test('a schema that requires itself for ever still ends', () => {
    const endless = { type: 'object', required: ['next'], properties: { next: { $ref: '#' } } }
    expect(JSON.stringify(sampleJson(endless, ''))).toMatch(/^\{"next":/)
  })
})
