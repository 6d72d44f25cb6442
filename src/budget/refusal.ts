/**
 * A refusal of the ledger in words. A client sees one sentence: whose budget, how much of it is gone,
 * and whether waiting could help. Synth's own clients parse no more than 200 bytes of the body around
 * it, so the sentence gives up its details before it grows too long.
 */
import type { Refusal } from './account.ts'
import type { Metric } from './metric.ts'
import { ceilDivide, formatDollars, nanoUsd } from './money.ts'
import { formatQuantity, GPU_MS_PER_HOUR } from './quantity.ts'

export type RefusalFacts = Pick<
  Refusal,
  'scope' | 'metric' | 'limit' | 'spent' | 'reserved' | 'requested' | 'cause'
>

export interface RefusalWords {
  /** A sentence in ASCII with its full stop, at most `MAX_MESSAGE_CHARS` long. */
  readonly message: string
  /** What to do about it, without a full stop: Codex puts words of its own behind it. */
  readonly advice: string
}

/** The rest of the body takes at most 85 bytes: `{"error":{"type":…,"code":…,"message":""}}`. */
export const MAX_MESSAGE_CHARS = 110

export function describeRefusal(refusal: RefusalFacts): RefusalWords {
  const message = sentences(refusal).find(({ length }) => length <= MAX_MESSAGE_CHARS)
  return { message: message ?? plainest(refusal), advice: adviceFor(refusal) }
}

/** The same with more and with less detail. */
function sentences(refusal: RefusalFacts): string[] {
  const { metric, limit, spent, reserved, requested } = refusal
  const budget = `${owner(refusal)} budget of ${total(metric, limit)}`
  const gone = `${amount(metric, spent)} spent`
  switch (kindOf(refusal)) {
    case 'used_up':
      return [`${budget} is used up (${gone}).`, `${budget} is used up.`]
    case 'too_small':
      return [
        `${budget} cannot cover this call (${gone}, it needs ${amount(metric, requested)}).`,
        `${budget} cannot cover this call.`,
      ]
    case 'held':
      return [
        `${budget} is held by running calls (${gone}, ${amount(metric, reserved)} held).`,
        `${budget} is held by running calls.`,
      ]
  }
}

function plainest(refusal: RefusalFacts): string {
  const what = {
    used_up: 'used up',
    too_small: 'too small for this call',
    held: 'held by running calls',
  }
  return `${owner(refusal)} budget is ${what[kindOf(refusal)]}.`
}

function adviceFor(refusal: RefusalFacts): string {
  if (kindOf(refusal) === 'held') return 'Try again when they have ended'
  return refusal.scope === 'key' ? 'Use another key' : 'Start a new session with a new budget'
}

/** A call that is refused with most of the budget left is too large for it; nothing is used up. */
function kindOf({ cause, spent, limit }: RefusalFacts): 'used_up' | 'too_small' | 'held' {
  if (cause === 'held_by_others') return 'held'
  return spent * 2n < limit ? 'too_small' : 'used_up'
}

const owner = ({ scope }: RefusalFacts): string => (scope === 'key' ? 'Key' : 'Session')

const UNITS: Readonly<Record<Metric, string>> = {
  cost_usd: '',
  tokens: ' tokens',
  gpu_hours: ' GPU hours',
  api_calls: ' calls',
}

/** The limit as it was set. */
function total(metric: Metric, limit: bigint): string {
  if (metric === 'cost_usd') return formatDollars(nanoUsd(limit), 'exact')
  return `${formatQuantity(metric, limit)}${UNITS[metric]}`
}

/** Rounded up, to what a person reads: nobody is told of less than was spent. */
function amount(metric: Metric, value: bigint): string {
  if (metric === 'cost_usd') return formatDollars(nanoUsd(value), 'up')
  const shown = metric === 'gpu_hours' ? gpuHours(value) : value.toString()
  return `${shown}${UNITS[metric]}`
}

/** Thousandths of an hour, which are 3.6 seconds. */
function gpuHours(gpuMs: bigint): string {
  const thousandths = ceilDivide(gpuMs * 1000n, GPU_MS_PER_HOUR)
  const fraction = (thousandths % 1000n).toString().padStart(3, '0').replace(/0+$/, '')
  return `${thousandths / 1000n}${fraction === '' ? '' : `.${fraction}`}`
}
