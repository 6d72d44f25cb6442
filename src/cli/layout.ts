/**
 * Tables and bars in a given width. Widths are those of a terminal: through fast-string-width, which
 * knows wide characters, emoji and escape sequences, and is installed anyway, by @clack/prompts.
 */
import measureWidth from 'fast-string-width'

const GAP = '  '

export function widthOf(text: string): number {
  return measureWidth(text)
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** The text in at most `width` columns, with an ellipsis where it is cut. Without escape sequences. */
export function clip(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  if (width <= 0) return ''
  let kept = ''
  let left = width - 1
  for (const { segment } of graphemes.segment(text)) {
    left -= widthOf(segment)
    if (left < 0) break
    kept += segment
  }
  return `${kept}…`
}

/** Pieces beside each other, each in its colour, the line cut to `width`; undefined leaves it whole. */
export function joinPieces(
  pieces: readonly { readonly text: string; readonly paint: (text: string) => string }[],
  width: number | undefined,
): string {
  let left = width ?? Number.POSITIVE_INFINITY
  let line = ''
  for (const { text, paint } of pieces) {
    const before = line === '' ? '' : GAP
    const cut = clip(text, left - before.length)
    if (cut === '') continue
    line += before + paint(cut)
    left -= before.length + widthOf(cut)
  }
  return line
}

/** Padded on the right, or, if `align` says so, on the left. May hold escape sequences. */
export function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const gap = ' '.repeat(Math.max(0, width - widthOf(text)))
  return align === 'left' ? text + gap : gap + text
}

export interface Column<Row> {
  readonly title: string
  readonly align?: 'left' | 'right'
  /** Where the table is too wide, it may be cut to this, and further once no column is left that may go. */
  readonly minWidth?: number
  /** Where that is not enough, columns go: the highest first. Absent: it stays. */
  readonly goes?: number
  /** Plain text of one line. */
  text(row: Row): string
  paint?(row: Row): (text: string) => string
}

/** Lines of a table, its titles first, none wider than `width`; undefined leaves it as wide as it is. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number | undefined,
  paintTitle: (text: string) => string,
): string[] {
  const cells = new Map(
    columns.map((column) => [column, rows.map((row) => column.text(row))] as const),
  )
  const shown = fitColumns(
    columns,
    (column) => Math.max(...[column.title, ...(cells.get(column) ?? [])].map(widthOf)),
    width,
  )
  const line = (text: (column: Column<Row>) => string, paint: (column: Column<Row>) => Paint) =>
    shown
      .map(({ column, width: columnWidth }, index) => {
        const cut = clip(text(column), columnWidth)
        const isLast = index === shown.length - 1
        const gap = ' '.repeat(Math.max(0, columnWidth - widthOf(cut)))
        const painted = paint(column)(cut)
        if (column.align === 'right') return gap + painted
        return isLast ? painted : painted + gap
      })
      .join(GAP)
  return [
    line(
      ({ title }) => title,
      () => paintTitle,
    ),
    ...rows.map((row, index) =>
      line(
        (column) => cells.get(column)?.[index] ?? '',
        (column) => column.paint?.(row) ?? ((text) => text),
      ),
    ),
  ]
}

type Paint = (text: string) => string

interface Fitted<Row> {
  readonly column: Column<Row>
  readonly width: number
}

function fitColumns<Row>(
  columns: readonly Column<Row>[],
  naturalWidth: (column: Column<Row>) => number,
  width: number | undefined,
): Fitted<Row>[] {
  const natural = columns.map((column) => ({ column, width: naturalWidth(column) }))
  if (width === undefined) return natural
  for (let kept = natural; ; kept = withoutFirstToGo(kept)) {
    const excess =
      kept.reduce((sum, { width: one }) => sum + one, GAP.length * (kept.length - 1)) - width
    const shrunk = shrink(kept, excess)
    if (shrunk !== undefined) return shrunk
    // Nothing is left that may go: whatever is too wide is cut.
    if (kept.every(({ column }) => column.goes === undefined)) return cutToFit(kept, width)
  }
}

/** Takes the excess from the columns that may be cut; undefined where they cannot give it. */
function shrink<Row>(fitted: readonly Fitted<Row>[], excess: number): Fitted<Row>[] | undefined {
  let left = excess
  const shrunk = fitted.map(({ column, width }) => {
    const spare = column.minWidth === undefined ? 0 : Math.max(0, width - column.minWidth)
    const taken = Math.min(spare, Math.max(0, left))
    left -= taken
    return { column, width: width - taken }
  })
  return left <= 0 ? shrunk : undefined
}

function withoutFirstToGo<Row>(fitted: readonly Fitted<Row>[]): Fitted<Row>[] {
  const first = Math.max(...fitted.map(({ column }) => column.goes ?? 0))
  return fitted.filter(({ column }) => column.goes !== first)
}

/** Below this a cell that is cut says nothing. */
const LEAST_WIDTH = 4

/** What may be cut shares what the other columns leave; where that is too little, the last ones go. */
function cutToFit<Row>(fitted: readonly Fitted<Row>[], width: number): Fitted<Row>[] {
  const cuttable = fitted.filter(({ column }) => column.minWidth !== undefined)
  const fixed = fitted
    .filter(({ column }) => column.minWidth === undefined)
    .reduce((sum, { width: one }) => sum + one, GAP.length * (fitted.length - 1))
  const share = Math.max(LEAST_WIDTH, Math.floor((width - fixed) / Math.max(1, cuttable.length)))
  let left = width
  return fitted.flatMap(({ column, width: wanted }, index) => {
    const room = left - (index === 0 ? 0 : GAP.length)
    const given = Math.min(column.minWidth === undefined ? wanted : Math.min(share, wanted), room)
    if (given <= 0) return []
    left = room - given
    return [{ column, width: given }]
  })
}

/**
 * `██████▒▒░░░░`: what is used, what is held besides, what is left. Full only when nothing is left,
 * empty only when nothing is used.
 */
export function renderBar(width: number, used: number, held: number): string {
  const cellsOf = (share: number): number => {
    if (!(share > 0) || width === 0) return 0
    if (share >= 1) return width
    return Math.min(width - 1, Math.max(1, Math.floor(share * width)))
  }
  const usedCells = cellsOf(used)
  const heldCells = Math.max(0, (held > 0 ? cellsOf(used + held) : usedCells) - usedCells)
  return '█'.repeat(usedCells) + '▒'.repeat(heldCells) + '░'.repeat(width - usedCells - heldCells)
}
