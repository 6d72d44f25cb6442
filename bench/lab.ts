/**
 * The bench's room: one upstream and one client process, proxies started on demand, and the
 * measures every figure is made of. A turn with one wrong answer is void, and throws.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Expected } from './answer-check.ts'
import type { ClientOrder, ClientReport, LoadOrder } from './client.ts'
import { guardAnswer } from './guard.ts'
import { readOrigin, stopProcess, type Target, type TargetPlan } from './targets.ts'
import type { AnswerShape } from './wire.ts'

export interface Load {
  readonly shape: AnswerShape
  readonly body: string
  readonly streams: number
  readonly connections: number
}

export interface Turn {
  readonly cpuMicros: number
  readonly reads: number
}

export interface Lab {
  /** How often targets take turns. */
  readonly rounds: number
  /** Work per turn, as a part of the full run's. */
  readonly scale: number
  /** The pipe first, then the bridge, then whatever else is compared. */
  readonly plans: readonly TargetPlan[]
  /** @param flags for Node itself, besides those of the whole run */
  start(plan: TargetPlan, flags?: readonly string[]): Promise<Target>
  /** Reads one answer exactly; what a load of this shape must then look like. */
  guard(target: Target, load: Load): Promise<Expected>
  /** Runs one load and gives the CPU the target took for it. */
  measure(target: Target, load: Load, expected: Expected): Promise<Turn>
  /** The same, calling back while every stream is open. */
  hold(
    target: Target,
    load: Load,
    expected: Expected,
    whileOpen: () => Promise<void>,
  ): Promise<void>
  /** Reads one stream slowly, calling back meanwhile. */
  trickle(
    target: Target,
    load: Load,
    rate: { readonly bytesPerSecond: number; readonly seconds: number },
    meanwhile: () => Promise<void>,
  ): Promise<void>
  say(line: string): void
  close(): Promise<void>
}

export interface LabOptions {
  readonly rounds: number
  readonly scale: number
  readonly plans: readonly TargetPlan[]
  /** Flags for Node itself, for every proxy. */
  readonly nodeFlags: readonly string[]
  readonly say: (line: string) => void
}

const here = import.meta.dirname

function toLoadOrder(target: Target, load: Load, expected: Expected): LoadOrder {
  return {
    order: 'load',
    origin: target.origin,
    path: target.dialect.path,
    body: load.body,
    streams: load.streams,
    connections: load.connections,
    expected,
  }
}

async function nextReport(client: ChildProcess): Promise<ClientReport> {
  const gone = new AbortController()
  const onExit = (): void => gone.abort(new Error('the client process is gone'))
  client.once('exit', onExit)
  const [report]: ClientReport[] = await once(client, 'message', { signal: gone.signal })
  client.off('exit', onExit)
  if (report === undefined) throw new Error('the client said nothing')
  return report
}

/** @throws {Error} when an answer was wrong: the turn is void. */
async function waitUntilDone(client: ChildProcess, target: Target): Promise<number> {
  let report = await nextReport(client)
  while (report.report !== 'done') report = await nextReport(client)
  if (report.faults.length > 0) throw new Error(`void: ${target.name}: ${report.faults.join('; ')}`)
  return report.reads
}

export async function openLab(options: LabOptions): Promise<Lab> {
  const { rounds, scale, plans, nodeFlags, say } = options
  const folder = await mkdtemp(join(tmpdir(), 'bridge-bench-'))
  const upstream = spawn(process.execPath, [resolve(here, 'upstream.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const client = fork(resolve(here, 'client.ts'))
  const upstreamOrigin = await readOrigin(upstream, 'upstream')
  const running = new Set<Target>()
  let started = 0

  function order(message: ClientOrder): void {
    client.send(message)
  }

  return {
    rounds,
    scale,
    plans,
    say,
    async start(plan, flags = []) {
      const own = join(folder, `${plan.name}-${started++}`)
      const target = await plan.start({
        upstreamOrigin,
        folder: own,
        nodeFlags: [...nodeFlags, ...flags],
      })
      running.add(target)
      return {
        ...target,
        async stop() {
          running.delete(target)
          await target.stop()
        },
      }
    },
    guard(target, load) {
      const url = target.origin + target.dialect.path
      return guardAnswer(url, load.body, load.shape, target.dialect)
    },
    async measure(target, load, expected) {
      const before = await target.usage()
      order(toLoadOrder(target, load, expected))
      const reads = await waitUntilDone(client, target)
      const after = await target.usage()
      return { cpuMicros: after.cpuMicros - before.cpuMicros, reads }
    },
    async hold(target, load, expected, whileOpen) {
      order(toLoadOrder(target, load, expected))
      const report = await nextReport(client)
      if (report.report === 'done') {
        throw new Error(`void: ${target.name}: not all streams were open at once; ${report.faults}`)
      }
      const done = waitUntilDone(client, target)
      await Promise.all([done, whileOpen()])
    },
    async trickle(target, load, { bytesPerSecond, seconds }, meanwhile) {
      const { origin } = target
      const { path } = target.dialect
      order({ order: 'trickle', origin, path, body: load.body, bytesPerSecond, seconds })
      await Promise.all([waitUntilDone(client, target), meanwhile()])
    },
    async close() {
      await Promise.all([...running].map((target) => target.stop()))
      client.disconnect()
      await Promise.all([stopProcess(client), stopProcess(upstream)])
      await rm(folder, { recursive: true, force: true })
    },
  }
}
