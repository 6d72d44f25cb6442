import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Column, clip, pad, renderBar, renderTable, widthOf } from '../../src/cli/layout.ts'

describe('a bar', () => {
  test.each([
    [0, 0, '░░░░░░░░░░'],
    [0.001, 0, '█░░░░░░░░░'],
    [0.5, 0, '█████░░░░░'],
    [0.5, 0.2, '█████▒▒░░░'],
    [0, 0.01, '▒░░░░░░░░░'],
    [0.999, 0, '█████████░'],
    [1, 0, '██████████'],
    [1.7, 0.3, '██████████'],
    [0.5, 9, '█████▒▒▒▒▒'],
    [Number.NaN, 0, '░░░░░░░░░░'],
  ])('of %d used and %d held', (used, held, bar) => {
    expect(renderBar(10, used, held)).toBe(bar)
  })

  test('is as wide as it is told to be, whatever it shows', () => {
    fc.assert(
      fc.property(fc.nat(80), fc.double(), fc.double(), (width, used, held) => {
        expect(renderBar(width, used, held)).toHaveLength(width)
      }),
    )
  })
})

test.each([
  ['abc', 5, 'abc'],
  ['abcdef', 5, 'abcd…'],
  ['日本語', 6, '日本語'],
  ['日本語', 5, '日本…'],
  // The half that is left of a wide character stays empty.
  ['日本語', 4, '日…'],
  ['abc', 1, '…'],
  ['abc', 0, ''],
  ['abc', -3, ''],
])('%s in %d columns is "%s"', (text, width, shown) => {
  expect(clip(text, width)).toBe(shown)
})

test('a cell is padded by what is seen of it', () => {
  expect(pad('\u001b[31m日\u001b[39m', 4)).toBe('\u001b[31m日\u001b[39m  ')
  expect(pad('7', 3, 'right')).toBe('  7')
})

interface Row {
  readonly name: string
  readonly count: string
  readonly note: string
}

const COLUMNS: Column<Row>[] = [
  { title: 'NAME', minWidth: 4, text: ({ name }) => name },
  { title: 'COUNT', align: 'right', text: ({ count }) => count },
  { title: 'NOTE', goes: 1, text: ({ note }) => note, paint: () => (text) => `<${text}>` },
]

const ROWS: Row[] = [
  { name: 'synth-small', count: '7', note: 'first' },
  { name: '日本語', count: '1,024', note: 'x' },
]

describe('a table', () => {
  const render = (width: number | undefined) => renderTable(COLUMNS, ROWS, width, (text) => text)

  test('is as wide as it has to be where there is room', () => {
    const lines = [
      'NAME         COUNT  NOTE',
      'synth-small      7  <first>',
      '日本語       1,024  <x>',
    ]
    expect(render(undefined)).toEqual(lines)
    expect(render(80)).toEqual(lines)
  })

  test('first cuts what may be cut', () => {
    expect(render(20)).toEqual([
      'NAME    COUNT  NOTE',
      'synth…      7  <first>',
      '日本語  1,024  <x>',
    ])
  })

  test('then drops what may go', () => {
    expect(render(14)).toEqual(['NAME     COUNT', 'synth-…      7', '日本語   1,024'])
  })

  test('at last cuts everything', () => {
    expect(render(8)).toEqual(['NAME  C…', 'syn…   7', '日…   1…'])
  })

  test('is never wider than it may be', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.array(fc.string({ unit: 'grapheme' })), (width, names) => {
        const rows = names.map((name) => ({ name, count: name, note: name }))
        const plain = COLUMNS.map(({ paint: _, ...column }) => column)
        for (const line of renderTable(plain, rows, width, (text) => text)) {
          expect(widthOf(line)).toBeLessThanOrEqual(width)
        }
      }),
    )
  })
})
