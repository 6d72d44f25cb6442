/** `synth status`: what a running bridge is doing. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { addBridgeOptions } from './bridge/options.ts'
import type { CliContext } from './context.ts'
import { examples } from './options.ts'
import type { StatusFlags } from './status/run.ts'

/** As many as the bridge keeps of each owner. */
const MAX_CALLS = 200
const DEFAULT_CALLS = 20

function parseCalls(text: string): number {
  if (!/^\d{1,3}$/.test(text) || Number(text) > MAX_CALLS) {
    throw new InvalidArgumentError(`It must be a whole number from 0 to ${MAX_CALLS}.`)
  }
  return Number(text)
}

export function addStatusCommand(
  program: Command,
  context: CliContext,
  setExit: (code: number) => void,
): void {
  addBridgeOptions(
    program
      .command('status')
      .summary('show what a running bridge is doing')
      .description(
        'Shows your sessions with what is spent of each limit, the calls that are running, and the latest ones. With --watch it is redrawn every second until q or Ctrl-C; not on a terminal, each change is a line.',
      )
      .option('-w, --watch', 'go on until q or Ctrl-C')
      .addOption(
        new Option('--calls <count>', 'how many recent calls at most')
          .argParser(parseCalls)
          .default(DEFAULT_CALLS),
      ),
  )
    .addHelpText(
      'after',
      examples(
        'synth status',
        'synth status --watch',
        'synth status --watch >> calls.log',
        `synth status --json | jq '.active_calls[].tokens_per_second'`,
      ),
    )
    .action(async (flags: StatusFlags) => {
      const { status } = await import('./status/run.ts')
      setExit(await status(flags, context))
    })
}
