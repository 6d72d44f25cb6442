/** `synth status --watch` on a real terminal: whatever ends it, the terminal is as it was. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestBridge, type TestBridge } from '../../support/bridge.ts'

const BIN = join(import.meta.dirname, '../../../src/bin.ts')
const ENTER = '\u001b[?1049h'
const LEAVE = '\u001b[?1049l'
const SHOW_CURSOR = '\u001b[?25h'

/** util-linux's; other systems' take other flags. */
const hasPty = spawnSync('script', ['--version']).status === 0

let bridge: TestBridge
beforeAll(async () => {
  bridge = await startTestBridge({
    config: { upstreams: { local: { base_url: 'http://127.0.0.1:9/v1' } } },
  })
})
afterAll(() => bridge.close())

interface Terminal {
  readonly child: ChildProcess
  text(): string
  /** The text from the shell's last word on what the terminal's settings are. */
  ended(): Promise<string>
}

/** Runs it below a shell that says the process id first, and how the terminal stands at last. */
function onTerminal(env: Record<string, string> = {}): Terminal {
  const command = `"${process.execPath}" "${BIN}" status --watch --url ${bridge.url}`
  const shell = `sh -c 'echo pid=$$; exec ${command}'; echo exit=$?; stty -a`
  const child = spawn('script', ['-qfec', shell, '/dev/null'], {
    env: { ...process.env, TERM: 'xterm-256color', ...env },
  })
  let text = ''
  child.stdout?.on('data', (piece) => {
    text += piece
  })
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => resolve())
  })
  return {
    child,
    text: () => text,
    ended: async () => {
      await closed
      return text
    },
  }
}

describe.skipIf(!hasPty)('a terminal', () => {
  const pidOf = (text: string): number => Number(/pid=(\d+)/.exec(text)?.[1])

  test.each<[string, (terminal: Terminal) => void]>([
    ['q', ({ child }) => child.stdin?.write('q')],
    ['Ctrl-C', ({ child }) => child.stdin?.write('\u0003')],
    ['SIGINT', ({ text }) => process.kill(pidOf(text()), 'SIGINT')],
    ['SIGTERM', ({ text }) => process.kill(pidOf(text()), 'SIGTERM')],
  ])('comes back after %s', async (_name, end) => {
    const terminal = onTerminal()
    await expect.poll(terminal.text, { timeout: 15_000 }).toContain('no call yet')
    expect(terminal.text()).toContain(ENTER)
    end(terminal)
    const text = await terminal.ended()
    const after = text.slice(text.lastIndexOf(LEAVE))
    expect(text.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(text.lastIndexOf(ENTER))
    expect(after).toContain('exit=0')
    expect(after).toMatch(/[ ;]icanon/)
    expect(after).toMatch(/[ ;\n]echo /)
  })

  test('shows no colours under NO_COLOR, and no screen where there can be none', async () => {
    const plain = onTerminal({ NO_COLOR: '1' })
    await expect.poll(plain.text, { timeout: 15_000 }).toContain('no call yet')
    expect(plain.text().replaceAll('\u001b', 'ESC')).not.toMatch(/ESC\[\d+m/)
    plain.child.stdin?.write('q')
    await plain.ended()

    await fetch(`${bridge.url}/api/v1/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    })
    const dumb = onTerminal({ TERM: 'dumb' })
    await expect.poll(dumb.text, { timeout: 15_000 }).toMatch(/Z session sess_\w+ active/)
    process.kill(pidOf(dumb.text()), 'SIGTERM')
    const text = await dumb.ended()
    expect(text).not.toContain(ENTER)
    expect(text).toContain('exit=0')
  })
})
