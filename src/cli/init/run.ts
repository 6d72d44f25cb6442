/** From what is said, asked and found to a file on the disk. */
import { existsSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { ConfigError } from '../../config/config-error.ts'
import { findConfigFile } from '../../config/load.ts'
import type { DialectSwitches } from '../../config/providers.ts'
import { ConfigSchema } from '../../config/schema.ts'
import { upstreamSettings } from '../../config/settings.ts'
import { systemCodeOf } from '../../errors.ts'
import { discoverForCli } from '../config.ts'
import { type CliContext, RefusedError, UsageError } from '../context.ts'
import { shortenPath, toJsonText } from '../options.ts'
import { Cancelled, type Prompter } from '../prompter.ts'
import { fetchListing, type ModelCard } from '../upstream-listing.ts'
import {
  type Candidate,
  checkFlags,
  chooseLimit,
  chooseModel,
  chooseUpstream,
  type InitFlags,
} from './answers.ts'
import { type FirstConfig, renderFirstConfig } from './file.ts'

const LISTING_TIMEOUT_MS = 5_000
/** Where the bridge will listen: what answers there is no upstream. */
const DEFAULT_PORT = ConfigSchema.parse({}).server.port

/** @returns the exit code */
export async function init(flags: InitFlags, context: CliContext): Promise<number> {
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

const SWITCHES = [
  'head_system',
  'later_system',
  'developer_role',
  'reasoning_field',
  'max_tokens_field',
  'empty_content',
  'json_schema',
  'unsupported',
] as const satisfies readonly (keyof DialectSwitches)[]

function switchesOf({ upstream }: Candidate): DialectSwitches {
  const set = SWITCHES.filter((name) => upstream[name] !== undefined)
  return Object.fromEntries(set.map((name) => [name, upstream[name]]))
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
    const code = systemCodeOf(cause)
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
