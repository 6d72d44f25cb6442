/** `synth trace`: recorded calls of a running bridge, and what training and tools make of them. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { addBridgeOptions } from './bridge/options.ts'
import type { CliContext } from './context.ts'
import { examples } from './options.ts'
import type { ExportFlags } from './trace/export.ts'
import type { ListFlags } from './trace/run.ts'

const FORMATS = ['openai-chat', 'responses', 'v3', 'otlp']
const MAX_LISTED = 1000
const DEFAULT_LISTED = 20

function parseListed(text: string): number {
  const count = Number(text)
  if (!/^\d{1,4}$/.test(text) || count < 1 || count > MAX_LISTED) {
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${MAX_LISTED}.`)
  }
  return count
}

function parseReward(text: string): number {
  const reward = Number(text)
  if (text.trim() === '' || !Number.isFinite(reward)) {
    throw new InvalidArgumentError('It must be a number.')
  }
  return reward
}

function addFilters(command: Command): Command {
  return command
    .option('--session <id>', 'only calls of this session')
    .option('--trial <id>', 'only calls of this trial')
    .option('--job <id>', 'only calls of this job')
    .option('--correlation <id>', 'only calls of this correlation id')
    .option('--model <name>', 'only calls of this model')
    .option(
      '--status <status>',
      'only calls with this HTTP status, or that ended so: completed, incomplete, failed, refused, client_gone',
    )
}

export function addTraceCommand(
  program: Command,
  context: CliContext,
  setExit: (code: number) => void,
): void {
  const trace = program
    .command('trace')
    .summary('list, show or export recorded calls')
    .description(
      'Shows the calls that a running bridge has recorded, and exports them. Yours are those of your key; without [[keys]], all.',
    )

  addBridgeOptions(
    addFilters(
      trace
        .command('list')
        .summary('list recorded calls, the newest first')
        .description(
          'Lists your recorded calls, the newest first. Not on a terminal: a line each, with tabs between trace id, time, model, outcome, HTTP status, input and output tokens, dollars, milliseconds, session and correlation id. With --json: the records without their content.',
        ),
    ).addOption(
      new Option('--limit <count>', 'how many at most')
        .argParser(parseListed)
        .default(DEFAULT_LISTED),
    ),
  )
    .addHelpText(
      'after',
      examples(
        'synth trace list',
        'synth trace list --status failed --limit 5',
        `synth trace list --json | jq -r '.[] | select(.total_ms > 10000) | .trace_id'`,
      ),
    )
    .action(async (flags: ListFlags) => {
      const { listTraces } = await import('./trace/run.ts')
      setExit(await listTraces(flags, context))
    })

  addBridgeOptions(
    trace
      .command('show')
      .summary('show one recorded call')
      .description(
        'Shows one recorded call: its figures, what the model was told, and what it said. With --json: the whole record.',
      )
      .argument('<id>', 'id of the trace, as "synth trace list" shows it'),
  )
    .addHelpText(
      'after',
      examples('synth trace show trace_1f0c…', `synth trace show trace_1f0c… --json | jq .request`),
    )
    .action(async (id: string, flags) => {
      const { showTrace } = await import('./trace/run.ts')
      setExit(await showTrace(id, flags, context))
    })

  addBridgeOptions(
    addFilters(
      trace
        .command('export')
        .summary('export recorded calls')
        .description(
          'Writes recorded calls, the oldest first, in one of the forms that training and tools take. What has no place in a form (for openai-chat, a call without a whole answer) is left out and counted on stderr.',
        )
        .addOption(
          new Option('--format <format>', 'form of the export')
            .choices(FORMATS)
            .default('openai-chat'),
        )
        .option('--out <file>', 'file to write (default: stdout)')
        .option('--force', 'replace the file if there is one')
        .option('--light', "with v3: Synth's light form, as rollouts carry it")
        .option(
          '--rollouts <file>',
          'only calls of these rollouts: what "synth rollout --out" wrote',
        )
        .addOption(
          new Option(
            '--min-reward <reward>',
            'with --rollouts: only those with at least this reward',
          ).argParser(parseReward),
        ),
    ),
  )
    .addHelpText(
      'after',
      examples(
        'synth trace export --out calls.jsonl',
        'synth trace export --format v3 --job job-1 --out traces.jsonl',
        'synth trace export --rollouts runs/x.jsonl --min-reward 0.5 --out good.jsonl',
        'synth trace export --format otlp | while read -r line; do curl -s -d "$line" -H content-type:application/json localhost:4318/v1/traces; done',
      ),
    )
    .action(async (flags: ExportFlags) => {
      const { exportTraces } = await import('./trace/export.ts')
      setExit(await exportTraces(flags, context))
    })
}
