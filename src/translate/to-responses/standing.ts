/** The members of a response that its ending decides, in progress and at the end. */
import type { ResponseProgress } from '../../protocol/responses/response.ts'
import type { Usage } from '../../protocol/usage.ts'
import type { AnswerOutcome } from '../answer.ts'
import { toResponseUsage } from '../usage.ts'
import { toResponseFailure } from './failure.ts'

export type Standing = Omit<ResponseProgress, 'output' | 'metadata'>

/** How an answer ended, before anybody is told. */
export interface Result {
  readonly outcome: AnswerOutcome
  readonly incompleteReason: 'max_output_tokens' | 'content_filter' | undefined
}

export const IN_PROGRESS: Standing = {
  status: 'in_progress',
  completed_at: null,
  incomplete_details: null,
  error: null,
  usage: null,
}

/** @param estimate Stands in for a usage that the upstream left out. */
export function standingOf(
  { outcome, incompleteReason }: Result,
  estimate: Usage | undefined,
  completedAt: number,
): Standing {
  const usage = outcome.usage ?? estimate
  return {
    status: outcome.status,
    completed_at: outcome.status === 'completed' ? completedAt : null,
    incomplete_details: incompleteReason === undefined ? null : { reason: incompleteReason },
    error: outcome.error === undefined ? null : toResponseFailure(outcome.error),
    usage: usage === undefined ? null : toResponseUsage(usage),
  }
}
