/** Every check, in the order in which it is told. */
import { randomBytes } from 'node:crypto'
import type { ConfigProblem } from '../../config/config-error.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { createRedactor } from '../../gateway/redact.ts'
import { createAesSeal, SEAL_KEY_BYTES } from '../../seal/aes-seal.ts'
import { systemClock, systemIds } from '../../system.ts'
import { createUpstreamClient } from '../../upstream/client.ts'
import { readConfig, withFoundUpstreams } from '../config.ts'
import type { CliContext } from '../context.ts'
import { shortenPath, toJsonText } from '../options.ts'
import { createStyle } from '../style.ts'
import type { Check, CheckGroup } from './check.ts'
import { checkClients } from './clients.ts'
import { checkNode, checkPort, checkStore } from './machine.ts'
import { callIn } from './patients.ts'
import { hasCostLimit, loadPriceOf } from './price.ts'
import { formatGroup, formatSummary, hasFailed, toReportJson } from './report.ts'
import { diagnoseUpstream } from './upstream.ts'

export interface DoctorFlags {
  readonly config?: string
  readonly model?: string
  readonly timeoutS: number
  readonly json?: boolean
}

const EXIT_FAILED = 1
const EXIT_WRONG_CONFIG = 2
/** For what takes no model any time to think. */
const QUICK_TIMEOUT_MS = 5_000

/** @returns the exit code */
export async function doctor(flags: DoctorFlags, context: CliContext): Promise<number> {
  const read = readConfig(flags, context)
  const report = createReporter(flags, context)
  if (!read.ok) {
    const config = read.problems.map((problem) => describeProblem(problem, context.cwd))
    await report.add('machine', 'this machine', checkMachine(undefined, config, context))
    report.end()
    return EXIT_WRONG_CONFIG
  }
  const loaded = await report.during('the upstreams', withFoundUpstreams(read.loaded, context))
  const examined =
    loaded === undefined
      ? []
      : await report.during('the upstreams', examine(loaded, flags, context))
  const config = describeConfig(loaded ?? read.loaded, context.cwd, loaded !== undefined)
  await report.add('machine', 'this machine', checkMachine(loaded ?? read.loaded, config, context))
  for (const { subject, title, checks } of examined) {
    await report.add(subject, title, checks)
  }
  return report.end() ? EXIT_FAILED : 0
}

function describeProblem({ file, line, key, message }: ConfigProblem, cwd: string): Check {
  const place =
    file === undefined ? '' : `${shortenPath(file, cwd)}${line === undefined ? '' : `:${line}`}: `
  const detail = `${place}${key === '' ? '' : `${key} `}${message}`
  return { name: 'config', status: 'failed', detail }
}

function describeConfig(loaded: LoadedConfig, cwd: string, hasUpstreams: boolean): Check[] {
  const { path, config, warnings } = loaded
  const file = path === undefined ? 'no file' : shortenPath(path, cwd)
  const upstreams = Object.keys(config.upstreams).join(', ')
  const checks: Check[] = hasUpstreams
    ? [{ name: 'config', status: 'ok', detail: `${file}: ${upstreams}` }]
    : [
        {
          name: 'config',
          status: 'failed',
          detail: `${file}: no upstream is configured, and none was found`,
          fix: 'Run `synth init`, set a key such as OPENROUTER_API_KEY, or start a model server. Until then only the built-in synth-demo answers.',
        },
      ]
  const told = warnings.map((detail): Check => ({ name: 'config', status: 'warning', detail }))
  return [...checks, ...told]
}

async function checkMachine(
  loaded: LoadedConfig | undefined,
  config: readonly Check[],
  { env, fetch }: CliContext,
): Promise<Check[]> {
  const [places, clients] = await Promise.all([
    loaded === undefined
      ? []
      : Promise.all([
          checkStore(loaded, QUICK_TIMEOUT_MS),
          checkPort(loaded, fetch, QUICK_TIMEOUT_MS),
        ]),
    checkClients(env, QUICK_TIMEOUT_MS),
  ])
  return [checkNode(process.versions.node), ...config, ...places, ...clients]
}

interface Examined {
  readonly subject: string
  readonly title: string
  readonly checks: Promise<Check[]>
}

/** Begins with all upstreams at once: one that hangs holds none of the others up. */
async function examine(
  loaded: LoadedConfig,
  flags: DoctorFlags,
  context: CliContext,
): Promise<Examined[]> {
  const timeoutMs = flags.timeoutS * 1000
  const patients = await callIn(loaded, flags.model, {
    env: context.env,
    fetch: context.fetch,
    timeoutMs: Math.min(timeoutMs, QUICK_TIMEOUT_MS),
    monotonicMs: systemClock.monotonicMs,
  })
  const priceOf = await loadPriceOf(patients, systemClock)
  const isLimited = hasCostLimit(loaded.config)
  return patients.map((patient) => {
    const { upstream, key } = patient
    const redact = createRedactor(key.is === 'set' ? [key.value] : [])
    const client = createUpstreamClient({ [upstream.name]: { connectTimeoutMs: QUICK_TIMEOUT_MS } })
    const checks = diagnoseUpstream(patient, {
      upstream: client,
      clock: systemClock,
      ids: systemIds,
      seal: createAesSeal(randomBytes(SEAL_KEY_BYTES)),
      redact,
      timeoutMs,
      priceOf,
      isLimited,
    })
      // Nobody awaits it yet: what a fault of our own throws is told in its place among the checks.
      .catch((cause: unknown) => [describeFault(cause, redact)])
      .finally(() => client.close())
    return {
      subject: `upstreams.${upstream.name}`,
      title: `upstream ${upstream.name} (${upstream.baseUrl})`,
      checks,
    }
  })
}

function describeFault(cause: unknown, redact: (text: string) => string): Check {
  const detail = redact(cause instanceof Error ? cause.message : String(cause))
  return { name: 'doctor', status: 'failed', detail, fix: 'This is a fault of synth: report it.' }
}

/** Prints as it goes, or gathers for JSON. */
function createReporter(flags: DoctorFlags, context: CliContext) {
  const style = createStyle(context.hasColors)
  const groups: CheckGroup[] = []
  const isLive = context.isTerminal && flags.json !== true
  const during = async <T>(what: string, pending: Promise<T>): Promise<T> => {
    if (!isLive) return pending
    context.stdout(style.faint(`checking ${what} …`))
    return pending.finally(() => context.stdout(CLEAR_LINE))
  }
  return {
    during,
    async add(subject: string, title: string, pending: Promise<Check[]>) {
      const group = { subject, title, checks: await during(title, pending) }
      groups.push(group)
      if (flags.json !== true) context.stdout(formatGroup(group, style))
    },
    /** @returns whether something failed */
    end(): boolean {
      const text =
        flags.json === true ? toJsonText(toReportJson(groups)) : formatSummary(groups, style)
      context.stdout(text)
      return hasFailed(groups)
    },
  }
}

const CLEAR_LINE = '\r\u001b[2K'
