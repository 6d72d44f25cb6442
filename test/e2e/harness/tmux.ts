/** A real terminal for what draws on one: tmux, with a server of the test's own. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { eventually } from './deadline.ts'

export const hasTmux = spawnSync('tmux', ['-V']).status === 0

export interface TerminalOptions {
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly columns?: number
  readonly rows?: number
}

export interface Terminal {
  /** What it shows now, a line a row, without the blanks at the ends. */
  screen(): string
  /** Types text, as it is. */
  type(text: string): void
  /** Presses a key, as tmux calls it: `Enter`, `C-c`. */
  press(key: string): void
  /** Takes the terminal away from what runs in it. */
  closeWindow(): void
  /** The screen once it shows this. */
  shows(pattern: RegExp, ms?: number): Promise<string>
}

const DEADLINE_MS = 30_000

/** A shell in a terminal. */
export function openTerminal(options: TerminalOptions): Terminal {
  const folder = mkdtempSync(join(tmpdir(), 'synth-tmux-'))
  const socket = join(folder, 'socket')
  const tmux = (...args: string[]): string =>
    execFileSync('tmux', ['-S', socket, '-f', '/dev/null', ...args], {
      encoding: 'utf8',
      cwd: options.cwd,
      env: { ...options.env, TERM: 'xterm-256color', LANG: 'C.UTF-8', PS1: '$ ' },
    })
  const size = ['-x', String(options.columns ?? 100), '-y', String(options.rows ?? 30)]
  tmux('new-session', '-d', ...size, 'sh')
  onTestFinished(() => {
    tmux('kill-server')
    rmSync(folder, { recursive: true, force: true })
  })
  const screen = (): string => tmux('capture-pane', '-p').replace(/[ \n]+$/, '')
  return {
    screen,
    type: (text) => void tmux('send-keys', '-l', text),
    press: (key) => void tmux('send-keys', key),
    closeWindow() {
      tmux('new-window', '-d')
      tmux('kill-window', '-t', ':0')
    },
    async shows(pattern, ms = DEADLINE_MS) {
      try {
        return await eventually(`the screen to show ${pattern}`, ms, () => {
          const now = screen()
          return pattern.test(now) ? now : undefined
        })
      } catch (cause) {
        throw new Error(`${cause instanceof Error ? cause.message : cause}\n${screen()}`, { cause })
      }
    },
  }
}
