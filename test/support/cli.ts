/** A command run in this process, in a folder of its own, with everything it says kept. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { CliContext } from '../../src/cli/context.ts'
import { main } from '../../src/cli/main.ts'

export interface CliResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface TestCli {
  /** The working folder; `HOME` is a folder inside it. */
  readonly cwd: string
  run(args: readonly string[], changes?: Partial<CliContext>): Promise<CliResult>
}

/** Where nobody answers: no test may find a model server of the machine it runs on. */
export const nobodyAnswers: typeof fetch = () => Promise.reject(new TypeError('fetch failed'))

/** @param files by path below the working folder */
export function createTestCli(files: Readonly<Record<string, string>> = {}): TestCli {
  const cwd = mkdtempSync(join(tmpdir(), 'synth-cli-'))
  mkdirSync(join(cwd, 'home'))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(cwd, name)), { recursive: true })
    writeFileSync(join(cwd, name), text)
  }
  return {
    cwd,
    async run(args, changes = {}) {
      let stdout = ''
      let stderr = ''
      const context: CliContext = {
        cwd,
        isTerminal: false,
        stderrIsTerminal: false,
        columns: undefined,
        openScreen: undefined,
        hasColors: false,
        fetch: nobodyAnswers,
        openPrompter: undefined,
        interrupted: () => new Promise(() => {}),
        stdout: (text) => {
          stdout += text
        },
        stderr: (text) => {
          stderr += text
        },
        ...changes,
        env: { HOME: join(cwd, 'home'), ...changes.env },
      }
      const code = await main(args, context)
      return { code, stdout, stderr }
    },
  }
}
