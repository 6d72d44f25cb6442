/**
 * A refusal of the ledger in words and headers, so that every client stops at once and shows why.
 * Bodies stay below 200 bytes: Synth's own clients parse no more than that.
 *
 * @see ../../docs/errors.md
 */
import type { Refusal } from '../budget/account.ts'
import type { Metric } from '../budget/metric.ts'
import { describeRefusal } from '../budget/refusal.ts'
import { BridgeError, type ErrorCode } from '../errors.ts'
import type { ClientKind } from './identity.ts'
import type { ResolvedModel } from './models.ts'

const CODES: Readonly<Record<Metric, ErrorCode>> = {
  cost_usd: 'session_cost_limit',
  tokens: 'session_token_limit',
  gpu_hours: 'session_gpu_hours_limit',
  api_calls: 'session_api_calls_limit',
}

/**
 * Headers that make SDKs and Codex stop after one request; Codex shows the second one, which has to be
 * ASCII and without a final full stop.
 */
function stopHeaders(message: string, advice: string): Record<string, string> {
  return {
    'x-should-retry': 'false',
    'x-codex-promo-message': `${message} ${advice}`.replace(/[^\x20-\x7e]/g, '?'),
  }
}

/** OpenCode repeats a 429 for ever, and stops at a 403. */
const statusFor = (client: ClientKind): number => (client === 'opencode' ? 403 : 429)

export function toRefusal(
  refusal: Refusal,
  client: ClientKind,
  budget: Readonly<Record<string, string>>,
): BridgeError {
  const code = refusal.scope === 'key' ? 'key_cost_limit' : CODES[refusal.metric]
  const { message, advice } = describeRefusal(refusal)
  return new BridgeError(code, message, {
    status: statusFor(client),
    headers: { ...budget, ...stopHeaders(message, advice) },
  })
}

/** What the `metadata` of a response says that was cut at a limit. */
export function limitMetadata(refusal: Refusal): Record<string, string> {
  return {
    budget: refusal.scope === 'key' ? 'key_cost_limit' : CODES[refusal.metric],
    budget_message: describeRefusal(refusal).message,
  }
}

export function toSessionError(
  reason: 'not_found' | 'session_ended' | 'session_expired',
  sessionId: string,
  client: ClientKind,
): BridgeError {
  const id = sessionId.slice(0, 40)
  if (reason === 'not_found') return new BridgeError('not_found', `No session "${id}".`)
  const what = reason === 'session_ended' ? 'ended' : 'expired'
  const message = `Session ${id} has ${what}.`
  return new BridgeError('session_ended', message, {
    status: statusFor(client),
    headers: stopHeaders(message, 'Start a new session'),
  })
}

/** A cost limit cannot be kept for a model whose price nobody knows. */
export function priceUnknown({ model, upstream }: ResolvedModel, tomlLines: string): BridgeError {
  return new BridgeError(
    'price_unknown',
    `No price is known for "${model.name}" on upstream "${upstream.name}", and a cost limit is in force. Add to the configuration:\n${tomlLines}`,
    { param: 'model' },
  )
}
