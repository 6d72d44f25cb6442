/**
 * What the URL of a trial's call says. Task apps join paths onto the URL they were given in half a dozen
 * ways, query string or not, so the address is read from its end: whatever was appended last is meant.
 *
 * @see ../../docs/interceptor.md for the table of forms
 */
import { BridgeError } from '../errors.ts'
import { REDACTED } from '../translate/key-shapes.ts'

export const INTERCEPTOR_PREFIX = '/api/interceptor/v1'

export type TrialApi = 'chat' | 'responses'

export interface TrialAddress {
  readonly trialId: string
  /** Undefined where the URL names none: then the trial's own holds. */
  readonly correlationId: string | undefined
  readonly api: TrialApi
  /** `?model=`, for a request that names none. */
  readonly model: string | undefined
  /** The other query parameters, in order; what looks like a secret is redacted. */
  readonly query: readonly (readonly [name: string, value: string])[]
}

/** Longest id, in characters. */
export const MAX_ID_CHARS = 256

/** Parts of the interceptor's own routes, which a URL could not tell from a trial. */
const RESERVED = new Set(['v1', 'chat', 'completions', 'responses', 'trials', 'debug', 'trace'])

const CORRELATION_PARAMS = ['cid', 'trace_correlation_id', 'trace'] as const
const CORRELATION_PREFIX = /^(?:trace|cid|eval)_/
/** A query value onto which a path was joined; the lazy head is what the value was. */
const JOINED = /^(.*?)(?:\/v1)?\/(chat\/completions|responses)(?![\w-])(.*)$/s
const LAST_JOINED = /^.*(?:^|\/)(chat\/completions|responses)\/*$/s
const SECRET_PARAM =
  /^(?:.*[_-])?(?:(?:api|access)?key|token|secret|password|authorization|credential|signature|sig)s?$/i

/**
 * @param pathname as it came, percent-encoded
 * @param search the query, with or without its `?`
 * @returns undefined where this is no address of a call
 * @throws {BridgeError} invalid_request for an id that cannot be one
 */
export function readTrialAddress(pathname: string, search: string): TrialAddress | undefined {
  if (!pathname.startsWith(`${INTERCEPTOR_PREFIX}/`)) return undefined
  const path = readPath(pathname.slice(INTERCEPTOR_PREFIX.length))
  const query = readQuery(search)
  const api = query.api ?? path.api
  const [trialId, fromPath, ...rest] = path.ids
  if (api === undefined || trialId === undefined || rest.length > 0) return undefined
  if (isReservedTrialId(trialId)) return undefined
  checkId(trialId, 'trial_id')
  const fromTrial = CORRELATION_PREFIX.test(trialId) ? trialId : undefined
  const correlationId = fromPath ?? fromTrial ?? query.correlationId
  if (correlationId !== undefined) checkId(correlationId, 'cid')
  return { trialId, correlationId, api, model: query.model, query: query.others }
}

export const isReservedTrialId = (trialId: string): boolean => RESERVED.has(trialId)

/** @throws {BridgeError} invalid_request */
export function checkId(id: string, param: string): void {
  if (id !== '' && id.length <= MAX_ID_CHARS && !/[\p{Cc}\p{Cs}\s]/u.test(id)) return
  const what = id.length > MAX_ID_CHARS ? `${id.length} characters long` : JSON.stringify(id)
  throw new BridgeError(
    'invalid_request',
    `${param} is ${what}; expected 1 to ${MAX_ID_CHARS} characters without spaces or control characters.`,
    { param },
  )
}

/** The correlation id of calls that name none, as Synth's own optimizers form it. */
export function correlationIdOf(trialId: string): string {
  return CORRELATION_PREFIX.test(trialId) ? trialId : `trace_${trialId}`
}

/** The URL to hand to a task app. */
export function inferenceUrl(
  origin: string,
  trial: { readonly trialId: string; readonly correlationId: string },
): string {
  const { trialId, correlationId } = trial
  return `${origin}${INTERCEPTOR_PREFIX}/${encodeURIComponent(trialId)}?cid=${encodeURIComponent(correlationId)}`
}

function readPath(path: string): { ids: string[]; api: TrialApi | undefined } {
  const ids = path
    .split('/')
    .filter((part) => part !== '')
    .map(decode)
  let api: TrialApi | undefined
  for (;;) {
    if (ids.at(-1) === 'responses') {
      api ??= 'responses'
      ids.pop()
    } else if (ids.at(-1) === 'completions' && ids.at(-2) === 'chat') {
      api ??= 'chat'
      ids.splice(-2)
    } else if (ids.at(-1) === 'v1') ids.pop()
    else return { ids, api }
  }
}

interface Query {
  readonly correlationId: string | undefined
  readonly model: string | undefined
  /** Joined onto the query by a client that appends to the whole URL. */
  readonly api: TrialApi | undefined
  readonly others: readonly (readonly [string, string])[]
}

function readQuery(search: string): Query {
  const entries = [...new URLSearchParams(search)]
  let api: TrialApi | undefined
  const cleaned = entries.map(([name, value], index): [string, string] => {
    const isLast = index === entries.length - 1
    const joined = JOINED.exec(value)
    // Elsewhere than at the end only an id, which has no slash, can be told from a value with a path in it.
    if (joined === null || !(isCorrelation(name) || (isLast && LAST_JOINED.test(value)))) {
      return [name, value]
    }
    const last = LAST_JOINED.exec(value)?.[1] ?? joined[2]
    api = last === 'responses' ? 'responses' : 'chat'
    return [name, joined[1] ?? '']
  })
  const first = (name: string): string | undefined =>
    cleaned.find((entry) => entry[0] === name && entry[1] !== '')?.[1]
  const [cid, traceCorrelationId, trace] = CORRELATION_PARAMS.map(first)
  return {
    correlationId: cid ?? traceCorrelationId ?? trace,
    model: first('model'),
    api,
    others: cleaned
      .filter(([name]) => name !== 'model' && !isCorrelation(name))
      .map(([name, value]) => [name, SECRET_PARAM.test(name) ? REDACTED : value]),
  }
}

function isCorrelation(name: string): boolean {
  return CORRELATION_PARAMS.some((known) => known === name)
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    // Not percent-encoding at all: then it stands for itself.
    return part
  }
}
