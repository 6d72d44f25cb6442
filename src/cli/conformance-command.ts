/** `synth conformance`: the published suite of odd endings, against any bridge. */
import { type Command, Option } from 'commander'
import type { ConformanceFlags } from './conformance.ts'
import type { CliContext } from './context.ts'
import { examples, jsonOption, parsePort, parseSeconds } from './options.ts'

const DEFAULT_TIMEOUT_S = 20

export function addConformanceCommand(
  program: Command,
  context: CliContext,
  setExit: (code: number) => void,
): void {
  program
    .command('conformance')
    .summary('try a bridge with every way an answer may end')
    .description(
      'Starts a scripted Chat Completions upstream on this machine and asks the bridge before it for answers that end in every way seen in the wild: text, calls and reasoning, streamed and whole. Without --base-url it tries a bridge of its own, offline. Exit code 1 if a case fails. See docs/conformance.md.',
    )
    .option('--base-url <url>', 'bridge to try; /responses is put behind it')
    .option(
      '--model <name>',
      'model to ask for, which the bridge sends to the upstream',
      'conformance',
    )
    .option('--api-key-env <variable>', "environment variable that holds the bridge's key")
    .addOption(
      new Option(
        '--upstream-port <port>',
        'port of the scripted upstream (default: 4190; a free one without --base-url)',
      ).argParser(parsePort),
    )
    .option('--only <case...>', 'cases to try: an ending, a content, or a whole name')
    .option('--list', 'show the cases and what each expects, and try none')
    .addOption(
      new Option('--timeout-s <seconds>', 'longest wait for one answer')
        .argParser(parseSeconds)
        .default(DEFAULT_TIMEOUT_S),
    )
    .option('--out <file>', 'write the report there, as Markdown')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'synth conformance',
        'synth conformance --base-url http://127.0.0.1:4141/v1 --api-key-env BRIDGE_KEY',
        'synth conformance --only eof length/tool/stream',
      ),
    )
    .action(async (flags: ConformanceFlags) => {
      const { conformance } = await import('./conformance.ts')
      setExit(await conformance(flags, context))
    })
}
