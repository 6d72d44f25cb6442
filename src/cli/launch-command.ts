/** `synth codex` and `synth opencode`: a client on the bridge, with a limit. */
import { type Command, Option } from 'commander'
import { acceptLimit, addLimitOptions } from './bridge/limits.ts'
import type { CliContext } from './context.ts'
import type { LaunchClient } from './launch/client.ts'
import type { LaunchFlags } from './launch/prepare.ts'
import { configOption, examples } from './options.ts'

interface LaunchCommand {
  readonly name: LaunchClient['name']
  readonly title: string
  readonly examples: readonly string[]
  load(): Promise<LaunchClient>
}

const COMMANDS: readonly LaunchCommand[] = [
  {
    name: 'codex',
    title: 'Codex',
    examples: [
      'synth codex',
      'synth codex --limit-cost-usd 5 -- --sandbox workspace-write',
      'synth codex --model synth-small -- exec --json "fix the failing test"',
      'synth codex -- resume --last',
    ],
    load: async () => (await import('./launch/codex.ts')).CODEX,
  },
  {
    name: 'opencode',
    title: 'OpenCode',
    examples: ['synth opencode', 'synth opencode --limit-cost-usd 5 -- run "fix the failing test"'],
    load: async () => (await import('./launch/opencode.ts')).OPENCODE,
  },
]

export function addLaunchCommands(
  program: Command,
  context: CliContext,
  setExit: (code: number) => void,
): void {
  for (const { name, title, examples: lines, load } of COMMANDS) {
    const command = program
      .command(name)
      .summary(`start ${title} on the bridge, with a limit`)
      .description(
        `Starts ${title} on the bridge: on a running one of the same configuration, else on one of its own that ends with it. The session has limits of its own, and ends with ${title}; what it spent is the last line. Nothing is written into ${title}'s own configuration. The exit code is ${title}'s.`,
      )
      .argument('[arguments...]', `what ${title} is given, as it is; options after --`)
      .addOption(configOption())
      .addOption(
        new Option('--url <url>', 'bridge to use (default: one that runs, else one of its own)'),
      )
      .addOption(
        new Option(
          '--api-key-env <variable>',
          'environment variable that holds a key of the bridge (default: the first key_env of [[keys]] that is set)',
        ),
      )
      .option('--model <name>', 'model to use (default: the first in the file)')
    addLimitOptions(
      command,
      (what) => `most ${what} that the session may use; 0 is no limit (default: as in the file)`,
      acceptLimit,
    )
    command
      .option('--no-limit', 'set no limit at all')
      .passThroughOptions()
      .addHelpText('after', examples(...lines))
      .action(async (args: readonly string[], flags: LaunchFlags) => {
        const [{ launch, thisLaunchProcess }, { errorTerminal }, client] = await Promise.all([
          import('./launch/run.ts'),
          import('./launch/budget-line.ts'),
          load(),
        ])
        const ownProcess = thisLaunchProcess(errorTerminal(context.env))
        setExit(await launch({ client, arguments: args, flags, context, ownProcess }))
      })
  }
}
