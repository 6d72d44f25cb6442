/**
 * Where a rollout stands that a container may run asynchronously: `202`, or a body whose status says so.
 *
 * ```
 *   posted ──running──▶ polled ──running──▶ polled ──ended──▶ reward
 *                                              └────failed──▶ cause
 * ```
 */
import { isRecord, textOf } from '../translate/narrow.ts'
import { shorten } from './shorten.ts'

export type Progress =
  | { readonly at: 'running'; readonly rolloutId: string }
  /** Its reward is what is left to read. */
  | { readonly at: 'ended' }
  /** `reason` completes "The task app …". */
  | { readonly at: 'failed'; readonly reason: string }

const RUNNING = new Set(['running', 'queued', 'pending', 'in_progress', 'starting', 'created'])
const OVER = new Set(['completed', 'succeeded', 'success', 'done', 'ok'])
const FAILED = new Set([
  'failed',
  'error',
  'errored',
  'cancelled',
  'canceled',
  'terminated',
  'timeout',
  'timed_out',
  'expired',
])

/**
 * `success_status` says whether the task was solved, which is the reward's business: a container that
 * answers `failed` there with a reward of 0 has run as it should.
 *
 * @param rolloutId of a rollout that is polled already
 */
export function readProgress(status: number, answer: unknown, rolloutId?: string): Progress {
  if (!isRecord(answer)) {
    return status === 202
      ? { at: 'failed', reason: 'answered HTTP 202 without a rollout_id to ask for' }
      : { at: 'ended' }
  }
  const said = textOf(answer['status']).toLowerCase()
  if (FAILED.has(said))
    return { at: 'failed', reason: `says that the rollout ${said}${detailOf(answer)}` }
  if (answer['aborted'] === true) {
    return { at: 'failed', reason: `says that it aborted the rollout${detailOf(answer)}` }
  }
  if (!RUNNING.has(said) && (status !== 202 || OVER.has(said))) return { at: 'ended' }
  const id = rolloutId ?? (textOf(answer['rollout_id']) || textOf(answer['id']))
  if (id === '') {
    return { at: 'failed', reason: `answered HTTP ${status} without a rollout_id to ask for` }
  }
  return { at: 'running', rolloutId: id }
}

function detailOf(answer: Readonly<Record<string, unknown>>): string {
  const { error } = answer
  const detail =
    textOf(answer['status_detail']) ||
    textOf(error) ||
    (isRecord(error) ? textOf(error['message']) : '') ||
    textOf(answer['message'])
  return detail === '' ? '' : `: ${shorten(detail)}`
}
