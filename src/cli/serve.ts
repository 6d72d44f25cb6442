/** `synth serve`: the bridge until it is told to stop. */
import { type Command, InvalidArgumentError } from 'commander'
import { startBridge } from '../compose.ts'
import { ConfigError } from '../config/config-error.ts'
import { loadForCli, withUpstreams } from './config.ts'
import { type CliContext, UsageError } from './context.ts'
import { toLogLine } from './log-line.ts'

interface ServeFlags {
  readonly config?: string
  readonly host?: string
  readonly port?: number
}

function parsePort(text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port > 65_535) {
    throw new InvalidArgumentError(
      'It must be a whole number from 0 to 65535; 0 takes a free port.',
    )
  }
  return port
}

function explainStartError(cause: unknown, host: string, port: number): never {
  if (cause instanceof ConfigError) throw new UsageError(cause.message)
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'EADDRINUSE') {
    throw new UsageError(
      `Port ${port} on ${host} is taken. Stop what uses it, or choose another with --port (0 takes a free one).`,
    )
  }
  if (code === 'EACCES') {
    throw new UsageError(
      `Port ${port} needs more rights than this user has. Choose one above 1023.`,
    )
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    throw new UsageError(`${host} is not an address of this machine. Check server.host or --host.`)
  }
  throw cause
}

async function serve(flags: ServeFlags, context: CliContext): Promise<number> {
  const loaded = loadForCli(flags, context)
  const ready = await withUpstreams(loaded, context)
  for (const warning of ready.loaded.warnings) context.stderr(`warning: ${warning}\n`)
  const { host, port } = ready.loaded.config.server
  try {
    const bridge = await startBridge({
      loaded: ready.loaded,
      env: context.env,
      onEvent: (event) => context.stderr(toLogLine(event)),
    }).catch((cause: unknown) => explainStartError(cause, host, port))
    context.stdout(`synth listening on ${bridge.url}\n`)
    await context.interrupted()
    await bridge.close()
    return 0
  } finally {
    await ready.close()
  }
}

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
    .option('--config <file>', 'configuration file (default: looked up, see docs/config.md)')
    .option('--host <address>', 'address to listen on')
    .option('--port <port>', 'port to listen on; 0 takes a free one', parsePort)
    .addHelpText('after', '\nExamples:\n  synth serve\n  synth serve --config synth.toml --port 0')
    .action(async (flags: ServeFlags) => setExit(await serve(flags, context)))
}
