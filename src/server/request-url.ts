/** What a request's own URL says, of which the router shows only the decoded path. */
import type { HonoRequest } from 'hono'
import { INTERCEPTOR_PREFIX, readTrialAddress, type TrialAddress } from '../trial/address.ts'

/** @throws {BridgeError} invalid_request */
export function trialAddressOf({ path, url }: HonoRequest): TrialAddress | undefined {
  if (!path.startsWith(INTERCEPTOR_PREFIX)) return undefined
  const { pathname, search } = new URL(url)
  return readTrialAddress(pathname, search)
}

/** How the client reached the bridge, so that a URL which it gets leads there too. */
export function originOf(request: HonoRequest): string {
  const { protocol, host } = new URL(request.url)
  // A proxy that speaks TLS says so; whom a false word misleads is only who says it.
  const isSecure = request.header('x-forwarded-proto')?.split(',')[0]?.trim() === 'https'
  return `${isSecure ? 'https:' : protocol}//${host}`
}
