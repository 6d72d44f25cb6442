/** Runs the conformance suite against a bridge: the one at `--base-url`, or one of its own. */
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Cell, selectCells } from '../conformance/cells.ts'
import {
  formatList,
  formatMarkdown,
  formatReport,
  hasPassed,
  type RunReport,
  toListJson,
  toReportJson,
} from '../conformance/report.ts'
import { type CellResult, hasReached, runCells } from '../conformance/run.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../conformance/upstream.ts'
import { systemCodeOf } from '../errors.ts'
import { abortedAtInterrupt, type CliContext, RefusedError, UsageError } from './context.ts'
import { toLogLine } from './log-line.ts'
import { toJsonText } from './options.ts'
import { createStyle } from './style.ts'
import { startThrowAwayBridge } from './throw-away-bridge.ts'

export interface ConformanceFlags {
  readonly baseUrl?: string
  readonly model: string
  readonly apiKeyEnv?: string
  readonly upstreamPort?: number
  readonly only?: readonly string[]
  readonly list?: boolean
  readonly timeoutS: number
  readonly out?: string
  readonly json?: boolean
}

/** Fixed, so that a bridge can be configured before the first run. */
const DEFAULT_UPSTREAM_PORT = 4190
/** How long the upstream holds an answer back for a client that sees nothing of it. */
const PAUSE_TIMEOUT_MS = 5_000
const ERASE_LINE = '\r\u001b[2K'

/** @returns the exit code */
export async function conformance(flags: ConformanceFlags, context: CliContext): Promise<number> {
  const selection = selectCells(flags.only ?? [])
  if (!selection.ok) throw new UsageError(`--only: ${selection.message}`)
  if (flags.list === true) {
    const { cells } = selection
    const style = createStyle(context.hasColors)
    context.stdout(flags.json === true ? toJsonText(toListJson(cells)) : formatList(cells, style))
    return 0
  }
  const apiKey = readKey(flags, context)
  checkBaseUrl(flags.baseUrl)
  const upstream = await startUpstream(flags)
  const signal = abortedAtInterrupt(context)
  try {
    const bridge = await openBridge(flags, upstream, context)
    try {
      const results = await runCells({
        cells: selection.cells,
        target: {
          baseUrl: bridge.baseUrl,
          model: flags.model,
          apiKey,
          timeoutMs: flags.timeoutS * 1000,
        },
        upstream,
        run: randomBytes(4).toString('hex'),
        signal,
        onResult: createProgress(selection.cells, flags, context),
      })
      return await tell(
        { bridge: bridge.name, wanted: selection.cells.length, results },
        flags,
        upstream,
        context,
      )
    } finally {
      await bridge.close()
    }
  } finally {
    await upstream.close()
  }
}

function readKey({ apiKeyEnv }: ConformanceFlags, { env }: CliContext): string | undefined {
  if (apiKeyEnv === undefined) return undefined
  const key = env[apiKeyEnv]
  if (key === undefined || key === '') {
    throw new UsageError(`--api-key-env: the environment variable ${apiKeyEnv} is not set.`)
  }
  return key
}

function checkBaseUrl(baseUrl: string | undefined): void {
  if (baseUrl === undefined) return
  const protocol = URL.canParse(baseUrl) ? new URL(baseUrl).protocol : ''
  if (protocol === 'http:' || protocol === 'https:') return
  throw new UsageError(
    `--base-url: ${JSON.stringify(baseUrl)} is no URL. It is one such as http://127.0.0.1:4141/v1.`,
  )
}

async function startUpstream(flags: ConformanceFlags): Promise<ScriptedUpstream> {
  const port = flags.upstreamPort ?? (flags.baseUrl === undefined ? 0 : DEFAULT_UPSTREAM_PORT)
  try {
    return await startScriptedUpstream({
      port,
      model: flags.model,
      pauseTimeoutMs: Math.min(PAUSE_TIMEOUT_MS, (flags.timeoutS * 1000) / 2),
    })
  } catch (cause) {
    const code = systemCodeOf(cause)
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw cause
    throw new UsageError(
      `--upstream-port: port ${port} cannot be had (${code}). Choose another, and configure the bridge for it.`,
    )
  }
}

interface OpenBridge {
  readonly baseUrl: string
  /** For people. */
  readonly name: string
  close(): Promise<void>
}

async function openBridge(
  flags: ConformanceFlags,
  upstream: ScriptedUpstream,
  context: CliContext,
): Promise<OpenBridge> {
  if (flags.baseUrl === undefined) return startOwnBridge(flags, upstream, context)
  context.stderr(
    `The scripted upstream listens at ${upstream.baseUrl}. The bridge must send the model ${JSON.stringify(flags.model)} there, by Chat Completions; any key will do.\n`,
  )
  return { baseUrl: flags.baseUrl, name: flags.baseUrl, close: async () => {} }
}

async function startOwnBridge(
  { model }: ConformanceFlags,
  upstream: ScriptedUpstream,
  context: CliContext,
): Promise<OpenBridge> {
  const bridge = await startThrowAwayBridge({
    config: {
      upstreams: { conformance: { base_url: upstream.baseUrl, max_retries: 0 } },
      models: { [model]: { upstream: 'conformance', price: 'free', stop_tool: false } },
    },
    env: {},
    // That calls fail is what is tried here; only faults of the bridge itself are news.
    onEvent: (event) => {
      if (event.error?.info.origin === 'bridge') context.stderr(toLogLine(event))
    },
  })
  return { baseUrl: `${bridge.url}/v1`, name: 'this bridge', close: bridge.close }
}

function createProgress(
  cells: readonly Cell[],
  { json }: ConformanceFlags,
  context: CliContext,
): (result: CellResult) => void {
  if (!context.isTerminal || json === true) return () => {}
  let count = 0
  return ({ cell }) => {
    count += 1
    const line = count === cells.length ? '' : `${count} of ${cells.length}  ${cell.name}`
    context.stdout(ERASE_LINE + line)
  }
}

async function tell(
  report: RunReport,
  flags: ConformanceFlags,
  upstream: ScriptedUpstream,
  context: CliContext,
): Promise<number> {
  if (flags.json === true) context.stdout(toJsonText(toReportJson(report)))
  else {
    if (context.isTerminal) context.stdout(ERASE_LINE)
    context.stdout(formatReport(report, createStyle(context.hasColors)))
  }
  if (flags.out !== undefined) await writeReport(resolve(context.cwd, flags.out), report)
  const [first] = report.results
  if (first !== undefined && !hasReached(first)) {
    context.stderr(
      `synth: nothing reached the scripted upstream, so the rest was not tried. Configure the bridge to send the model ${JSON.stringify(flags.model)} to ${upstream.baseUrl}, or name another with --model.\n`,
    )
  }
  return hasPassed(report) ? 0 : 1
}

async function writeReport(path: string, report: RunReport): Promise<void> {
  try {
    await writeFile(path, formatMarkdown(report))
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new RefusedError(`--out: the report cannot be written: ${why}`)
  }
}
