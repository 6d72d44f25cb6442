/** Which clients are on this machine, and their versions. */
import { execFile } from 'node:child_process'
import { findCodex, findOnPath } from '../../codex/find.ts'
import type { CliContext } from '../context.ts'
import type { Check } from './check.ts'

const VERSION = /\d+\.\d+\.\d+[\w.-]*/

interface Command {
  readonly file: string
  readonly arguments: readonly string[]
  /** Where it was found, for people. */
  readonly place: string
}

export async function checkClients(env: CliContext['env'], timeoutMs: number): Promise<Check[]> {
  const codex = findCodex(env)
  const opencode = findOnPath('opencode', env)
  return Promise.all([
    checkClient(
      'codex',
      codex.found
        ? {
            file: codex.command,
            arguments: codex.arguments,
            place: codex.origin === 'pinned' ? 'beside this package' : codex.command,
          }
        : undefined,
      'npm install --global @openai/codex',
      env,
      timeoutMs,
    ),
    checkClient(
      'opencode',
      opencode === undefined ? undefined : { file: opencode, arguments: [], place: opencode },
      'npm install --global opencode-ai',
      env,
      timeoutMs,
    ),
  ])
}

async function checkClient(
  name: string,
  command: Command | undefined,
  install: string,
  env: CliContext['env'],
  timeoutMs: number,
): Promise<Check> {
  if (command === undefined) {
    return {
      name,
      status: 'skipped',
      detail: 'not on this machine',
      fix: `To use it: ${install}`,
    }
  }
  const asked = await askVersion(command, env, timeoutMs)
  if ('version' in asked) {
    return { name, status: 'ok', detail: `${asked.version} (${command.place})` }
  }
  return {
    name,
    status: 'warning',
    detail: `${command.place} does not run: ${asked.fault}`,
    fix: `Install it again: ${install}`,
  }
}

function askVersion(
  command: Command,
  env: CliContext['env'],
  timeoutMs: number,
): Promise<{ readonly version: string } | { readonly fault: string }> {
  return new Promise((resolve) => {
    const options = { env: { ...env }, timeout: timeoutMs, killSignal: 'SIGKILL' as const }
    execFile(command.file, [...command.arguments, '--version'], options, (error, stdout) => {
      const version = VERSION.exec(stdout)?.[0]
      if (error === null && version !== undefined) resolve({ version })
      else if (error?.killed === true) resolve({ fault: `no answer within ${timeoutMs / 1000} s` })
      else if (error !== null) resolve({ fault: `--version ends with ${error.code ?? 'an error'}` })
      else resolve({ fault: '--version prints no version' })
    })
  })
}
