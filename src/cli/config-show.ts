/** `synth config show`: every effective value and where it comes from. */
import { describeConfig } from '../config/describe.ts'
import type { LoadedConfig } from '../config/load.ts'
import { loadForCli, withFoundUpstreams } from './config.ts'
import type { ConfigCommandFlags } from './config-check.ts'
import type { CliContext } from './context.ts'
import { shortenPath, toJsonText } from './options.ts'
import { createStyle, formatColumns } from './style.ts'

const NOTHING_FOUND =
  'No upstream is configured, and none was found: the built-in model synth-demo would answer. `synth init` writes a configuration.'

export async function showConfig(flags: ConfigCommandFlags, context: CliContext): Promise<number> {
  const file = loadForCli(flags, context)
  const found = await withFoundUpstreams(file, context)
  const loaded = found ?? file
  const warnings = found === undefined ? [...file.warnings, NOTHING_FOUND] : found.warnings
  if (flags.json === true) {
    context.stdout(
      toJsonText({ file: loaded.path ?? null, values: describeConfig(loaded), warnings }),
    )
    return 0
  }
  context.stdout(formatTable(loaded, context))
  for (const warning of warnings) context.stderr(`warning: ${warning}\n`)
  return 0
}

function formatTable(loaded: LoadedConfig, { cwd, hasColors }: CliContext): string {
  const style = createStyle(hasColors)
  const rows = describeConfig(loaded).map(({ key, value, source }) => {
    const shown = JSON.stringify(value)
    return source === 'default'
      ? [style.faint(key), style.faint(shown), style.faint(source)]
      : [key, shown, shortenPath(source, cwd)]
  })
  return formatColumns([['key', 'value', 'from'].map(style.strong), ...rows])
}
