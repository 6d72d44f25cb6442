/** `synth doctor`: whether everything that a call needs is there, and what to do where it is not. */
import { type Command, Option } from 'commander'
import type { CliContext } from './context.ts'
import type { DoctorFlags } from './doctor/run.ts'
import { configOption, examples, jsonOption, parseSeconds } from './options.ts'

const DEFAULT_TIMEOUT_S = 30

export function addDoctorCommand(
  program: Command,
  context: CliContext,
  setExit: (code: number) => void,
): void {
  program
    .command('doctor')
    .summary('try everything that a call needs')
    .description(
      'Checks this machine and each upstream: reachable, key accepted, streams, calls a tool, sends usage; and says what to do about each failure. It makes three tiny calls to each upstream, on the way that Codex takes, outside any session. Exit code 1 if something is wrong.',
    )
    .addOption(configOption())
    .option(
      '--model <name>',
      'model to try, as clients name it (default: the first of each upstream)',
    )
    .addOption(
      new Option('--timeout-s <seconds>', 'longest wait for one call')
        .argParser(parseSeconds)
        .default(DEFAULT_TIMEOUT_S),
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'synth doctor',
        'synth doctor --model openrouter/qwen/qwen3-coder',
        `synth doctor --json | jq '.checks[] | select(.status == "failed")'`,
      ),
    )
    .action(async (flags: DoctorFlags) => {
      const { doctor } = await import('./doctor/run.ts')
      setExit(await doctor(flags, context))
    })
}
