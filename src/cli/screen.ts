/** A terminal's whole screen, as a port: a command draws on it, a terminal or a test shows it. */
export interface Screen {
  size(): { readonly columns: number; readonly rows: number }
  /** Shows these lines, none wider than the screen, in place of what was there. */
  draw(lines: readonly string[]): void
  /** At every change of its size. */
  onResize(listener: () => void): void
  /** Somebody pressed q, Escape or Ctrl-C, or the terminal has gone. */
  onQuit(listener: () => void): void
  /** Gives the terminal back as it was. Idempotent. */
  close(): void
}
