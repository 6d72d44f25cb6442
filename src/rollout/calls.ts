/** What the traces of a trial's calls say about the rollout: what it cost, and whether one was lost. */
import { formatBillionths, parseUsd } from '../budget/money.ts'
import { errorCodes } from '../errors.ts'

/** As much of a trace record as counts here. */
export interface TracedCall {
  readonly traceId: string
  /** Whether the answer was seen to its end. */
  readonly complete: boolean
  /** HTTP status of the answer, where it has one. */
  readonly httpStatus: number | undefined
  /** The error's code, its text, or undefined for a call that went well. */
  readonly error: string | undefined
  readonly costUsd: string | undefined
  /** Input and output. */
  readonly tokens: number | undefined
  /** The same for two calls that asked the same; undefined where the request is not kept. */
  readonly requestKey: string | undefined
}

export interface CallsSummary {
  readonly traceIds: readonly string[]
  /** Plain decimal; undefined where one call does not say. */
  readonly costUsd: string | undefined
  readonly tokens: number | undefined
  /** Calls whose answer the task app did not get, and did not get by asking again. */
  readonly lost: number
  /** Why the first of them was. */
  readonly lostBecause: string | undefined
  /** Of the first call that the budget refused. */
  readonly refusedBy: BudgetRefusal | undefined
}

/** What has no budget left: the key that the calls are charged to, or the session. */
export type BudgetRefusal = 'key' | 'session'

const SESSION_CODES = Object.entries(errorCodes)
  .filter(([code, { type }]) => type === 'usage_limit_reached' && code !== 'key_cost_limit')
  .map(([code]) => code)

/** Of a text, a body or an error's code; undefined for what is no refusal for want of budget. */
export function readBudgetRefusal(text: string): BudgetRefusal | undefined {
  if (text.includes('key_cost_limit')) return 'key'
  return SESSION_CODES.some((code) => text.includes(code)) ? 'session' : undefined
}

/** @param calls of one trial, oldest first */
export function summarizeCalls(calls: readonly TracedCall[]): CallsSummary {
  const lost = calls.filter((call, index) => isLost(call) && !isMadeGood(call, calls.slice(index)))
  return {
    traceIds: calls.map(({ traceId }) => traceId),
    costUsd: sumUsd(calls.map(({ costUsd }) => costUsd)),
    tokens: sumOf(calls.map(({ tokens }) => tokens)),
    lost: lost.length,
    lostBecause: lost[0] === undefined ? undefined : causeOf(lost[0]),
    refusedBy: calls.map(refusalOf).find((refusal) => refusal !== undefined),
  }
}

/** A 4xx is an answer, which the app got: a context that is too long is its own affair. 429 is not. */
function isLost(call: TracedCall): boolean {
  const { complete, httpStatus } = call
  if (httpStatus !== undefined && httpStatus >= 400) return httpStatus === 429 || httpStatus >= 500
  return !complete || refusalOf(call) !== undefined
}

const refusalOf = ({ error }: TracedCall): BudgetRefusal | undefined =>
  error === undefined ? undefined : readBudgetRefusal(error)

/** Clients repeat what failed: the app has the answer then, and lacks nothing. */
function isMadeGood({ requestKey }: TracedCall, later: readonly TracedCall[]): boolean {
  if (requestKey === undefined) return false
  return later.some(
    (call) => call.requestKey === requestKey && !isLost(call) && call.error === undefined,
  )
}

function causeOf({ complete, httpStatus, error }: TracedCall): string {
  if (error !== undefined) return error
  return complete ? `HTTP ${httpStatus}` : 'its answer was cut'
}

/** Plain decimal, exact; undefined where one is missing or is no amount. */
export function sumUsd(amounts: readonly (string | undefined)[]): string | undefined {
  let sum = 0n
  for (const amount of amounts) {
    const parsed = amount === undefined ? undefined : parseUsd(amount)
    if (parsed?.ok !== true) return undefined
    sum += parsed.value
  }
  return formatBillionths(sum)
}

function sumOf(counts: readonly (number | undefined)[]): number | undefined {
  let sum = 0
  for (const count of counts) {
    if (count === undefined) return undefined
    sum += count
  }
  return sum
}
