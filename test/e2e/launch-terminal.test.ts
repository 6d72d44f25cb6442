/** `synth codex` in a real terminal: Codex's own screen, and the budget below what it prints. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ENTRY } from './harness/bridge.ts'
import { eventually, withDeadline } from './harness/deadline.ts'
import { type LaunchScene, openLaunchScene } from './harness/launch-scene.ts'
import { hasTmux, openTerminal } from './harness/tmux.ts'
import { call, fallsSilent, say } from './harness/turns.ts'
import type { UpstreamRequest } from './harness/upstream.ts'

const SLOW_MS = 60_000
const terminalOf = ({ work, env }: LaunchScene) => {
  const terminal = openTerminal({ cwd: work, env })
  const line = (...args: string[]): void => {
    const quoted = args.map((arg) => `'${arg}'`).join(' ')
    terminal.type(`clear; '${process.execPath}' '${ENTRY}' ${quoted}; echo "exit $?"`)
    terminal.press('Enter')
  }
  return { ...terminal, synth: line }
}
const ANY_WORDS = ['--dangerously-bypass-approvals-and-sandbox']
/** The title is asked for beside the first turn, in no fixed order. */
const chat = ({ body }: UpstreamRequest) =>
  say(JSON.stringify(body.messages).includes('good morning') ? 'Good evening.' : 'A title')

describe.skipIf(!hasTmux)('the TUI', () => {
  test(
    'works, and what its title costs is counted',
    async () => {
      const scene = await openLaunchScene({ script: Array.from({ length: 6 }, () => chat) })
      const terminal = terminalOf(scene)
      terminal.synth('codex', '--limit-cost-usd', '0.5', '--', ...ANY_WORDS)
      await terminal.shows(/synth-small/)
      terminal.type('good morning')
      await terminal.shows(/› good morning/)
      terminal.press('Enter')
      await terminal.shows(/• Good evening\./)
      await withDeadline('the title and the turn', 20_000, scene.upstream.arrival(1))
      // A title that is broken off by the end is charged as an estimate, which is more.
      await eventually('both to be settled', 20_000, async () => {
        const [session] = await scene.sessions()
        return session?.reserved.api_calls === 0 && Number(session.current_usage.api_calls) > 1
          ? session
          : undefined
      })
      terminal.type('/quit')
      await terminal.shows(/› \/quit/)
      terminal.press('Enter')
      const last = await terminal.shows(/exit \d+\n/)
      expect(last).toMatch(/synth: spent \$0\.00\d+ of \$0\.50, [\d,]+ tokens, \d calls in /)
      expect(last).toMatch(/^exit 0$/m)
      const sessions = await scene.sessions()
      expect(
        sessions.map(({ status, current_usage }) => [status, current_usage.api_calls]),
      ).toEqual([['ended', scene.upstream.requests.length]])
      expect(scene.upstream.requests.length).toBeGreaterThan(1)
      expect(scene.leftBehind()).toEqual([])
    },
    SLOW_MS,
  )
})

describe.skipIf(!hasTmux)('exec', () => {
  test(
    'has the budget in the last row while it runs, and gives the row back',
    async () => {
      const scene = await openLaunchScene({
        script: [
          call('exec_command', { cmd: 'echo one; while [ ! -e go ]; do sleep 0.05; done' }),
          say('Two.'),
        ],
      })
      const terminal = terminalOf(scene)
      terminal.synth(
        'codex',
        '--limit-cost-usd',
        '0.5',
        '--',
        'exec',
        '--skip-git-repo-check',
        ...ANY_WORDS,
        'count',
      )
      const during = await terminal.shows(
        /^synth {2}\$0\.0012 of \$0\.50, 1,020 tokens, 1 call, .*$(?![\s\S])/m,
      )
      // What Codex prints stays above it.
      expect(during.split('\n')).toHaveLength(30)
      writeFileSync(join(scene.work, 'go'), '')
      const after = await terminal.shows(/exit 0\n/)
      expect(after).not.toMatch(/^synth {2}/m)
      expect(after).toMatch(/Two\.\n[\s\S]*synth: spent \$0\.0024/)
      // The whole screen scrolls again.
      terminal.type('clear; i=0; while [ $i -lt 40 ]; do echo row $i; i=$((i+1)); done')
      terminal.press('Enter')
      expect((await terminal.shows(/row 39/)).split('\n').slice(0, 2)).toEqual(['row 11', 'row 12'])
    },
    SLOW_MS,
  )

  test(
    'is ended by Ctrl-C, once for both',
    async () => {
      const scene = await openLaunchScene({ script: [fallsSilent('Well')] })
      const terminal = terminalOf(scene)
      terminal.synth('codex', '--', 'exec', '--skip-git-repo-check', ...ANY_WORDS, 'hi')
      await withDeadline('the call', 30_000, scene.upstream.arrival(0))
      terminal.press('C-c')
      const last = await terminal.shows(/exit \d+\n/)
      expect(last).toMatch(/^synth: spent /m)
      expect(scene.leftBehind()).toEqual([])
      expect((await scene.sessions())[0]?.status).toBe('ended')
    },
    SLOW_MS,
  )

  test(
    'ends when its terminal is closed',
    async () => {
      const scene = await openLaunchScene({ script: [fallsSilent('Well')] })
      const terminal = terminalOf(scene)
      terminal.synth('codex', '--', 'exec', '--skip-git-repo-check', ...ANY_WORDS, 'hi')
      await withDeadline('the call', 30_000, scene.upstream.arrival(0))
      terminal.closeWindow()
      await eventually(
        'the launch to end',
        15_000,
        () => scene.leftBehind().length === 0 || undefined,
      )
      expect((await scene.sessions())[0]?.status).toBe('ended')
    },
    SLOW_MS,
  )
})
