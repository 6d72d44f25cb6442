/** `synth init`: a first `synth.toml`, asked for at a terminal or said in flags. */
import { existsSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { ConfigError } from '../config/config-error.ts'
import { findConfigFile } from '../config/load.ts'
import { ConfigSchema } from '../config/schema.ts'
import { upstreamSettings } from '../config/settings.ts'
import { discoverForCli } from './config.ts'
import { type CliContext, RefusedError, UsageError } from './context.ts'
import {
  type Candidate,
  checkFlags,
  chooseLimit,
  chooseModel,
  chooseUpstream,
  type InitFlags,
} from './init/answers.ts'
import { type FirstConfig, renderFirstConfig } from './init/file.ts'
import { examples, jsonOption, shortenPath, toJsonText } from './options.ts'
import { Cancelled, type Prompter } from './prompter.ts'
import { fetchListing, type ModelCard } from './upstream-listing.ts'

const LISTING_TIMEOUT_MS = 5_000
/** Where the bridge will listen: what answers there is no upstream. */
const DEFAULT_PORT = ConfigSchema.parse({}).server.port

async function init(flags: InitFlags, context: CliContext): Promise<number> {
  checkFlags(flags)
  const path = resolve(context.cwd, flags.out)
  // Before any question: nobody should answer five and then be told.
  if (existsSync(path) && flags.force !== true) throw existsAlready(flags.out)
  const mayAsk = flags.yes !== true && flags.json !== true
  const prompter = mayAsk ? await context.openPrompter?.() : undefined
  try {
    const first = await collect(flags, context, prompter)
    write(path, renderFirstConfig(first, flags.out), flags)
    report(first, path, flags, context, prompter)
    return 0
  } catch (cause) {
    if (cause instanceof Cancelled) throw new RefusedError('Nothing was written.')
    if (cause instanceof ConfigError) throw new UsageError(cause.message)
    throw cause
  }
}

async function collect(
  flags: InitFlags,
  context: CliContext,
  prompter: Prompter | undefined,
): Promise<FirstConfig> {
  prompter?.begin('synth init')
  const isNamed = flags.upstreamUrl !== undefined
  const discovery = isNamed ? undefined : await discoverForCli(DEFAULT_PORT, context)
  const found = discovery?.kind === 'found' ? discovery.upstreams : new Map()
  const candidate = await chooseUpstream(flags, found, prompter)
  const { baseUrl, isLoopback } = upstreamSettings(candidate.name, candidate.upstream)
  const isAllSaid = flags.model !== undefined && flags.contextWindow !== undefined
  if (!isAllSaid) prompter?.say(`Asking ${candidate.name} what it serves …`)
  const cards = isAllSaid ? [] : await listModels(candidate, context)
  const model = await chooseModel(flags, cards, isLoopback, prompter)
  return {
    upstream: {
      name: candidate.name,
      baseUrl,
      apiKeyEnv: candidate.upstream.api_key_env,
      switches: switchesOf(candidate),
      isLoopback,
    },
    model,
    limitCostUsd: await chooseLimit(flags, prompter),
  }
}

/** What it serves, if it says so; the first configuration is written either way. */
async function listModels(
  candidate: Candidate,
  context: CliContext,
): Promise<readonly ModelCard[]> {
  const { name, upstream } = candidate
  const listing = await fetchListing(upstreamSettings(name, upstream), {
    fetch: context.fetch,
    apiKey: upstream.api_key_env === undefined ? undefined : context.env[upstream.api_key_env],
    timeoutMs: LISTING_TIMEOUT_MS,
  })
  return listing.is === 'listed' ? listing.cards : []
}

function switchesOf({ upstream }: Candidate): FirstConfig['upstream']['switches'] {
  const { reasoning_field: reasoningField } = upstream
  return reasoningField === undefined ? {} : { reasoning_field: reasoningField }
}

const existsAlready = (out: string): UsageError =>
  new UsageError(`${out} exists already. Overwrite it with --force, or name another with --out.`)

const WRITE_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its folder is a file',
  EACCES: 'the permissions forbid it',
  EROFS: 'the file system is read-only',
  EISDIR: 'it is a folder',
  ENOSPC: 'the disk is full',
}

function write(path: string, text: string, { out, force }: InitFlags): void {
  try {
    // `wx`: a file that appeared in the meantime is not overwritten either.
    writeFileSync(path, text, { flag: force === true ? 'w' : 'wx' })
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    if (code === 'EEXIST') throw existsAlready(out)
    throw new RefusedError(`${out} cannot be written: ${WRITE_FAULTS[code] ?? code}.`)
  }
}

function report(
  first: FirstConfig,
  path: string,
  flags: InitFlags,
  context: CliContext,
  prompter: Prompter | undefined,
): void {
  const { upstream, model } = first
  const isUnset = upstream.apiKeyEnv !== undefined && (context.env[upstream.apiKeyEnv] ?? '') === ''
  const config = isLookedUp(path, context) ? '' : ` --config ${shortenPath(path, context.cwd)}`
  const next = [`synth doctor${config}`, `synth codex${config}`]
  if (flags.json === true) {
    context.stdout(
      toJsonText({
        file: path,
        upstream: {
          name: upstream.name,
          base_url: upstream.baseUrl,
          api_key_env: upstream.apiKeyEnv ?? null,
          api_key_is_set: upstream.apiKeyEnv === undefined ? null : !isUnset,
        },
        model:
          model === undefined
            ? null
            : {
                name: model.name,
                model: model.upstreamModel,
                context_window: model.contextWindow ?? null,
              },
        limit_cost_usd: first.limitCostUsd,
        next,
      }),
    )
    return
  }
  const served = model === undefined ? 'any model' : `model ${model.name}`
  const lines = [
    `Wrote ${shortenPath(path, context.cwd)}: ${served} at ${upstream.name} (${upstream.baseUrl}).`,
    ...(isUnset ? [`Set ${upstream.apiKeyEnv}: it is not in the environment yet.`] : []),
    ...(first.limitCostUsd === '0' ? ['Nothing limits what a session may cost.'] : []),
  ]
  const last = `Next: ${next.join(', then ')}`
  if (prompter === undefined) {
    context.stdout(`${[...lines, last].join('\n')}\n`)
    return
  }
  prompter.say(lines.join('\n'))
  prompter.end(last)
}

/** Whether the other commands find this file by themselves, started in the same folder. */
function isLookedUp(path: string, { env, cwd }: CliContext): boolean {
  const found = findConfigFile({ env, cwd, home: env['HOME'] ?? homedir() })
  return found !== undefined && resolve(cwd, found) === path
}

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
    .action(async (flags: InitFlags) => setExit(await init(flags, context)))
}
