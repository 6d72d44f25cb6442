/** Colours and columns of what people read. */
import { styleText } from 'node:util'
import { widthOf } from './layout.ts'

export interface Style {
  strong(text: string): string
  faint(text: string): string
  good(text: string): string
  bad(text: string): string
  warning(text: string): string
}

const plain = (text: string): string => text

export function createStyle(hasColors: boolean): Style {
  const colored = (color: Parameters<typeof styleText>[0]) =>
    hasColors
      ? // The context has already decided; Node would look at the process's own stdout.
        (text: string) => styleText(color, text, { validateStream: false })
      : plain
  return {
    strong: colored('bold'),
    faint: colored('dim'),
    good: colored('green'),
    bad: colored('red'),
    warning: colored('yellow'),
  }
}

/** Rows as lines whose columns stand below each other; the last column is as wide as it is. */
export function formatColumns(rows: readonly (readonly string[])[], indent = ''): string {
  const widths: number[] = []
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(cell))
    }
  }
  return rows
    .map((row) => {
      const cells = row.map((cell, column) => {
        const gap = (widths[column] ?? 0) - widthOf(cell)
        return column === row.length - 1 ? cell : cell + ' '.repeat(gap)
      })
      return `${indent}${cells.join('  ').trimEnd()}\n`
    })
    .join('')
}
