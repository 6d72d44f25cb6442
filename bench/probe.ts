/**
 * Preloaded into a proxy under test (`--import`): answers its parent's question for CPU time and
 * memory. `cpuUsage` covers all threads, in microseconds, on every platform; `/proc` counts in
 * ticks of 10 ms and only on Linux.
 */

/** What a process has used so far. */
export interface ProcessUsage {
  readonly cpuMicros: number
  readonly rssBytes: number
}

process.on('message', (question) => {
  if (question !== 'usage') return
  const { user, system } = process.cpuUsage()
  const usage: ProcessUsage = { cpuMicros: user + system, rssBytes: process.memoryUsage.rss() }
  process.send?.(usage)
})
// The listener alone would keep a proxy alive that is told to stop.
process.channel?.unref()
