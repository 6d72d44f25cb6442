/** The bridge until it is told to stop. */
import { formatKeyPath } from '../config/key-path.ts'
import type { LoadedConfig } from '../config/load.ts'
import { startFindableBridge } from './bridge/start.ts'
import { loadForCli, withUpstreams } from './config.ts'
import type { CliContext } from './context.ts'
import { createLog } from './log.ts'

export interface ServeFlags {
  readonly config?: string
  readonly host?: string
  readonly port?: number
}

/** A line for each upstream that the configuration did not name, saying where it came from. */
function foundUpstreams(loaded: LoadedConfig, ready: LoadedConfig): string[] {
  return Object.keys(ready.config.upstreams)
    .filter((name) => !Object.hasOwn(loaded.config.upstreams, name))
    .map((name) => {
      const source = ready.sources.get(formatKeyPath(['upstreams', name, 'base_url']))
      return `upstream ${name}, ${source}`
    })
}

/** @returns the exit code */
export async function serve(flags: ServeFlags, context: CliContext): Promise<number> {
  const loaded = loadForCli(flags, context)
  const ready = await withUpstreams(loaded, context)
  const log = await createLog(ready.loaded.config.server.log, context)
  for (const warning of ready.loaded.warnings) log.say('warn', warning)
  for (const line of foundUpstreams(loaded, ready.loaded)) log.say('info', line)
  try {
    const bridge = await startFindableBridge({
      loaded,
      ready: ready.loaded,
      kind: 'serve',
      env: context.env,
      onEvent: log.event,
      onCall: log.call,
    })
    context.stdout(`synth listening on ${bridge.url}\n`)
    await context.interrupted()
    await bridge.close()
    return 0
  } finally {
    await ready.close()
  }
}
