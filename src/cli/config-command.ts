/** `synth config`: the file checked, shown and described. */
import type { Command } from 'commander'
import type { ConfigCommandFlags } from './config-check.ts'
import type { CliContext } from './context.ts'
import { configOption, examples, jsonOption, toJsonText } from './options.ts'

export function addConfigCommand(
  program: Command,
  context: CliContext,
  setExit: (code: number) => void,
): void {
  const config = program
    .command('config')
    .summary('check, show or describe the configuration')
    .description('Checks the configuration file, shows what holds, or prints its JSON Schema.')

  config
    .command('check')
    .summary('say whether the file is right')
    .description(
      'Reads the configuration file and prints "ok" with what is in it, or every problem with its file and line (exit code 2). Asks nothing of the network.',
    )
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples('synth config check', 'synth config check --config codex-config.toml --json'),
    )
    .action(async (flags: ConfigCommandFlags) => {
      const { checkConfigFile } = await import('./config-check.ts')
      setExit(checkConfigFile(flags, context))
    })

  config
    .command('show')
    .summary('print every value that holds, and where it comes from')
    .description(
      'Prints every effective value with its origin: file and line, flag, what was found on this machine, or the default. Never prints a secret.',
    )
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'synth config show',
        `synth config show --json | jq -r '.values[] | select(.source != "default") | .key'`,
      ),
    )
    .action(async (flags: ConfigCommandFlags) => {
      const { showConfig } = await import('./config-show.ts')
      setExit(await showConfig(flags, context))
    })

  config
    .command('schema')
    .summary('print the JSON Schema of the file')
    .description('Prints the JSON Schema of a configuration file, for editors and other tools.')
    .addOption(jsonOption().hideHelp())
    .addHelpText('after', examples('synth config schema > synth.schema.json'))
    .action(async () => {
      const { configJsonSchema } = await import('../config/schema.ts')
      context.stdout(toJsonText(configJsonSchema()))
    })
}
