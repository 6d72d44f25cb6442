/**
 * Registering trials, in the bridge's own form and in Synth's older one.
 *
 * @see ../../docs/interceptor.md
 */
import type { Caller } from '../gateway/identity.ts'
import type { Trials } from '../gateway/trials.ts'
import { inferenceUrl } from '../trial/address.ts'
import { readRegisterTerms, readTrialTerms, type Trial } from '../trial/trial.ts'

export interface TrialRequest {
  readonly caller: Caller
  /** The `{trial}` of the path. */
  readonly trialId: string
  /** How the client reached the bridge, so that the URL it gets leads there too. */
  readonly origin: string
  readonly json: () => Promise<unknown>
}

export interface TrialAnswer {
  readonly status: 200 | 201
  readonly body: unknown
}

export type TrialHandler = (request: TrialRequest) => Promise<TrialAnswer>

function toJson(trial: Trial, origin: string) {
  return {
    trial_id: trial.trialId,
    correlation_id: trial.correlationId,
    inference_url: inferenceUrl(origin, trial),
    expires_at: new Date(trial.expiresAtMs).toISOString(),
  }
}

export function createTrialHandlers(trials: Pick<Trials, 'register'>) {
  return {
    create: async ({ caller, origin, json }) => {
      const trial = await trials.register(caller, readTrialTerms(await json()))
      return { status: 201, body: toJson(trial, origin) }
    },
    register: async ({ caller, trialId, origin, json }) => {
      const trial = await trials.register(caller, readRegisterTerms(await json(), trialId))
      return { status: 200, body: toJson(trial, origin) }
    },
  } satisfies Record<string, TrialHandler>
}

export type TrialRouteName = keyof ReturnType<typeof createTrialHandlers>
