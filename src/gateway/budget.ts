/**
 * The budget as the gate in front of every call: finds the session, holds an upper bound durably, and
 * hands back the hold that will be settled.
 *
 * @see ../../docs/budgets.md for what it promises
 */
import { type Account, type LimitWarning, roomFor } from '../budget/account.ts'
import { type CallTerms, clampOf, firstHold } from '../budget/call-bounds.ts'
import type { PriceDecision } from '../budget/find-price.ts'
import { boundInputTokens, measureRequest } from '../budget/input-bound.ts'
import type { LimitTerms } from '../budget/limit.ts'
import { type Amounts, mapAmounts } from '../budget/metric.ts'
import type { ReserveResult } from '../budget/operation.ts'
import { plainTerms } from '../budget/session.ts'
import { BridgeError } from '../errors.ts'
import { budgetHeaders } from './budget-headers.ts'
import { BudgetHold } from './budget-hold.ts'
import { priceUnknown, toRefusal, toSessionError } from './budget-refusal.ts'
import { type Calibrations, calibrationKey } from './calibrations.ts'
import type { CallIdentity } from './identity.ts'
import { type LedgerStore, StoreUnavailable } from './ledger-port.ts'
import type { ResolvedModel } from './models.ts'
import type { Clock } from './ports.ts'
import type { Hold, Intent, Spending } from './spending.ts'

export interface BudgetOptions {
  readonly store: LedgerStore
  readonly clock: Clock
  readonly calibrations: Calibrations
  readonly newHoldId: () => string
  readonly priceOf: (resolved: ResolvedModel) => PriceDecision
  /** Limits of a session that opens by itself. */
  readonly sessionLimits: readonly LimitTerms[]
  /** Whether a client may opt out of sessions. */
  readonly mayOptOut: boolean
  readonly admissionWaitMs: number
  /** Told when a limit's warning threshold is crossed. */
  readonly onWarning: (warning: LimitWarning, requestId: string) => void
  /** Told when a settlement could not be written; the store goes on trying. */
  readonly onStoreFault: (error: StoreUnavailable, requestId: string) => void
}

/** How often a call looks for another session when the one it found ends under its hands. */
const ATTACH_TRIES = 3

type OnExhausted = Parameters<Spending['admit']>[1]

export function createBudget(options: BudgetOptions): Spending {
  return {
    admit: async (intent, onExhausted, signal) => {
      try {
        return await admit(options, intent, onExhausted, signal, ATTACH_TRIES)
      } catch (cause) {
        if (!(cause instanceof StoreUnavailable)) throw cause
        throw new BridgeError('store_unavailable', `The budget cannot be kept: ${cause.message}`, {
          cause,
        })
      }
    },
  }
}

async function admit(
  options: BudgetOptions,
  intent: Intent,
  onExhausted: OnExhausted,
  signal: AbortSignal,
  tries: number,
): Promise<Hold> {
  const { store, clock, calibrations } = options
  const { identity, resolved } = intent
  const sessionId = await attach(options, identity)
  const size = measureRequest(intent.body, Buffer.byteLength(intent.body))
  const learnt = calibrationKey(sessionId, identity.caller.keyName, resolved.upstreamModel)
  const terms: CallTerms = {
    price: undefined,
    inputTokens: boundInputTokens(size, calibrations.get(learnt)),
    milliGpus: milliGpusOf(resolved),
    maxOutputTokens: intent.maxOutputTokens,
  }
  const decision = options.priceOf(resolved)
  const priced = decision.known ? { ...terms, price: decision.price } : terms
  const { wanted, atLeast } = firstHold(priced)
  const holdId = options.newHoldId()
  const nowMs = clock.nowMs()
  const result = await store.reserve(
    {
      holdId,
      sessionId,
      ceiling: identity.caller.ceiling,
      wanted,
      atLeast,
      sent: true,
      call: {
        orgId: identity.caller.orgId,
        userId: identity.caller.userId,
        requestId: identity.requestId,
        apiKeyId: identity.caller.keyId,
        model: resolved.model.name,
        clientRequestId: identity.clientRequestId ?? null,
        details: { upstream: resolved.upstream.name, upstream_model: resolved.upstreamModel },
      },
    },
    nowMs,
    { waitMs: options.admissionWaitMs, signal },
  )
  if (!result.ok) {
    // The session was ended between the two: a call that named none gets the one that is active now.
    const isOver = result.reason === 'session_ended' || result.reason === 'session_expired'
    if (isOver && namedSession(identity) === undefined && tries > 1) {
      return admit(options, intent, onExhausted, signal, tries - 1)
    }
    throw refusalOf(result, intent, nowMs)
  }
  if (!decision.known && limitsCost(result.session, identity)) {
    await store.void(holdId, clock.nowMs())
    throw priceUnknown(resolved, decision.tomlLine)
  }
  const clamp = clampOf(priced, roomWithHold(result.session, result.granted, nowMs))
  return new BudgetHold({
    store,
    clock,
    holdId,
    sessionId,
    // An answer that the upstream ends at the clamp needs no more than the clamp.
    terms: clamp === undefined ? priced : { ...priced, maxOutputTokens: clamp },
    granted: result.granted,
    clamp,
    headers: budgetHeaders(result.session, result.warnings, nowMs),
    responseId: intent.responseId,
    showsEstimate: resolved.model.usage === 'estimate',
    onExhausted,
    onStoreFault: (error) => options.onStoreFault(error, identity.requestId),
    onWarning: (warning) => options.onWarning(warning, identity.requestId),
    onUsage: (inputTokens) => calibrations.learn(learnt, size, inputTokens),
  })
}

/** The id of the session that the call belongs to, or null for one that opted out. */
async function attach(options: BudgetOptions, identity: CallIdentity): Promise<string | null> {
  const { store, clock, sessionLimits } = options
  const { caller, optOut } = identity
  const sessionId = namedSession(identity)
  if (optOut && !options.mayOptOut) {
    throw new BridgeError(
      'forbidden',
      'X-No-Session is not allowed here (session.allow_no_session). Leave the header out.',
    )
  }
  const target = optOut
    ? ({ by: 'none' } as const)
    : caller.boundSessionId !== null
      ? ({ by: 'bound_key', sessionId: caller.boundSessionId } as const)
      : sessionId !== undefined
        ? ({ by: 'name', sessionId } as const)
        : ({ by: 'owner', terms: plainTerms(sessionLimits) } as const)
  const { orgId, userId, keyId } = caller
  const result = await store.attach({ orgId, userId, apiKeyId: keyId, target }, clock.nowMs())
  if (result.ok) return result.session?.sessionId ?? null
  throw toSessionError(result.reason, sessionId ?? '', identity.clientKind)
}

function refusalOf(
  result: Extract<ReserveResult, { ok: false }>,
  { identity }: Intent,
  nowMs: number,
): Error {
  if (result.reason === 'limit') {
    const headers = budgetHeaders(result.session, [], nowMs)
    return toRefusal(result.refusal, identity.clientKind, headers)
  }
  if (result.reason === 'hold_exists') return new Error('a hold id was drawn twice')
  return toSessionError(
    result.reason === 'unknown_session' ? 'not_found' : result.reason,
    namedSession(identity) ?? '',
    identity.clientKind,
  )
}

/**
 * The session that a call must go to and no other: the one its key is bound to, or that it names.
 *
 * @throws {BridgeError} forbidden where a key asks for another session than its own, or for none
 */
function namedSession({ caller, sessionId, optOut }: CallIdentity): string | undefined {
  const bound = caller.boundSessionId
  if (bound === null) return sessionId
  if (optOut || (sessionId !== undefined && sessionId !== bound)) {
    const header = optOut ? 'X-No-Session' : 'X-Synth-Session-ID'
    throw new BridgeError(
      'forbidden',
      `This key belongs to session ${bound} and can spend from no other. Leave the header ${header} out.`,
    )
  }
  return bound
}

/** Whether dollars are limited: by the session, or by a ceiling of the key. */
function limitsCost(session: Account | null, identity: CallIdentity): boolean {
  if (identity.caller.ceiling?.terms.metric === 'cost_usd') return true
  return (
    session?.limits.some((limit) => limit.metric === 'cost_usd' && limit.kind.type !== 'soft') ??
    false
  )
}

/** What the call could come to hold: what it has, and what nobody else has. */
function roomWithHold(session: Account | null, granted: Amounts, nowMs: number): Amounts {
  if (session === null) return UNBOUNDED
  return mapAmounts((metric) => {
    const room = roomFor(session, metric, nowMs)
    return room === undefined ? UNBOUNDED[metric] : room + granted[metric]
  })
}

const UNBOUNDED: Amounts = mapAmounts(() => 2n ** 52n)

/** Rounded up: a share too small to count would be no GPU at all, and have no limit. */
function milliGpusOf({ model }: ResolvedModel): bigint {
  const [whole = '0', fraction = ''] = model.gpus.split('.')
  const rest = /[1-9]/.test(fraction.slice(3)) ? 1n : 0n
  return BigInt(whole) * 1000n + BigInt(fraction.slice(0, 3).padEnd(3, '0')) + rest
}
