/** `synth trace list` and `show`: from their flags to what they print. */
import { createBridgeApi } from '../bridge/api.ts'
import { type BridgeFlags, reachBridge } from '../bridge/reach.ts'
import type { CliContext } from '../context.ts'
import { toJsonText } from '../options.ts'
import { createStyle } from '../style.ts'
import { type FilterFlags, filtersOf } from './filters.ts'
import { renderTrace, renderTraceFields, renderTraces } from './render.ts'

interface OutputFlags extends BridgeFlags {
  readonly json?: boolean
}

export interface ListFlags extends OutputFlags, FilterFlags {
  readonly limit: number
}

/** @returns the exit code, as every command here does */
export async function listTraces(flags: ListFlags, context: CliContext): Promise<number> {
  const { options } = await reachBridge(flags, context)
  const query = { ...filtersOf(flags), limit: flags.limit, content: 'false' } as const
  const { data } = await createBridgeApi(options).listTraces(query)
  if (flags.json === true) context.stdout(toJsonText(data))
  else if (!context.isTerminal) print(data.map(renderTraceFields), context)
  else if (data.length === 0) print(['No recorded calls.'], context)
  else {
    const style = createStyle(context.hasColors)
    print(renderTraces(data, { width: context.columns, style, nowMs: Date.now() }), context)
  }
  return 0
}

export async function showTrace(
  id: string,
  flags: OutputFlags,
  context: CliContext,
): Promise<number> {
  const { options } = await reachBridge(flags, context)
  const record = await createBridgeApi(options).showTrace(id)
  if (flags.json === true) context.stdout(toJsonText(record))
  else print(renderTrace(record, createStyle(context.hasColors)), context)
  return 0
}

function print(lines: readonly string[], context: CliContext): void {
  if (lines.length > 0) context.stdout(`${lines.join('\n')}\n`)
}
