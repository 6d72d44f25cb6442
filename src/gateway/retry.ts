/**
 * When a failed attempt is tried again by the bridge itself: only where the upstream cannot have
 * billed it, and only for a wait the client would not notice. Everything else is the client's to retry.
 */
import type { BridgeError } from '../errors.ts'
import type { AttemptFacts } from './spending.ts'

const FIRST_DELAY_MS = 250
/** A `Retry-After` beyond this is passed on to the client instead. */
const MAX_DELAY_MS = 5_000

/** Whether the upstream did no work: nothing was sent, or it said so by its status. */
function isUnbilled(error: BridgeError, facts: AttemptFacts): boolean {
  if (facts.phase === 'unsent') return error.info.retryable
  return (
    facts.phase === 'rejected' &&
    error.info.retryable &&
    (error.status === 429 || error.status === 503)
  )
}

function retryAfterMs(error: BridgeError): number | undefined {
  const seconds = Number(error.headers['retry-after'])
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined
}

/**
 * How long to wait before the next try, or undefined for none.
 *
 * @param tries how many tries went before the one that failed
 * @param random uniform in [0, 1)
 */
export function retryDelayMs(
  failure: { readonly error: BridgeError; readonly facts: AttemptFacts },
  tries: number,
  random: number,
): number | undefined {
  if (!isUnbilled(failure.error, failure.facts)) return undefined
  const asked = retryAfterMs(failure.error)
  if (asked !== undefined) return asked <= MAX_DELAY_MS ? asked : undefined
  // Half fixed, half jitter: many calls refused at once do not come back at once.
  const ceilingMs = FIRST_DELAY_MS * 2 ** tries
  return ceilingMs / 2 + (ceilingMs / 2) * random
}
