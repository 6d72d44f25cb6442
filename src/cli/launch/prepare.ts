/** Everything that a client needs before it is started: a bridge, a model, a session, a key, a command. */
import { createHash, randomBytes } from 'node:crypto'
import type { LoadedConfig } from '../../config/load.ts'
import { VERSION } from '../../version.ts'
import type { BridgeApi, LimitRequest } from '../bridge/api.ts'
import { type LimitFlags, limitsOf } from '../bridge/limits.ts'
import { loadForCli } from '../config.ts'
import { type CliContext, RefusedError, UsageError } from '../context.ts'
import { createStyle } from '../style.ts'
import { openBridge } from './bridge.ts'
import type { ChildCommand } from './child.ts'
import type { LaunchClient } from './client.ts'
import { chooseModels } from './models.ts'
import { withoutProxyFor } from './proxy.ts'
import { closeDeadLaunches, LAUNCH_ID, openLaunch } from './record.ts'
import { openSession, type Undo } from './session.ts'

export interface LaunchFlags extends LimitFlags {
  readonly config?: string
  readonly url?: string
  readonly apiKeyEnv?: string
  readonly model?: string
  /** False for `--no-limit`. */
  readonly limit?: boolean
}

export interface Preparing {
  readonly client: LaunchClient
  readonly args: readonly string[]
  readonly flags: LaunchFlags
  readonly context: CliContext
  /** Aborted when the launch is to stop. What is open already is undone by whoever handed in `undo`. */
  readonly signal: AbortSignal
  readonly undo: Undo
}

export interface PreparedLaunch {
  readonly api: BridgeApi
  readonly sessionId: string
  /** By `performance.now()`. */
  readonly startedMs: number
  readonly command: ChildCommand
  /** What the bridge had to say, where it has no log of its own. */
  log(): readonly string[]
  hasStarted(pid: number): void
}

/** Where the client finds the key of this launch. */
const KEY_VARIABLE = 'SYNTH_BRIDGE_KEY'
/** Read by Synth's own tools. */
const SESSION_VARIABLE = 'SYNTH_SESSION_ID'
const KEY_BYTES = 32

/** @throws {CliError} for whatever keeps the client from being started, with what to do */
export async function prepareLaunch(preparing: Preparing): Promise<PreparedLaunch> {
  const { client, args, flags, context, signal, undo } = preparing
  const { env } = context
  const finding = client.find(env)
  if (!finding.found) throw new RefusedError(finding.message)
  const loaded = loadForCli(
    { client: client.name, ...(flags.config !== undefined && { config: flags.config }) },
    context,
  )
  const limits = limitsFor(flags, loaded)
  const wanted = flags.model ?? client.modelIn(args)
  const choice = { loaded, url: flags.url, apiKeyEnv: flags.apiKeyEnv, model: wanted }
  const bridge = await openBridge(choice, context, signal)
  undo.push(() => bridge.close())
  const { stateDir } = loaded.storage
  await closeDeadLaunches(stateDir, bridge.api, bridge.home)
  const { model, models } = await chooseModels(
    bridge,
    { wanted, isCostLimited: isCostLimited(limits, loaded) },
    { ...context, fetch: endedBy(signal, context.fetch) },
  )
  signal.throwIfAborted()

  const record = openLaunch(stateDir, bridge.home)
  undo.push(() => record.removeFolder())
  const key = `sk-synth-${randomBytes(KEY_BYTES).toString('hex')}`
  const terms = {
    limits,
    make_active: false,
    bound_key_sha256: createHash('sha256').update(key).digest('hex'),
    session_type: client.sessionType,
    metadata: { [LAUNCH_ID]: record.launchId, client: client.name, launcher: VERSION },
  }
  const sessionId = await openSession(bridge.api, terms, record, undo)
  announce({ client, model: model.name, limits: limits.length, sessionId }, context)
  const baseUrl = `${bridge.api.url}/v1`
  const command = await client.prepare({
    baseUrl,
    keyVariable: KEY_VARIABLE,
    folder: record.folder,
    model,
    models,
    arguments: args,
    env,
  })
  return {
    api: bridge.api,
    sessionId,
    startedMs: performance.now(),
    log: bridge.log,
    hasStarted: record.hasStarted,
    command: {
      command: finding.command,
      arguments: [...finding.arguments, ...command.arguments],
      cwd: context.cwd,
      env: {
        ...env,
        ...withoutProxyFor(baseUrl, env),
        ...command.env,
        [KEY_VARIABLE]: key,
        [SESSION_VARIABLE]: sessionId,
      },
    },
  }
}

function limitsFor(flags: LaunchFlags, { config }: LoadedConfig): LimitRequest[] {
  if (flags.limit !== false) return limitsOf(flags, config)
  const { limitCostUsd, limitTokens, limitGpuHours, limitApiCalls } = flags
  const given = [limitCostUsd, limitTokens, limitGpuHours, limitApiCalls]
  if (given.some((value) => value !== undefined)) {
    throw new UsageError('--no-limit and a limit contradict each other. Leave one of them out.')
  }
  return []
}

/** Whether a call can meet a limit in USD: of the session, or of the key that opens it. */
const isCostLimited = (limits: readonly LimitRequest[], { config }: LoadedConfig): boolean =>
  limits.some(({ metric_type }) => metric_type === 'cost_usd') ||
  config.keys.some((key) => key.max_cost_usd !== undefined)

/** Questions that end with the signal: whoever stops a launch does not wait for a dead server. */
function endedBy(stop: AbortSignal, fetch: CliContext['fetch']): CliContext['fetch'] {
  return (input, init) => {
    const given = init?.signal
    const signal = given == null ? stop : AbortSignal.any([given, stop])
    return fetch(input, { ...init, signal })
  }
}

interface Announced {
  readonly client: LaunchClient
  readonly model: string
  readonly limits: number
  readonly sessionId: string
}

function announce({ client, model, limits, sessionId }: Announced, context: CliContext): void {
  const style = createStyle(context.hasColors)
  if (limits === 0) {
    const warning = `NO LIMIT: nothing stops this session of ${client.title} from spending.`
    context.stderr(`${style.bad(style.strong(`synth: ${warning}`))}\n`)
  }
  if (context.isTerminal) {
    context.stderr(style.faint(`synth: ${client.title} on ${model}, session ${sessionId}\n`))
  }
}
