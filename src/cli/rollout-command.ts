/** `synth rollout`: score a model on a task app's seeds. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { DIALECTS } from '../rollout/request.ts'
import { parseSeeds, type SeedRange } from '../rollout/seeds.ts'
import { acceptLimit, addLimitOptions } from './bridge/limits.ts'
import { type CliContext, UsageError } from './context.ts'
import { configOption, examples, jsonOption, parseSeconds } from './options.ts'
import type { RolloutFlags } from './rollout/run.ts'

const DEFAULT_CONCURRENCY = 20
const MAX_CONCURRENCY = 1000
const DEFAULT_TIMEOUT_S = 600

function parseRange(text: string): SeedRange {
  const parsed = parseSeeds(text)
  if (!parsed.ok) throw new InvalidArgumentError(`${parsed.reason}.`)
  return parsed.seeds
}

function parseConcurrency(text: string): number {
  const count = Number(text)
  if (!/^\d{1,4}$/.test(text) || count < 1 || count > MAX_CONCURRENCY) {
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${MAX_CONCURRENCY}.`)
  }
  return count
}

type Required = 'taskApp' | 'seeds' | 'model'
type GivenFlags = Omit<RolloutFlags, Required> & Partial<Pick<RolloutFlags, Required>>

/** Not Commander's own check: that one comes before a misspelt flag is told from the right one. */
function withRequired({ taskApp, seeds, model, ...flags }: GivenFlags): RolloutFlags {
  if (taskApp === undefined) throw missing('--task-app http://127.0.0.1:8001')
  if (seeds === undefined) throw missing('--seeds 0:50')
  if (model === undefined) throw missing('--model NAME')
  return { ...flags, taskApp, seeds, model }
}

const missing = (example: string): UsageError =>
  new UsageError(`A flag is missing, such as ${example}. See synth rollout --help.`)

export function addRolloutCommand(
  program: Command,
  context: CliContext,
  setExit: (code: number) => void,
): void {
  const command = program
    .command('rollout')
    .summary("score a model on a task app's seeds")
    .description(
      "Runs a task app's seeds through the interceptor and scores them. The task app gets a URL of its own for each seed, behind which the bridge adds the provider's key, applies the candidate and keeps each call. The run has a session of its own with the limits; it goes through a running bridge of the same configuration, else through one of its own. The task app's key comes from $ENVIRONMENT_API_KEY. Exit code 0 when every seed is done. See docs/rollouts.md.",
    )
    .option('--task-app <url>', 'the task app, such as http://127.0.0.1:8001 (required)')
    .addOption(
      new Option('--seeds <a:b>', 'the seeds from A up to, but without, B (required)').argParser(
        parseRange,
      ),
    )
    .option('--model <name>', 'model that the task app is scored with (required)')
    .addOption(
      new Option('--concurrency <count>', 'how many seeds run at a time')
        .argParser(parseConcurrency)
        .default(DEFAULT_CONCURRENCY),
    )
    .option('--candidate <file>', 'JSON of what to change in the prompts')
    .addOption(
      new Option('--timeout-s <seconds>', 'longest wait for one seed')
        .argParser(parseSeconds)
        .default(DEFAULT_TIMEOUT_S),
    )
    .addOption(
      new Option('--dialect <name>', 'form of the request (auto: as the task app advertises)')
        .choices(['auto', ...DIALECTS])
        .default('auto'),
    )
    .option('--out <file>', 'append a line of JSON for each seed')
    .option('--resume', 'go on with the file of --out: run the seeds that are not done in it')
  addLimitOptions(
    command,
    (what) => `most ${what} that the run may use; 0 is no limit (default: as in the file)`,
    acceptLimit,
  )
  command
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
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'synth rollout --task-app http://127.0.0.1:8001 --seeds 0:50 --model synth-small',
        'synth rollout --task-app http://127.0.0.1:8001 --seeds 0:500 --model synth-small \\',
        '  --candidate shorter.json --limit-cost-usd 5 --out runs/shorter.jsonl --resume',
      ),
    )
    .action(async (flags: GivenFlags) => {
      const { rollout } = await import('./rollout/run.ts')
      setExit(await rollout(withRequired(flags), context))
    })
}
