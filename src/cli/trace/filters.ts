/** The filters that `list` and `export` have in common. */
import type { ListTracesQuery } from '../bridge/api.ts'

export interface FilterFlags {
  readonly session?: string
  readonly trial?: string
  readonly job?: string
  readonly correlation?: string
  readonly model?: string
  readonly status?: string
}

export function filtersOf(flags: FilterFlags): ListTracesQuery {
  const { session, trial, job, correlation, model, status } = flags
  return {
    ...(session === undefined ? {} : { session_id: session }),
    ...(trial === undefined ? {} : { trial_id: trial }),
    ...(job === undefined ? {} : { job_id: job }),
    ...(correlation === undefined ? {} : { correlation_id: correlation }),
    ...(model === undefined ? {} : { model }),
    ...(status === undefined ? {} : { status }),
  }
}
