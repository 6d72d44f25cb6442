/** What to say where nothing is served. Of the interceptor no path is shown: a trial's id in it may be a key. */
import { BridgeError } from '../errors.ts'
import { INTERCEPTOR_PREFIX } from '../trial/address.ts'
import { methodsAt } from './routes.ts'

/** A request that no route has, and what is served in its place. */
export function noSuchRoute(method: string, path: string): BridgeError {
  const methods = methodsAt(path)
  if (path.startsWith(`${INTERCEPTOR_PREFIX}/`)) {
    return methods.length > 0 ? wrongTrialMethod(method, methods) : noSuchTrialRoute(method)
  }
  if (methods.length > 0) return wrongMethod(method, path, methods)
  const isBelow = methodsAt(`/v1${path}`).some((served) => served === method)
  const hint = isBelow ? ' The base URL ends in /v1.' : ''
  return new BridgeError('not_found', `No route ${method} ${path.slice(0, 200)}.${hint}`)
}

function wrongMethod(method: string, what: string, methods: readonly string[]): BridgeError {
  return new BridgeError(
    'method_not_allowed',
    `${what} is served for ${methods.join(' and ')}, not ${method}.`,
    { headers: { allow: methods.join(', ') } },
  )
}

export function wrongTrialMethod(method: string, methods: readonly string[]): BridgeError {
  return wrongMethod(method, 'This route of the interceptor', methods)
}

export function noSuchTrialRoute(method: string): BridgeError {
  return new BridgeError(
    'not_found',
    `No such route ${method} of the interceptor. Calls are POST ${INTERCEPTOR_PREFIX}/TRIAL[/CORRELATION_ID][/v1]/chat/completions or …/responses.`,
  )
}
