/** What a request's headers say about who calls and through what. */
import type { Caller, CallIdentity, ClientKind, TraceParent } from '../gateway/identity.ts'
import type { OpenTrial } from '../gateway/trials.ts'
import type { CallTrial } from '../trial/trial.ts'
import type { RequestHeaders } from './access.ts'

export function clientKindOf(headers: RequestHeaders): ClientKind {
  if (/^codex/i.test(headers.get('originator') ?? '')) return 'codex'
  const userAgent = headers.get('user-agent') ?? ''
  if (/^codex/i.test(userAgent)) return 'codex'
  return /\bopencode\b/i.test(userAgent) ? 'opencode' : 'other'
}

/** A session id of ours; OpenCode sends one of its own in `X-Session-ID`, which is only traced. */
function sessionIdOf(headers: RequestHeaders): string | undefined {
  const ours = headers.get('x-synth-session-id')
  if (ours !== undefined && ours !== '') return ours
  const shared = headers.get('x-session-id')
  return shared?.startsWith('sess_') ? shared : undefined
}

/** Undefined where it is missing or broken: the specification has such a one ignored. */
function traceParentOf(headers: RequestHeaders): TraceParent | undefined {
  const match =
    /^(?:00(?=.{53}$)|(?!00|ff)[0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/.exec(
      headers.get('traceparent') ?? '',
    )
  const [, traceId = '', spanId = '', flags = ''] = match ?? []
  if (/^0*$/.test(traceId) || /^0*$/.test(spanId)) return undefined
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

export function identityOf(
  headers: RequestHeaders,
  caller: Caller,
  requestId: string,
  route: string,
): CallIdentity {
  return {
    requestId,
    clientKind: clientKindOf(headers),
    clientRequestId: headers.get('x-client-request-id')?.slice(0, 200),
    caller,
    sessionId: sessionIdOf(headers),
    optOut: headers.get('x-no-session')?.toLowerCase() === 'true',
    trial: undefined,
    route,
    traceParent: traceParentOf(headers),
  }
}

/**
 * The same for a call through the interceptor. A trial says whose session pays: a task app can neither name
 * another nor opt out.
 */
export function trialIdentityOf(
  headers: RequestHeaders,
  { caller, trial }: OpenTrial,
  requestId: string,
  route: string,
  callTrial: CallTrial,
): CallIdentity {
  const identity = { ...identityOf(headers, caller, requestId, route), trial: callTrial }
  if (trial === undefined) return identity
  return { ...identity, sessionId: trial.sessionId ?? undefined, optOut: false }
}
