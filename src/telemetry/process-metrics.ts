/** The process itself: memory, processor time and how late the event loop is. Read when somebody asks. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, Gauge, type Registry } from 'prom-client'

/** Finer would wake an idle process more often than it tells anything. */
const LAG_RESOLUTION_MS = 20
const NANOSECONDS = 1e9

export function addProcessMetrics(registry: Registry, startedAtMs: number): { close(): void } {
  const registers = [registry]
  let delays: ReturnType<typeof monitorEventLoopDelay> | undefined

  new Gauge({
    name: 'synth_event_loop_lag_seconds',
    help: 'How late the event loop ran its timers since the last scrape; measured from the first on.',
    labelNames: ['quantile'],
    registers,
    collect() {
      if (delays === undefined) {
        // A bridge that nobody scrapes pays nothing for it.
        delays = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS })
        delays.enable()
      }
      const isEmpty = delays.count === 0
      for (const [quantile, percentile] of QUANTILES) {
        const lateNs = isEmpty ? 0 : delays.percentile(percentile) - LAG_RESOLUTION_MS * 1e6
        this.set({ quantile }, Math.max(0, lateNs) / NANOSECONDS)
      }
      delays.reset()
    },
  })
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Processor time of the process, in seconds, user and system.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage()
      this.reset()
      this.inc((user + system) / 1e6)
    },
  })
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of the process.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
  new Gauge({
    name: 'synth_heap_used_bytes',
    help: 'JavaScript heap in use.',
    registers,
    collect() {
      this.set(process.memoryUsage().heapUsed)
    },
  })
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'When the bridge was started, in seconds since the epoch.',
    registers,
  }).set(startedAtMs / 1000)

  return { close: () => void delays?.disable() }
}

const QUANTILES = [
  ['0.5', 50],
  ['0.99', 99],
  ['1', 100],
] as const
