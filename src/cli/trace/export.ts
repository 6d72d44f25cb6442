/** `synth trace export`: page by page from the bridge to the file, never more than one page at a time. */
import { createHash } from 'node:crypto'
import { closeSync, createReadStream, openSync, writeSync } from 'node:fs'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { systemCodeOf } from '../../errors.ts'
import { type ExportFormat, groupOf, type TraceGroup } from '../../trace/export/format.ts'
import { openAiChatFormat } from '../../trace/export/openai-chat.ts'
import { otlpFormat } from '../../trace/export/otlp.ts'
import { responsesFormat } from '../../trace/export/responses.ts'
import { sessionTraceFormat } from '../../trace/export/session-trace.ts'
import type { TraceRecord } from '../../trace/record.ts'
import { VERSION } from '../../version.ts'
import { type BridgeApi, createBridgeApi, type ListTracesQuery } from '../bridge/api.ts'
import { type BridgeFlags, reachBridge } from '../bridge/reach.ts'
import { type CliContext, UsageError } from '../context.ts'
import { toJsonText } from '../options.ts'
import { toVisible } from '../visible.ts'
import { type FilterFlags, filtersOf } from './filters.ts'

export interface ExportFlags extends BridgeFlags, FilterFlags {
  readonly format: string
  readonly out?: string
  readonly force?: boolean
  readonly light?: boolean
  readonly rollouts?: string
  readonly minReward?: number
  readonly json?: boolean
}

/** The bridge ends a page early where its records are large. */
const PAGE = 100
const FIGURES_PAGE = 200

interface Counts {
  written: number
  leftOut: number
}

/** @returns the exit code: 1 where there was nothing to write */
export async function exportTraces(flags: ExportFlags, context: CliContext): Promise<number> {
  checkFlags(flags)
  const wanted =
    flags.rollouts === undefined
      ? undefined
      : await readRollouts(resolve(context.cwd, flags.rollouts), flags.minReward)
  const { options } = await reachBridge(flags, context)
  const api = createBridgeApi(options)
  const filters = filtersOf(flags)
  const format = formatOf(flags)
  const isWanted = ({ trace_id }: TraceRecord) => wanted?.has(trace_id) ?? true
  // Asked before the file is made: a bridge that does not run leaves none behind.
  await api.listTraces({ ...filters, limit: 1, content: 'false' })
  const output = openOutput(flags, context)
  try {
    const counts = format.isGrouped
      ? await exportGroups(api, filters, format, isWanted, output.write)
      : await exportCalls(api, filters, format, isWanted, output.write)
    report(counts, flags, context)
    return counts.written > 0 ? 0 : 1
  } finally {
    output.close()
  }
}

function checkFlags({ format, light, minReward, rollouts, json, out }: ExportFlags): void {
  if (light === true && format !== 'v3') throw new UsageError('--light goes with --format v3.')
  if (minReward !== undefined && rollouts === undefined) {
    throw new UsageError('--min-reward goes with --rollouts, whose lines hold the rewards.')
  }
  if (json === true && out === undefined) {
    throw new UsageError('--json prints what was written where: give --out too.')
  }
}

function formatOf({ format, light }: ExportFlags): ExportFormat {
  switch (format) {
    case 'responses':
      return responsesFormat()
    case 'v3':
      return sessionTraceFormat(light === true)
    case 'otlp':
      return otlpFormat({ version: VERSION, toTraceId })
    default:
      return openAiChatFormat()
  }
}

const toTraceId = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 32)

type Write = (text: string) => void
type IsWanted = (record: TraceRecord) => boolean

async function exportCalls(
  api: BridgeApi,
  filters: ListTracesQuery,
  format: ExportFormat,
  isWanted: IsWanted,
  write: Write,
): Promise<Counts> {
  const counts = { written: 0, leftOut: 0 }
  for await (const record of recordsOf(api, { ...filters, limit: PAGE })) {
    const text = isWanted(record) ? format.record(record, groupOf(record)) : undefined
    if (text === undefined) counts.leftOut += 1
    else {
      write(text)
      counts.written += 1
    }
  }
  return counts
}

/** The figures first, to know the groups; then each group's calls by themselves. */
async function exportGroups(
  api: BridgeApi,
  filters: ListTracesQuery,
  format: ExportFormat,
  isWanted: IsWanted,
  write: Write,
): Promise<Counts> {
  const counts = { written: 0, leftOut: 0 }
  const groups = new Map<string, TraceGroup>()
  const figures = { ...filters, limit: FIGURES_PAGE, content: 'false' } as const
  for await (const record of recordsOf(api, figures)) {
    const group = groupOf(record)
    if (!isWanted(record)) counts.leftOut += 1
    else if (!groups.has(keyOf(group))) groups.set(keyOf(group), group)
  }
  for (const group of groups.values()) {
    let isFirst = true
    for await (const record of groupRecords(api, filters, group)) {
      const text = isWanted(record) ? format.record(record, group) : undefined
      if (text === undefined) continue
      write((isFirst ? format.open(group) : format.between) + text)
      isFirst = false
      counts.written += 1
    }
    if (!isFirst) write(format.close(group))
  }
  return counts
}

const keyOf = ({ by, id }: TraceGroup): string => `${by} ${id}`

async function* groupRecords(
  api: BridgeApi,
  filters: ListTracesQuery,
  group: TraceGroup,
): AsyncGenerator<TraceRecord> {
  if (group.by === 'call') {
    yield await api.showTrace(group.id)
    return
  }
  const own = group.by === 'correlation' ? { correlation_id: group.id } : { session_id: group.id }
  // A session also has the calls of rollouts, which are groups of their own.
  for await (const record of recordsOf(api, { ...filters, ...own, limit: PAGE }))
    if (keyOf(groupOf(record)) === keyOf(group)) yield record
}

async function* recordsOf(api: BridgeApi, query: ListTracesQuery): AsyncGenerator<TraceRecord> {
  let cursor: string | null = null
  do {
    const page = await api.listTraces({
      ...query,
      order: 'asc',
      ...(cursor === null ? {} : { cursor }),
    })
    yield* page.data
    cursor = page.next_cursor
  } while (cursor !== null)
}

interface Output {
  readonly write: Write
  close(): void
}

function openOutput({ out, force }: ExportFlags, context: CliContext): Output {
  if (out === undefined) return { write: (text) => context.stdout(text), close() {} }
  const path = resolve(context.cwd, out)
  try {
    const file = openSync(path, force === true ? 'w' : 'wx', 0o600)
    return { write: (text) => void writeWhole(file, text), close: () => closeSync(file) }
  } catch (cause) {
    if (systemCodeOf(cause) === 'EEXIST') {
      throw new UsageError(`${toVisible(out)} is there already. Name another, or give --force.`)
    }
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new UsageError(`${toVisible(out)} cannot be written: ${why}`, { cause })
  }
}

function writeWhole(file: number, text: string): void {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
}

function report({ written, leftOut }: Counts, flags: ExportFlags, context: CliContext): void {
  const { out, format, json } = flags
  if (json === true) {
    context.stdout(toJsonText({ out, format, calls: written, left_out: leftOut }))
    return
  }
  const where = out === undefined ? '' : ` to ${toVisible(out)}`
  const rest = leftOut === 0 ? '' : `, ${leftOut} left out`
  context.stderr(`${written} ${written === 1 ? 'call' : 'calls'} written${where}${rest}.\n`)
}

const RolloutLineSchema = z.looseObject({
  reward: z.number().nullish(),
  trace_ids: z.array(z.string()),
})

async function readRollouts(path: string, minReward: number | undefined): Promise<Set<string>> {
  const ids = new Set<string>()
  let number = 0
  try {
    for await (const line of createInterface({ input: createReadStream(path) })) {
      number += 1
      if (line.trim() === '') continue
      const { reward, trace_ids } = RolloutLineSchema.parse(JSON.parse(line))
      if (minReward !== undefined && (reward ?? Number.NEGATIVE_INFINITY) < minReward) continue
      for (const id of trace_ids) ids.add(id)
    }
  } catch (cause) {
    const isMissing = systemCodeOf(cause) !== ''
    const shown = toVisible(path)
    throw new UsageError(
      isMissing
        ? `${shown} cannot be read: ${cause instanceof Error ? cause.message : ''}`
        : `${shown}:${number} is no line of "synth rollout --out": it needs trace_ids, and a number as reward.`,
      { cause },
    )
  }
  return ids
}
