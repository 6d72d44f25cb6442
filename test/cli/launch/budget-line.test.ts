/** The last row against a small terminal of our own: rows, a cursor, a region that scrolls. */
import { expect, test } from 'vitest'
import { type ErrorTerminal, openBudgetLine } from '../../../src/cli/launch/budget-line.ts'

interface Screen {
  readonly terminal: ErrorTerminal
  print(text: string): void
  resize(rows: number): void
  rows(): string[]
}

/** Knows what the line and a client's plain text need, and throws at anything else. */
function createScreen(height: number, width = 40): Screen {
  let rows: string[] = Array.from({ length: height }, () => '')
  let bottom = height
  let cursor = { row: 1, column: 1 }
  let saved = cursor
  let onResize = () => {}

  const newLine = (): void => {
    if (cursor.row === bottom) {
      rows.shift()
      rows.splice(bottom - 1, 0, '')
    }
    cursor = { row: cursor.row === bottom ? bottom : cursor.row + 1, column: 1 }
  }
  const put = (character: string): void => {
    const row = rows[cursor.row - 1] ?? ''
    const head = row.padEnd(cursor.column - 1).slice(0, cursor.column - 1)
    rows[cursor.row - 1] = head + character + row.slice(cursor.column)
    cursor = { ...cursor, column: cursor.column + 1 }
  }
  const control = (sequence: string, [, first = '', second = '', name = '']: RegExpExecArray) => {
    if (sequence === '\u001b7') saved = cursor
    else if (sequence === '\u001b8') cursor = saved
    else if (name === 'H') cursor = { row: Number(first), column: Number(second) }
    else if (name === 'K') rows[cursor.row - 1] = ''
    else if (name === 'A') cursor = { ...cursor, row: Math.max(1, cursor.row - Number(first)) }
    else if (name === 'r') {
      bottom = second === '' ? rows.length : Number(second)
      cursor = { row: 1, column: 1 }
    } else if (name !== 'm') throw new Error(`unknown: ${JSON.stringify(sequence)}`)
  }
  const print = (text: string): void => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal obeys begins with ESC
    const CONTROL = /\u001b(?:[78]|\[(\d*);?(\d*)([A-Za-z]))/y
    for (let at = 0; at < text.length; ) {
      CONTROL.lastIndex = at
      const found = CONTROL.exec(text)
      if (found !== null) control(found[0], found)
      else if (text[at] === '\n') newLine()
      else put(text[at] ?? '')
      at += found === null ? 1 : found[0].length
    }
  }
  return {
    print,
    rows: () => rows.map((row) => row.trimEnd()),
    resize(next) {
      rows = Array.from({ length: next }, (_, index) => rows[index] ?? '')
      bottom = Math.min(bottom, next)
      cursor = { ...cursor, row: Math.min(cursor.row, next) }
      onResize()
    },
    terminal: {
      size: () => ({ rows: rows.length, columns: width }),
      write: print,
      onResize(listener) {
        onResize = listener
        return () => {
          onResize = () => {}
        }
      },
    },
  }
}

const printed = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `row ${from + index}`)

test('it stands still while a client’s lines go by above it, and none of them is lost', () => {
  const screen = createScreen(8)
  screen.print('$ synth codex\n')
  const line = openBudgetLine(screen.terminal)
  line.show('$0.01 of $5.00')
  for (const row of printed(1, 3)) screen.print(`${row}\n`)
  expect(screen.rows()).toEqual(['$ synth codex', ...printed(1, 3), '', '', '', '$0.01 of $5.00'])
  for (const row of printed(4, 12)) screen.print(`${row}\n`)
  line.show('$0.02 of $5.00')
  expect(screen.rows()).toEqual([...printed(7, 12), '', '$0.02 of $5.00'])
  line.close()
  screen.print('synth: spent $0.02\n$ ')
  expect(screen.rows()).toEqual([...printed(7, 12), 'synth: spent $0.02', '$'])
})

test('at the foot of a full screen nothing is written over', () => {
  const screen = createScreen(8)
  for (const row of printed(1, 20)) screen.print(`${row}\n`)
  const line = openBudgetLine(screen.terminal)
  line.show('budget')
  screen.print('first\n')
  expect(screen.rows()).toEqual([...printed(16, 20), 'first', '', 'budget'])
  line.close()
  expect(screen.rows()).toEqual([...printed(16, 20), 'first', '', ''])
})

test('a client’s half line is gone on with', () => {
  const screen = createScreen(8)
  const line = openBudgetLine(screen.terminal)
  screen.print('half')
  line.show('budget')
  screen.print(' and half\n')
  expect(screen.rows()[0]).toBe('half and half')
})

test('it is cut to the width, and not written twice for nothing', () => {
  const screen = createScreen(8, 10)
  const writes: string[] = []
  const write = (text: string) => void writes.push(text)
  const line = openBudgetLine({ ...screen.terminal, write })
  line.show('a budget too long')
  line.show('a budget too long')
  expect(writes.filter((text) => text.includes('budget'))).toHaveLength(1)
  expect(writes.at(-1)).toContain('a budget ')
  expect(writes.at(-1)).not.toContain('too')
})

test('it moves with the size of the terminal', () => {
  const screen = createScreen(10)
  const line = openBudgetLine(screen.terminal)
  line.show('budget')
  screen.resize(8)
  expect(screen.rows().at(-1)).toBe('budget')
  screen.resize(12)
  expect(screen.rows().at(-1)).toBe('budget')
  expect(screen.rows().filter((row) => row === 'budget')).toHaveLength(1)
  line.close()
  expect(screen.rows().filter((row) => row === 'budget')).toEqual([])
})

test('a terminal of a few rows is left alone', () => {
  const screen = createScreen(5)
  const line = openBudgetLine(screen.terminal)
  line.show('budget')
  screen.print('one\n')
  line.close()
  expect(screen.rows()).toEqual(['one', '', '', '', ''])
})
