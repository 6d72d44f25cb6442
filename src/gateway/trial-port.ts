/** Where trials are kept. */
import type { Trial } from '../trial/trial.ts'

/**
 * Whose a trial's id is: an id that somebody chose is one only among its owner's; a minted one, which
 * opens to whoever has it, is looked for without an owner.
 */
export interface TrialReference {
  readonly trialId: string
  /** '' for a minted id. */
  readonly scope: string
}

export interface TrialStore {
  /** Durable before it fulfils. Takes the place of one with the same reference. */
  saveTrial(reference: TrialReference, trial: Trial, nowMs: number): Promise<void>
  /** Also one that has expired, for a day. */
  findTrial(reference: TrialReference): Promise<Trial | null>
}
