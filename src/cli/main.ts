/**
 * The command line: arguments to a command, a command to an exit code. 0 done, 1 the answer is no,
 * 2 wrong usage or configuration.
 *
 * What a command does is imported when it runs: shells ask for completions at every start, and the
 * command line alone loads in 0.05 s, the whole bridge in 0.25 s.
 */
import { Command, CommanderError } from 'commander'
import { VERSION } from '../version.ts'
import { addCompletionCommand } from './completion.ts'
import { addConfigCommand } from './config-command.ts'
import { addConformanceCommand } from './conformance-command.ts'
import { type CliContext, CliError, systemContext } from './context.ts'
import { addDemoCommand } from './demo-command.ts'
import { addDoctorCommand } from './doctor.ts'
import { addInitCommand } from './init.ts'
import { addLaunchCommands } from './launch-command.ts'
import { examples } from './options.ts'
import { addRolloutCommand } from './rollout-command.ts'
import { addServeCommand } from './serve-command.ts'
import { addSessionCommand } from './session-command.ts'
import { addStatusCommand } from './status-command.ts'
import { addTraceCommand } from './trace-command.ts'

const EXIT_USAGE = 2

/** Every command there is. Parsing throws a `CommanderError` in place of ending the process. */
export function createProgram(context: CliContext, setExit: (code: number) => void): Command {
  const program = new Command('synth')
    .description('Bridge from the OpenAI Responses API to Chat Completions models.')
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout(text),
      writeErr: (text) => context.stderr(text),
    })
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .showHelpAfterError('(synth --help shows every command)')
    .addHelpText(
      'after',
      examples('synth demo', 'synth init && synth doctor', 'synth codex --limit-cost-usd 5'),
    )
  addLaunchCommands(program, context, setExit)
  addServeCommand(program, context, setExit)
  addDemoCommand(program, context, setExit)
  addInitCommand(program, context, setExit)
  addConfigCommand(program, context, setExit)
  addDoctorCommand(program, context, setExit)
  addSessionCommand(program, context, setExit)
  addStatusCommand(program, context, setExit)
  addTraceCommand(program, context, setExit)
  addRolloutCommand(program, context, setExit)
  addConformanceCommand(program, context, setExit)
  addCompletionCommand(program, context)
  return program
}

/** @returns the exit code */
export async function main(
  args: readonly string[],
  context: CliContext = systemContext(),
): Promise<number> {
  let exitCode = 0
  const program = createProgram(context, (code) => {
    exitCode = code
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
    return exitCode
  } catch (cause) {
    if (cause instanceof CommanderError) return cause.exitCode === 0 ? 0 : EXIT_USAGE
    if (cause instanceof CliError) {
      context.stderr(`synth: ${cause.message}\n`)
      return cause.exitCode
    }
    throw cause
  }
}
