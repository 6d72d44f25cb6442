/** `synth status`: one look at a running bridge, or one a second. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type BridgeApi, createBridgeApi } from '../bridge/api.ts'
import { BridgeApiError } from '../bridge/api-error.ts'
import type { StatusAnswer } from '../bridge/api-schemas.ts'
import { type BridgeFlags, reachBridge } from '../bridge/reach.ts'
import type { CliContext } from '../context.ts'
import { toJsonText } from '../options.ts'
import type { Screen } from '../screen.ts'
import { createStyle } from '../style.ts'
import { listChanges } from './changes.ts'
import { renderStatus, type StatusView } from './render.ts'

export interface StatusFlags extends BridgeFlags {
  readonly watch?: boolean
  readonly json?: boolean
  readonly calls: number
}

const INTERVAL_MS = 1_000

/** @returns the exit code */
export async function status(flags: StatusFlags, context: CliContext): Promise<number> {
  const { options, others } = await reachBridge(flags, context)
  const api = createBridgeApi(options)
  const view: Omit<StatusView, 'nowMs'> = {
    width: context.columns,
    height: undefined,
    style: createStyle(context.hasColors),
    url: api.url,
    others,
    fault: undefined,
  }
  // Asked once before anything is drawn: what is wrong from the start is said and left at that.
  const first = await api.status(flags.calls)
  if (flags.watch !== true) {
    context.stdout(
      flags.json === true
        ? toJsonText(first)
        : toText(renderStatus(first, { ...view, nowMs: Date.now() })),
    )
    return 0
  }
  const stop = new AbortController()
  void context.interrupted().then((name) => stop.abort(new Error(name)))
  const watched = createBridgeApi({ ...options, signal: stop.signal })
  const looks = watch(watched, flags.calls, first, stop.signal)
  if (flags.json === true || context.openScreen === undefined) {
    await printLooks(looks, flags.json === true, context)
  } else {
    await drawLooks(looks, view, await context.openScreen(), stop)
  }
  return 0
}

const toText = (lines: readonly string[]): string => `${lines.join('\n')}\n`

interface Look {
  readonly status: StatusAnswer
  /** Why `status` is an older one. */
  readonly fault: string | undefined
}

/** A look a second until `signal` ends it. A bridge that goes away may come back. */
async function* watch(
  api: BridgeApi,
  calls: number,
  first: StatusAnswer,
  signal: AbortSignal,
): AsyncGenerator<Look> {
  let status = first
  let fault: string | undefined
  while (!signal.aborted) {
    yield { status, fault }
    try {
      await sleep(INTERVAL_MS, undefined, { signal })
      status = await api.status(calls)
      fault = undefined
    } catch (cause) {
      if (signal.aborted) return
      if (!isPassing(cause)) throw cause
      fault = `No answer from the bridge; trying again every second. (${cause.message})`
    }
  }
}

/** A bridge that is being restarted: no answer, or the answer that it is shutting down. */
function isPassing(cause: unknown): cause is BridgeApiError {
  if (!(cause instanceof BridgeApiError)) return false
  return (
    cause.failure === 'unreachable' || cause.failure === 'timeout' || (cause.status ?? 0) >= 500
  )
}

/** Off a terminal: a line for each change, or with `--json` for each look. */
async function printLooks(
  looks: AsyncIterable<Look>,
  isJson: boolean,
  context: CliContext,
): Promise<void> {
  let before: StatusAnswer | undefined
  let lastFault: string | undefined
  for await (const { status, fault } of looks) {
    if (fault !== lastFault && fault !== undefined) context.stderr(`synth: ${fault}\n`)
    lastFault = fault
    if (fault !== undefined) continue
    if (isJson) context.stdout(`${JSON.stringify(status)}\n`)
    else {
      const time = new Date().toISOString()
      for (const line of listChanges(before, status)) context.stdout(`${time} ${line}\n`)
    }
    before = status
  }
}

async function drawLooks(
  looks: AsyncIterable<Look>,
  view: Omit<StatusView, 'nowMs'>,
  screen: Screen,
  stop: AbortController,
): Promise<void> {
  let shown: Look | undefined
  const draw = (): void => {
    if (shown === undefined) return
    const { columns: width, rows: height } = screen.size()
    const { status, fault } = shown
    screen.draw(renderStatus(status, { ...view, width, height, nowMs: Date.now(), fault }))
  }
  screen.onResize(draw)
  screen.onQuit(() => stop.abort(new Error('quit')))
  try {
    for await (const look of looks) {
      shown = look
      draw()
    }
  } finally {
    screen.close()
  }
}
