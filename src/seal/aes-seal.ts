/**
 * The seal of `encrypted_content`: AES-256-GCM under a key that never leaves the bridge. Authenticated,
 * so that a value this bridge did not make, or one that was altered, opens to nothing.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { Seal } from '../translate/seal.ts'

export const SEAL_KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
/** Marks our own values, so that foreign ones are told apart without trying to open them. */
const PREFIX = 'synth1.'

/** @param key 32 bytes */
export function createAesSeal(key: Buffer): Seal {
  return {
    seal(plain) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce)
      const sealed = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final()])
      return PREFIX + Buffer.concat([sealed, cipher.getAuthTag()]).toString('base64url')
    },
    open(sealed) {
      if (!sealed.startsWith(PREFIX)) return undefined
      const bytes = Buffer.from(sealed.slice(PREFIX.length), 'base64url')
      if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES))
      decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES))
      try {
        const body = bytes.subarray(NONCE_BYTES, bytes.length - TAG_BYTES)
        return decipher.update(body, undefined, 'utf8') + decipher.final('utf8')
      } catch {
        // Altered, or sealed under another key: the same as foreign.
        return undefined
      }
    },
  }
}
