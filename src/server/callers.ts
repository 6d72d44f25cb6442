/** `[[keys]]` as callers: who each is, what it may, and the hash it is known by. */
import { createHash, randomBytes } from 'node:crypto'
import { keyAccountId } from '../budget/account.ts'
import type { Ceiling } from '../budget/operation.ts'
import { parseQuantity } from '../budget/quantity.ts'
import { keyIdOf, LOCAL_OWNER, ownerOf } from '../config/owners.ts'
import type { ClientKeyConfig, Config } from '../config/schema.ts'
import { windowSeconds } from '../config/settings.ts'
import type { Caller } from '../gateway/identity.ts'
import type { AccessKey } from './access.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Everybody, where there are no keys: whoever reaches a loopback port owns the machine's bridge. */
export const LOCAL_CALLER: Caller = {
  keyName: 'local',
  keyId: null,
  ...LOCAL_OWNER,
  mayRaise: true,
  ceiling: null,
  boundSessionId: null,
}

function hashOf(key: ClientKeyConfig, env: Environment): Buffer | undefined {
  if (key.sha256 !== undefined) return Buffer.from(key.sha256, 'hex')
  const clear = key.key_env === undefined ? undefined : env[key.key_env]
  if (clear === undefined || clear === '') return undefined
  return createHash('sha256').update(clear).digest()
}

function ceilingOf(key: ClientKeyConfig): Ceiling | null {
  if (key.max_cost_usd === undefined) return null
  const parsed = parseQuantity('cost_usd', key.max_cost_usd)
  const seconds = windowSeconds(key)
  return {
    accountId: keyAccountId(keyIdOf(key)),
    terms: {
      metric: 'cost_usd',
      // A ceiling of 0 parses to nothing: such a key may spend nothing at all.
      value: parsed.ok ? parsed.amount : 0n,
      warningThreshold: null,
      expiresAtMs: null,
      kind:
        seconds === undefined
          ? { type: 'hard' }
          : { type: 'rolling_window', windowMs: seconds * 1000 },
    },
  }
}

/** Whoever has left something behind that goes on calling: a session's own key, a trial. */
export interface Opener {
  readonly orgId: string
  readonly userId: string
  /** The key that was used, as a UUID; null for the local user. */
  readonly apiKeyId: string | null
}

/**
 * The caller that the opener is now, without the right to raise.
 *
 * @returns undefined where the key is no longer one of `[[keys]]`: its offspring went with it
 */
export function callerOfOpener(
  { orgId, userId, apiKeyId }: Opener,
  keys: readonly AccessKey[],
  boundSessionId: string | null,
): Caller | undefined {
  const opener = keys.find(({ keyId }) => keyId === apiKeyId)
  if (opener === undefined && keys.length > 0) return undefined
  return {
    keyName: opener?.keyName ?? 'local',
    keyId: apiKeyId,
    orgId,
    userId,
    mayRaise: false,
    ceiling: opener?.ceiling ?? null,
    boundSessionId,
  }
}

/** The hash of no key that anybody has: the variable is not set, which was warned of. */
const unmatchableHash = (): Buffer => randomBytes(32)

/**
 * Every key of `[[keys]]`: without any the bridge is open to whoever reaches it, so one that lacks its
 * value must not go missing.
 */
export function accessKeysOf(config: Config, env: Environment): AccessKey[] {
  return config.keys.map((key) => ({
    keyName: key.name,
    keyId: keyIdOf(key),
    ...ownerOf(key),
    mayRaise: key.may_raise,
    ceiling: ceilingOf(key),
    boundSessionId: null,
    sha256: hashOf(key, env) ?? unmatchableHash(),
  }))
}
