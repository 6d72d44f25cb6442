/**
 * The budget while a client prints its lines: the terminal's last row, outside the region that scrolls.
 * The client's output is not touched, and cannot be mixed up with the row: it goes on above it, straight
 * to the terminal.
 *
 * @see https://vt100.net/docs/vt510-rm/DECSTBM.html
 */

/** The terminal behind stderr. */
export interface ErrorTerminal {
  /** Rows and columns as they are now. */
  size(): { readonly rows: number; readonly columns: number }
  write(text: string): void
  /** @returns what stops the listening */
  onResize(listener: () => void): () => void
}

export interface BudgetLine {
  show(text: string): void
  /** Gives the row back, empty. */
  close(): void
}

/** Below this, a row is more than one can spare. */
const MIN_ROWS = 6

const SAVE_CURSOR = '\u001b7'
const RESTORE_CURSOR = '\u001b8'
const CLEAR_ROW = '\u001b[2K'
const FAINT = '\u001b[2m'
const PLAIN = '\u001b[0m'
const WHOLE_SCREEN = '\u001b[r'

const moveTo = (row: number): string => `\u001b[${row};1H`
const scrollAbove = (row: number): string => `\u001b[1;${row - 1}r`

export function openBudgetLine(terminal: ErrorTerminal): BudgetLine {
  /** The row it is on, or 0 where there is no room for one. */
  let row = 0
  let shown = ''

  const paint = (): void => {
    if (row === 0 || shown === '') return
    const text = shown.slice(0, terminal.size().columns - 1)
    // One write: the client's own cannot come between its parts.
    terminal.write(SAVE_CURSOR + moveTo(row) + CLEAR_ROW + FAINT + text + PLAIN + RESTORE_CURSOR)
  }
  const take = (): void => {
    const { rows } = terminal.size()
    if (rows < MIN_ROWS) return
    row = rows
    // A line break and a step back: on the last row, what stands there moves out of the way.
    terminal.write(`\n${SAVE_CURSOR}${scrollAbove(row)}${RESTORE_CURSOR}\u001b[1A`)
  }
  const giveBack = (): void => {
    if (row === 0) return
    terminal.write(SAVE_CURSOR + WHOLE_SCREEN + moveTo(row) + CLEAR_ROW + RESTORE_CURSOR)
    row = 0
  }

  take()
  const stopListening = terminal.onResize(() => {
    giveBack()
    take()
    paint()
  })
  return {
    show(text) {
      if (text === shown) return
      shown = text
      paint()
    },
    close() {
      stopListening()
      giveBack()
    },
  }
}

/** Stderr's terminal; undefined where it is none, or one that knows no such thing. */
export function errorTerminal(env: Readonly<Record<string, string | undefined>>) {
  const { stderr } = process
  if (stderr.isTTY !== true || env['TERM'] === 'dumb' || env['TERM'] === undefined) return undefined
  const terminal: ErrorTerminal = {
    size: () => ({ rows: stderr.rows, columns: stderr.columns }),
    write: (text) => {
      stderr.write(text)
    },
    onResize(listener) {
      stderr.on('resize', listener)
      return () => stderr.removeListener('resize', listener)
    },
  }
  return terminal
}
