/** Which key a command shows to a bridge, and what to say when it is refused. */
import type { Config } from '../../config/schema.ts'
import { UsageError } from '../context.ts'

export interface PresentedKey {
  /** Undefined sends none: enough where the bridge has no `[[keys]]`. */
  readonly apiKey: string | undefined
  /** Completes "The bridge refused the call: …". */
  readonly keyHint: string
}

const NAME_IT = 'Name the environment variable that holds one with --api-key-env.'

/**
 * The variable of the flag, else the first of `[[keys]]` whose variable is set.
 *
 * @throws {UsageError} when the flag's variable is not set, or no header can hold what is in it
 */
export function presentedKeyOf(
  apiKeyEnv: string | undefined,
  { keys }: Pick<Config, 'keys'>,
  env: Readonly<Record<string, string | undefined>>,
): PresentedKey {
  const named = keys.flatMap(({ key_env }) => key_env ?? [])
  const isSet = (variable: string): boolean => (env[variable] ?? '') !== ''
  if (apiKeyEnv !== undefined && !isSet(apiKeyEnv)) {
    throw new UsageError(`--api-key-env: the environment variable ${apiKeyEnv} is not set.`)
  }
  const variable = apiKeyEnv ?? named.find(isSet)
  if (variable === undefined) {
    const hint = named.length === 0 ? NAME_IT : `Set ${named.join(' or ')} in the environment.`
    return { apiKey: undefined, keyHint: `no key was sent. ${hint}` }
  }
  const apiKey = env[variable] ?? ''
  // Most often the line end of the file it was read from.
  if (!/^[\x21-\x7e]+$/.test(apiKey)) {
    throw new UsageError(
      `The key in ${variable} holds a character that cannot be sent, such as a line break.`,
    )
  }
  return { apiKey, keyHint: `the key in ${variable} is none of its [[keys]]. ${NAME_IT}` }
}
