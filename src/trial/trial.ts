/** A trial: one rollout's right to call, on whose account, with which model and which prompt. */
import { z } from 'zod'
import { BridgeError } from '../errors.ts'
import { readAs } from '../protocol/responses/read.ts'
import { checkId, isReservedTrialId, MAX_ID_CHARS } from './address.ts'
import { type Candidate, readCandidate } from './candidate.ts'
import type { Change } from './change.ts'

export interface Trial {
  readonly trialId: string
  /** Who registered it, and pays for its calls; a UUID each. */
  readonly orgId: string
  readonly userId: string
  /** The key that registered it, as a UUID; null for the local user. */
  readonly apiKeyId: string | null
  readonly correlationId: string
  readonly jobId: string | null
  readonly seed: number | null
  /** Synth's `{pipeline_id, stage_id}`, for the trace. */
  readonly stageKey: Readonly<Record<string, unknown>> | null
  /** Model of a call that names none. */
  readonly model: string | null
  readonly candidate: Candidate | null
  /** The one session that its calls spend from; null for the owner's active one. */
  readonly sessionId: string | null
  readonly createdAtMs: number
  readonly expiresAtMs: number
}

/** What a call knows of its trial. */
export interface CallTrial {
  readonly trialId: string
  /** False for a call that passes through without a trial. */
  readonly isRegistered: boolean
  readonly correlationId: string
  readonly jobId: string | null
  readonly seed: number | null
  readonly stageKey: Readonly<Record<string, unknown>> | null
  /** Unknown query parameters of the call's URL, in order; what looks like a secret is redacted. */
  readonly query: readonly (readonly [name: string, value: string])[]
  readonly candidate: CallCandidate | null
}

export interface CallCandidate {
  /** As the candidate names itself. */
  readonly id: string | null
  readonly changes: readonly Change[]
  /** Replacements that matched nothing, by their place in the candidate. */
  readonly unmatched: readonly number[]
}

/** Not of a length that a hash or UUID has: an id of this shape is taken for the bridge's own. */
const MINTED_ID = /^trial_[\w-]{28}$/

/** Whether whoever has it may call: the bridge drew it at random. */
export const isMintedTrialId = (trialId: string): boolean => MINTED_ID.test(trialId)

/** What may be said of an id in an error or a log: a minted one is a key. */
export function showTrialId(trialId: string): string {
  return isMintedTrialId(trialId)
    ? `"${trialId.slice(0, 10)}…"`
    : JSON.stringify(trialId.slice(0, 80))
}

export const DEFAULT_TTL_SECONDS = 86_400
export const MAX_TTL_SECONDS = 30 * 86_400

const IdSchema = z.string().min(1).max(MAX_ID_CHARS)
const TtlSchema = z.number().positive().max(MAX_TTL_SECONDS)

/** Loose: what else Synth's clients send is no reason to refuse. */
const TrialRequestSchema = z.looseObject({
  trial_id: IdSchema.nullish(),
  job_id: IdSchema.nullish(),
  seed: z.int().nullish(),
  stage_key: z.record(z.string(), z.unknown()).nullish(),
  policy: z.looseObject({ model: IdSchema.nullish() }).nullish(),
  candidate: z.unknown().optional(),
  session_id: IdSchema.nullish(),
  ttl_seconds: TtlSchema.nullish(),
})

/** Synth's older form: what `deltas` holds is not documented, but that an empty one changes nothing. */
const DeltasSchema = z.looseObject({ deltas: z.unknown().optional() })

/** What is asked for; the trial's id and time come from who registers it. */
export interface TrialTerms {
  /** Undefined for one that the bridge is to mint. */
  readonly trialId: string | undefined
  readonly jobId: string | null
  readonly seed: number | null
  readonly stageKey: Readonly<Record<string, unknown>> | null
  readonly model: string | null
  readonly candidate: Candidate | null
  readonly sessionId: string | null
  readonly ttlMs: number
}

/** @throws {BridgeError} invalid_request, invalid_candidate; `param` is the field's path */
export function readTrialTerms(json: unknown): TrialTerms {
  const read = readAs(TrialRequestSchema, json, '')
  const trialId = read.trial_id ?? undefined
  if (trialId !== undefined) checkChosenId(trialId)
  return toTerms(trialId, read, candidateAt(read.candidate, 'candidate'))
}

/**
 * The body of `debug/register_trial/{trial}`.
 *
 * @throws {BridgeError} invalid_request, invalid_candidate; `param` is the field's path
 */
export function readRegisterTerms(json: unknown, trialId: string): TrialTerms {
  const read = readAs(TrialRequestSchema, json, '')
  const { deltas } = readAs(DeltasSchema, json, '')
  checkChosenId(trialId)
  const candidate = candidateAt(read.candidate, 'candidate')
  return toTerms(trialId, read, candidate ?? candidateAt(withoutNothing(deltas), 'deltas'))
}

function candidateAt(json: unknown, at: string): Candidate | null {
  return json === undefined || json === null ? null : readCandidate(json, at)
}

/** `deltas` as a list of replacements, or as a candidate; empty, it is none. */
function withoutNothing(deltas: unknown): unknown {
  if (typeof deltas !== 'object' || deltas === null) return deltas
  if (Object.keys(deltas).length === 0) return null
  return Array.isArray(deltas) ? { replacements: deltas } : deltas
}

function toTerms(
  trialId: string | undefined,
  read: z.output<typeof TrialRequestSchema>,
  candidate: Candidate | null,
): TrialTerms {
  if (typeof read.session_id === 'string') checkId(read.session_id, 'session_id')
  return {
    trialId,
    jobId: read.job_id ?? null,
    seed: read.seed ?? null,
    stageKey: read.stage_key ?? null,
    model: read.policy?.model ?? null,
    candidate,
    sessionId: read.session_id ?? null,
    ttlMs: Math.ceil((read.ttl_seconds ?? DEFAULT_TTL_SECONDS) * 1000),
  }
}

function checkChosenId(trialId: string): void {
  checkId(trialId, 'trial_id')
  const problem = isMintedTrialId(trialId)
    ? 'has the shape of the ids that the bridge mints'
    : isReservedTrialId(trialId)
      ? 'is a part of the URL'
      : trialId.includes('/')
        ? 'has a slash'
        : undefined
  if (problem === undefined) return
  throw new BridgeError(
    'invalid_request',
    `trial_id ${JSON.stringify(trialId)} ${problem}. Choose another, or leave it out to get one.`,
    { param: 'trial_id' },
  )
}
