/** What a request's context says: its headers, its route, and who may have sent it. */
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import { BridgeError } from '../errors.ts'
import type { Caller } from '../gateway/identity.ts'
import type { LedgerStore } from '../gateway/ledger-port.ts'
import { type AccessKey, authenticate, type RequestHeaders } from './access.ts'
import { checkBoundSession } from './bound-callers.ts'
import { clientKindOf } from './identity.ts'
import type { RouteName } from './routes.ts'

export type Env = {
  Bindings: HttpBindings
  Variables: { requestId: string; route: RouteName; boundCaller: Caller | undefined }
}
export interface CallersDeps {
  readonly keys: readonly AccessKey[]
  /** Who everybody is where there are no keys. */
  readonly localCaller: Caller
  readonly store: LedgerStore
  readonly nowMs: () => number
}

export function headersOf(c: Context<Env>): RequestHeaders {
  return { get: (name) => c.req.header(name) }
}

/** For what is turned away before a route is found, `none`. */
export function routeOf(c: Context<Env>): string {
  return c.get('route') ?? 'none'
}

export function callerOf(c: Context<Env>, deps: CallersDeps): Caller {
  return c.get('boundCaller') ?? authenticate(headersOf(c), deps.keys, deps.localCaller)
}

/** The caller of a route that the budget's gate does not guard. */
export async function liveCallerOf(c: Context<Env>, deps: CallersDeps): Promise<Caller> {
  const caller = callerOf(c, deps)
  await checkBoundSession(caller, clientKindOf(headersOf(c)), deps)
  return caller
}

/** Whoever may ask of more than one session's calls. @throws {BridgeError} forbidden */
export function unboundCallerOf(c: Context<Env>, deps: CallersDeps, advice: string): Caller {
  const caller = callerOf(c, deps)
  if (caller.boundSessionId === null) return caller
  throw new BridgeError(
    'forbidden',
    `This key only makes calls, on session ${caller.boundSessionId}. ${advice}`,
  )
}
