/**
 * Who may talk to the bridge: hosts and origins (a web page must not reach a local bridge through
 * the browser), then keys.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { BridgeError } from '../errors.ts'
import type { Caller } from '../gateway/identity.ts'

export interface AccessKey extends Caller {
  /** SHA-256 of the key, 32 bytes: the clear key is not kept. */
  readonly sha256: Buffer
}

export interface RequestHeaders {
  get(name: string): string | undefined
}

const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i

/**
 * Without keys the bridge trusts whoever reaches it, so only a loopback name may have been used to
 * reach it: a page that rebinds its own name to 127.0.0.1 still sends that name.
 *
 * @throws {BridgeError} forbidden
 */
export function checkOrigin(headers: RequestHeaders, hasKeys: boolean): void {
  // With keys, reaching the bridge is worth nothing without one, and a browser attaches none.
  if (hasKeys) return
  const host = headers.get('host') ?? ''
  if (!LOOPBACK_HOST.test(host)) {
    throw new BridgeError(
      'forbidden',
      `Host "${host.slice(0, 80)}" is not this machine. Without [[keys]] only localhost, 127.0.0.1 and [::1] are served.`,
    )
  }
  const origin = headers.get('origin')
  if (origin === undefined) return
  if (!URL.canParse(origin) || !LOOPBACK_HOST.test(new URL(origin).host)) {
    throw new BridgeError(
      'forbidden',
      `Requests from web pages of "${origin.slice(0, 80)}" are not served.`,
    )
  }
}

/** The keys of a request, clear. */
export function presentedKeys(headers: RequestHeaders): string[] {
  const bearer = /^Bearer\s+(.+)$/i.exec(headers.get('authorization') ?? '')?.[1]
  const apiKey = headers.get('x-api-key')
  return [bearer, apiKey].filter((key) => key !== undefined && key !== '').map(String)
}

export const sha256Of = (key: string): Buffer => createHash('sha256').update(key).digest()

/** The one of `[[keys]]` with this hash. */
export function matchKey(digest: Buffer, keys: readonly AccessKey[]): AccessKey | undefined {
  // Every key is compared, so that the time taken says nothing about which came close.
  return keys.filter((candidate) => timingSafeEqual(candidate.sha256, digest))[0]
}

/**
 * The caller behind the presented key; where none are configured any key, or none, is `local`.
 *
 * @throws {BridgeError} invalid_api_key
 */
export function authenticate(
  headers: RequestHeaders,
  keys: readonly AccessKey[],
  local: Caller,
): Caller {
  if (keys.length === 0) return local
  const presented = presentedKeys(headers)
  if (presented.length === 0) {
    throw new BridgeError(
      'invalid_api_key',
      'No API key was sent. Send one of [[keys]] as "Authorization: Bearer …" or "X-API-Key".',
    )
  }
  for (const key of presented) {
    const match = matchKey(sha256Of(key), keys)
    if (match !== undefined) return match
  }
  throw new BridgeError('invalid_api_key', 'The API key is not one of [[keys]].')
}
