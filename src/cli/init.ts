/** `synth init`: a first `synth.toml`, asked for at a terminal or said in flags. */
import type { Command } from 'commander'
import type { CliContext } from './context.ts'
import type { InitFlags } from './init/answers.ts'
import { examples, jsonOption } from './options.ts'

export function addInitCommand(
  program: Command,
  context: CliContext,
  setExit: (code: number) => void,
): void {
  program
    .command('init')
    .summary('write a first configuration')
    .description(
      'Looks for model servers on this machine and for providers whose keys are in the environment, asks a few questions, and writes a short synth.toml. Away from a terminal the flags say everything. Keys are never written: the file names the variable that holds one.',
    )
    .option('--out <file>', 'file to write', 'synth.toml')
    .option('--force', 'overwrite the file')
    .option('--yes', 'ask nothing: take what is found and the defaults')
    .option(
      '--upstream <name>',
      'which of the upstreams that are found; the name of --upstream-url',
    )
    .option('--upstream-url <url>', 'base URL of the upstream, as in http://127.0.0.1:8000/v1')
    .option('--api-key-env <variable>', "environment variable that holds the upstream's key")
    .option('--model <model>', "the upstream's own name of the model")
    .option('--name <name>', 'what clients call it (default: the same)')
    .option('--context-window <tokens>', 'tokens that input and output share')
    .option('--limit-cost-usd <amount>', 'what a session may cost; 0 is no limit (default: 20)')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'synth init',
        'synth init --yes --limit-cost-usd 5',
        'synth init --upstream-url http://127.0.0.1:8000/v1 --model Qwen/Qwen3-Coder-30B-A3B-Instruct --name synth-small',
        'synth init --upstream-url https://openrouter.ai/api/v1 --model qwen/qwen3-coder --api-key-env OPENROUTER_API_KEY',
      ),
    )
    .action(async (flags: InitFlags) => {
      const { init } = await import('./init/run.ts')
      setExit(await init(flags, context))
    })
}
