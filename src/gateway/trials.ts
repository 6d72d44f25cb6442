/**
 * Trials: who may call through which, on whose account, and what the call becomes by it. Behind this a
 * call goes the way of every other.
 */
import { BridgeError } from '../errors.ts'
import { correlationIdOf, type TrialAddress } from '../trial/address.ts'
import { applyCandidate } from '../trial/apply-candidate.ts'
import {
  type CallTrial,
  isMintedTrialId,
  showTrialId,
  type Trial,
  type TrialTerms,
} from '../trial/trial.ts'
import type { Caller } from './identity.ts'
import { type LedgerStore, StoreUnavailable } from './ledger-port.ts'
import type { TrialReference, TrialStore } from './trial-port.ts'

export interface TrialsOptions {
  readonly store: TrialStore & Pick<LedgerStore, 'getSession'>
  readonly nowMs: () => number
  /** At least 128 random bits: whoever has the id may call. */
  readonly mintTrialId: () => string
  /** Whether a trial that nobody registered passes through. */
  readonly allowsUnregistered: boolean
  /** Who registered it, with what that key may do now; undefined where the key is no longer one. */
  readonly ownerOf: (trial: Trial) => Caller | undefined
}

/** Who calls, as far as it is needed: a minted id is enough by itself. */
export type Authenticate = () => Caller

export interface OpenTrial {
  readonly caller: Caller
  readonly address: TrialAddress
  /** Undefined for a call that passes through without one. */
  readonly trial: Trial | undefined
}

export interface Trials {
  /**
   * @throws {BridgeError} not_found for a session that is not the caller's, session_not_active
   */
  register(caller: Caller, terms: TrialTerms): Promise<Trial>
  /**
   * @throws {BridgeError} not_found, trial_expired; what `authenticate` throws where the id is not enough
   */
  open(address: TrialAddress, authenticate: Authenticate): Promise<OpenTrial>
}

const scopeOf = ({ orgId, userId }: Caller): string => `${orgId} ${userId}`

function referenceOf(trialId: string, owner: Caller): TrialReference {
  return { trialId, scope: isMintedTrialId(trialId) ? '' : scopeOf(owner) }
}

export function createTrials(options: TrialsOptions): Trials {
  const { store, nowMs, ownerOf } = options

  const checkSession = async (caller: Caller, sessionId: string): Promise<void> => {
    const { orgId, userId, boundSessionId } = caller
    const mayBeNamed = boundSessionId === null || boundSessionId === sessionId
    const session = mayBeNamed
      ? await store.getSession({ orgId, userId, sessionId }, nowMs())
      : null
    if (session === null) {
      const message = `session_id: no session ${JSON.stringify(sessionId.slice(0, 80))}.`
      throw new BridgeError('not_found', message, { param: 'session_id' })
    }
    const { status } = session.account
    if (status === 'active' || status === 'limit_exceeded') return
    throw new BridgeError('session_not_active', `session_id: session "${sessionId}" is over.`, {
      param: 'session_id',
    })
  }

  const openMinted = async (address: TrialAddress): Promise<OpenTrial> => {
    const trial = await store.findTrial({ trialId: address.trialId, scope: '' })
    const caller = trial === null ? undefined : ownerOf(trial)
    if (trial === null || caller === undefined) throw notFound(address.trialId)
    return { caller, address, trial }
  }

  const openChosen = async (address: TrialAddress, authenticate: Authenticate) => {
    const caller = authenticateHere(authenticate, address.trialId)
    const trial = await store.findTrial(referenceOf(address.trialId, caller))
    if (trial === null && !options.allowsUnregistered) throw notFound(address.trialId)
    return { caller, address, trial: trial ?? undefined }
  }

  const authenticateHere = (authenticate: Authenticate, trialId: string): Caller => {
    try {
      return authenticate()
    } catch (cause) {
      // Where nothing passes through, a stranger is not told whether somebody has such a trial.
      throw options.allowsUnregistered ? cause : notFound(trialId)
    }
  }

  return {
    async register(caller, terms) {
      const sessionId = terms.sessionId ?? caller.boundSessionId
      if (sessionId !== null) await available(checkSession(caller, sessionId))
      const trialId = terms.trialId ?? options.mintTrialId()
      const createdAtMs = nowMs()
      const { jobId, seed, stageKey, model, candidate, ttlMs } = terms
      const trial: Trial = {
        trialId,
        orgId: caller.orgId,
        userId: caller.userId,
        apiKeyId: caller.keyId,
        correlationId: correlationIdOf(trialId),
        jobId,
        seed,
        stageKey,
        model,
        candidate,
        sessionId,
        createdAtMs,
        expiresAtMs: createdAtMs + ttlMs,
      }
      await available(store.saveTrial(referenceOf(trialId, caller), trial, createdAtMs))
      return trial
    },

    async open(address, authenticate) {
      const opened = await available(
        isMintedTrialId(address.trialId) ? openMinted(address) : openChosen(address, authenticate),
      )
      const { trial } = opened
      if (trial !== undefined && trial.expiresAtMs <= nowMs()) {
        const over = new Date(trial.expiresAtMs).toISOString()
        throw new BridgeError(
          'trial_expired',
          `The trial ${showTrialId(trial.trialId)} expired at ${over}. Register a new one.`,
        )
      }
      return opened
    },
  }
}

/**
 * The request with what its trial adds: the model where it names none, and the candidate.
 *
 * @throws {BridgeError} candidate_unmatched
 */
export function shapeTrialCall(
  json: unknown,
  { address, trial }: OpenTrial,
): { readonly json: unknown; readonly trial: CallTrial } {
  const candidate = trial?.candidate ?? null
  const named = withModel(json, address.model ?? trial?.model ?? undefined)
  const applied = candidate === null ? null : applyCandidate(named, address.api, candidate)
  const [unmatched] = applied?.unmatched ?? []
  if (candidate?.strict === true && unmatched !== undefined) {
    const param = `replacements[${unmatched}]`
    throw new BridgeError(
      'candidate_unmatched',
      `${param} of the candidate of trial ${showTrialId(address.trialId)} matches nothing in this request, and the candidate is strict. Nothing was sent.`,
      { param },
    )
  }
  return {
    json: applied?.json ?? named,
    trial: {
      trialId: address.trialId,
      isRegistered: trial !== undefined,
      correlationId:
        address.correlationId ?? trial?.correlationId ?? correlationIdOf(address.trialId),
      jobId: trial?.jobId ?? null,
      seed: trial?.seed ?? null,
      stageKey: trial?.stageKey ?? null,
      query: address.query,
      candidate:
        candidate === null || applied === null
          ? null
          : { id: candidate.id, changes: applied.changes, unmatched: applied.unmatched },
    },
  }
}

/** Some task apps send `"model": null` and leave the choice to the trial. */
function withModel(json: unknown, model: string | undefined): unknown {
  if (model === undefined || typeof json !== 'object' || json === null) return json
  if (!('model' in json) || json.model === null || json.model === '') return { ...json, model }
  return json
}

function notFound(trialId: string): BridgeError {
  const way = isMintedTrialId(trialId)
    ? 'It was never registered here, or expired long ago.'
    : 'Register it with POST /api/interceptor/v1/trials. An id that you chose yourself also needs your API key.'
  return new BridgeError('not_found', `No trial ${showTrialId(trialId)}. ${way}`)
}

/** @throws {BridgeError} store_unavailable */
async function available<Value>(work: Promise<Value>): Promise<Value> {
  try {
    return await work
  } catch (cause) {
    if (!(cause instanceof StoreUnavailable)) throw cause
    const message = `The trial cannot be looked up: ${cause.message}`
    throw new BridgeError('store_unavailable', message, { cause })
  }
}
