/** What a configuration gets away with, and should be told about. */
import { warnAboutOtel } from './otel.ts'
import type { Config } from './schema.ts'

/** A sentence each. Names variables, never what is in them. */
export function warnAboutConfig(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  const warnings: string[] = []
  for (const [name, { api_key_env: variable }] of Object.entries(config.upstreams)) {
    if (isUnset(variable, env)) {
      warnings.push(
        `$${variable} is not set, which upstreams.${name}.api_key_env names: its calls will fail with 401.`,
      )
    }
  }
  for (const [index, { name, key_env: variable }] of config.keys.entries()) {
    if (isUnset(variable, env)) {
      warnings.push(
        `$${variable} is not set, which keys[${index}].key_env names: nobody can call as ${name}.`,
      )
    }
  }
  if (hasPassword(config.server.store)) {
    warnings.push('server.store holds a password; $PGPASSWORD keeps it out of the file.')
  }
  return [...warnings, ...warnAboutOtel(config, env)]
}

function isUnset(
  variable: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): variable is string {
  return variable !== undefined && (env[variable] ?? '') === ''
}

/** Whether a store's address carries a password. */
export function hasPassword(store: string): boolean {
  return URL.canParse(store) && new URL(store).password !== ''
}
