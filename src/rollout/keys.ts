/** The task app's keys, where its own SDK looks for them. */

export interface TaskAppKeys {
  /** The key, then its aliases. Empty where no variable is set. */
  readonly keys: readonly string[]
  /** Which variable the first is from. */
  readonly variable: string
}

export type ReadKeys =
  | ({ readonly ok: true } & TaskAppKeys)
  /** `reason` is a sentence. */
  | { readonly ok: false; readonly reason: string }

export const KEY_VARIABLE = 'ENVIRONMENT_API_KEY'
const FALLBACKS = ['dev_environment_api_key', 'DEV_ENVIRONMENT_API_KEY']
const ALIASES = 'ENVIRONMENT_API_KEY_ALIASES'

export function readTaskAppKeys(env: Readonly<Record<string, string | undefined>>): ReadKeys {
  const named = [KEY_VARIABLE, ...FALLBACKS].find((name) => (env[name] ?? '').trim() !== '')
  const aliases = (env[ALIASES] ?? '').split(',').map((alias) => alias.trim())
  const variable = named ?? ALIASES
  const keys = [named === undefined ? '' : (env[named] ?? '').trim(), ...aliases].filter(
    (key) => key !== '',
  )
  if (keys.every((key) => /^[\x21-\x7e]+$/.test(key))) return { ok: true, keys, variable }
  return {
    ok: false,
    reason: `A key in ${variable}${variable === ALIASES ? '' : ` or ${ALIASES}`} holds a character that cannot be sent.`,
  }
}
