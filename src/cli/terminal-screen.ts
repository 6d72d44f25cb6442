/**
 * The screen of a real terminal: its alternate buffer, so that what was there comes back, with keys read
 * one by one. Plain sequences of xterm, which every terminal of today and tmux know; a library for
 * whole interfaces would be larger than the bridge.
 *
 * @see https://invisible-island.net/xterm/ctlseqs/ctlseqs.html
 */
import type { ReadStream, WriteStream } from 'node:tty'
import type { Screen } from './screen.ts'

const ESCAPE = '\u001b'
const ENTER = `${ESCAPE}[?1049h${ESCAPE}[?25l`
const LEAVE = `${ESCAPE}[?25h${ESCAPE}[?1049l`
/** Between these a terminal shows nothing half drawn; one that does not know them ignores them. */
const BEGIN_FRAME = `${ESCAPE}[?2026h${ESCAPE}[H`
const END_FRAME = `${ESCAPE}[J${ESCAPE}[?2026l`
const CLEAR_LINE = `${ESCAPE}[2K`

/** In raw mode Ctrl-C is a byte and no signal. */
const QUIT_KEYS: ReadonlySet<string> = new Set(['q', 'Q', '\u0003', '\u0004', ESCAPE])

const FALLBACK = { columns: 80, rows: 24 }

export interface TerminalScreenOptions {
  readonly input?: Pick<ReadStream, 'isTTY' | 'setRawMode' | 'on' | 'off' | 'resume' | 'pause'>
  readonly output?: WriteStream
}

export function openTerminalScreen({
  input = process.stdin,
  output = process.stdout,
}: TerminalScreenOptions = {}): Screen {
  const listeners: { event: 'resize' | 'quit'; listener: () => void }[] = []
  const tell = (wanted: 'resize' | 'quit') => {
    for (const { event, listener } of listeners) if (event === wanted) listener()
  }
  const onResize = () => tell('resize')
  const onKeys = (bytes: Buffer) => {
    if (QUIT_KEYS.has(bytes.toString('latin1'))) tell('quit')
  }
  const onGone = () => tell('quit')
  let isOpen = true

  const close = () => {
    if (!isOpen) return
    isOpen = false
    process.off('exit', close)
    output.off('resize', onResize)
    input.off('data', onKeys)
    input.off('end', onGone)
    if (input.isTTY) input.setRawMode(false)
    // What is not read keeps the process alive.
    input.pause()
    output.write(LEAVE)
  }

  // Whatever ends the process, the terminal comes back.
  process.on('exit', close)
  output.on('resize', onResize)
  if (input.isTTY) {
    input.setRawMode(true)
    input.on('data', onKeys)
    input.on('end', onGone)
    input.resume()
  }
  output.write(ENTER)

  return {
    size: () => ({
      columns: output.columns || FALLBACK.columns,
      rows: output.rows || FALLBACK.rows,
    }),
    draw(lines) {
      if (!isOpen) return
      // Cleared before it is written: behind a line as wide as the screen, that would take its last sign.
      const text = lines.map((line) => CLEAR_LINE + line).join('\r\n')
      output.write(`${BEGIN_FRAME}${text}${END_FRAME}`)
    },
    onResize: (listener) => void listeners.push({ event: 'resize', listener }),
    onQuit: (listener) => void listeners.push({ event: 'quit', listener }),
    close,
  }
}
