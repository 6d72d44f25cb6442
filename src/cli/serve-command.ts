/** `synth serve`: run the bridge. */
import type { Command } from 'commander'
import type { CliContext } from './context.ts'
import { configOption, examples, parsePort } from './options.ts'
import type { ServeFlags } from './serve.ts'

export function addServeCommand(
  program: Command,
  context: CliContext,
  setExit: (code: number) => void,
): void {
  program
    .command('serve')
    .summary('run the bridge')
    .description(
      'Runs the bridge until SIGINT or SIGTERM. Prints one line when it is ready; logs go to stderr.',
    )
    .addOption(configOption())
    .option('--host <address>', 'address to listen on')
    .option('--port <port>', 'port to listen on; 0 takes a free one', parsePort)
    .addHelpText('after', examples('synth serve', 'synth serve --config synth.toml --port 0'))
    .action(async (flags: ServeFlags) => {
      const { serve } = await import('./serve.ts')
      setExit(await serve(flags, context))
    })
}
