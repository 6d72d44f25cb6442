/** `synth config check`: whether the file is right, and everything that is wrong with it. */
import { ConfigError } from '../config/config-error.ts'
import { findConfigFile, type LoadedConfig } from '../config/load.ts'
import { loadOptionsOf, type ReadConfig, readConfig } from './config.ts'
import type { CliContext } from './context.ts'
import { shortenPath, toJsonText } from './options.ts'
import { createStyle, formatColumns, type Style } from './style.ts'

export interface ConfigCommandFlags {
  readonly config?: string
  readonly json?: boolean
}

const EXIT_WRONG = 2

/** Never asks the network, so that it says the same everywhere. */
export function checkConfigFile(flags: ConfigCommandFlags, context: CliContext): number {
  const checked = readConfig(flags, context)
  if (flags.json === true) {
    context.stdout(toJsonText(toJson(checked, flags, context)))
    return checked.ok ? 0 : EXIT_WRONG
  }
  if (!checked.ok) {
    const problems = checked.problems.map((problem) => ({
      ...problem,
      file: problem.file === undefined ? undefined : shortenPath(problem.file, context.cwd),
    }))
    // As editors and terminals link them: without the prefix that other errors have.
    context.stderr(`${new ConfigError(problems).message}\n`)
    return EXIT_WRONG
  }
  context.stdout(describe(checked.loaded, context.cwd, createStyle(context.hasColors)))
  return 0
}

function toJson(checked: ReadConfig, flags: ConfigCommandFlags, context: CliContext): unknown {
  if (checked.ok) {
    const { config, path, warnings } = checked.loaded
    return {
      ok: true,
      file: path ?? null,
      upstreams: Object.keys(config.upstreams),
      models: Object.keys(config.models),
      warnings,
      problems: [],
    }
  }
  const problems = checked.problems.map(({ file, line, key, message }) => ({
    file: file ?? null,
    line: line ?? null,
    key: key === '' ? null : key,
    message,
  }))
  const file = findConfigFile(loadOptionsOf(flags, context)) ?? null
  return { ok: false, file, upstreams: [], models: [], warnings: [], problems }
}

function describe({ config, path, warnings }: LoadedConfig, cwd: string, style: Style): string {
  const subject =
    path === undefined
      ? 'no configuration file, so everything has its default'
      : shortenPath(path, cwd)
  const upstreams = Object.entries(config.upstreams).map(
    ([name, { base_url: address }]) => `${name} (${address})`,
  )
  const models = Object.entries(config.models).map(([name, { upstream }]) =>
    upstream === undefined ? name : `${name} (${upstream})`,
  )
  const rows = [
    ['upstreams', upstreams.join(', ') || 'none: looked for when the bridge starts'],
    ['models', models.join(', ') || 'none: every name that an upstream serves goes through'],
    ['limits', describeLimits(config.session)],
    ['keys', config.keys.map(({ name }) => name).join(', ') || 'none: only this machine may call'],
  ]
  const told = warnings.map((warning) => `${style.warning('warning:')} ${warning}\n`)
  return `${style.good('ok:')} ${subject}\n${formatColumns(rows, '  ')}${told.join('')}`
}

function describeLimits(session: LoadedConfig['config']['session']): string {
  const limits = [
    session.limit_cost_usd === '0' ? [] : [`$${session.limit_cost_usd}`],
    session.limit_tokens === 0 ? [] : [`${session.limit_tokens} tokens`],
    session.limit_gpu_hours === '0' ? [] : [`${session.limit_gpu_hours} GPU hours`],
  ].flat()
  return limits.length === 0
    ? 'none: a session may spend without end'
    : `${limits.join(', ')} a session`
}
