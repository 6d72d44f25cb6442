/**
 * Whose sessions a call belongs to. Synth's clients parse both ids as UUIDs, so a key that names none
 * gets some, the same ones after every restart.
 */
import { createHash } from 'node:crypto'
import type { ClientKeyConfig } from './schema.ts'

export interface Owner {
  /** UUID. */
  readonly orgId: string
  /** UUID. */
  readonly userId: string
}

const LOCAL_ORG = 'org local'

/** The one user of a bridge without `[[keys]]`. */
export const LOCAL_OWNER: Owner = { orgId: nameUuid(LOCAL_ORG), userId: nameUuid('user local') }

/** Two keys of one user must say so with the same `user_id`: by default each is a user of its own. */
export function ownerOf(key: ClientKeyConfig): Owner {
  return {
    orgId: key.org_id ?? nameUuid(LOCAL_ORG),
    userId: key.user_id ?? nameUuid(`key ${key.name}`),
  }
}

/** UUID that names a key in records, the same one after every restart. */
export function keyIdOf(key: ClientKeyConfig): string {
  return nameUuid(`api key ${key.name}`)
}

/**
 * A UUID made from a name alone, marked as version 8 (the maker's own scheme).
 *
 * @see https://www.rfc-editor.org/rfc/rfc9562#section-5.8
 */
function nameUuid(name: string): string {
  const digits = createHash('sha256').update(`synth-bridge ${name}`).digest('hex')
  const variant = ((Number.parseInt(digits.slice(16, 17), 16) & 0x3) | 0x8).toString(16)
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `8${digits.slice(13, 16)}`,
    `${variant}${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ].join('-')
}
