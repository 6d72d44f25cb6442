/**
 * How a run ends before its seeds do.
 *
 * ```
 *   going ──first Ctrl-C, no budget left, no trial to be had──▶ draining ──second Ctrl-C──▶ aborted
 * ```
 */
import type { CliContext } from '../context.ts'
import type { StopReason } from './report.ts'

export interface Stop {
  /** Undefined while seeds are taken. */
  readonly reason: StopReason | undefined
  /** Ends what comes before the first seed, and after that nothing: what runs comes to its end. */
  readonly draining: AbortSignal
  /** Ends what runs. */
  readonly aborted: AbortSignal
  /** Takes no more seeds. The first reason is the one that is told. */
  drain(reason: StopReason): void
}

/** @param onDrain once, with the reason */
export function createStop(context: CliContext, onDrain: (reason: StopReason) => void): Stop {
  const draining = new AbortController()
  const aborted = new AbortController()
  let reason: StopReason | undefined
  const drain = (given: StopReason): void => {
    if (reason !== undefined) return
    reason = given
    draining.abort(new Error(given))
    onDrain(given)
  }
  void context
    .interrupted()
    .then(() => {
      const isFirst = reason === undefined
      drain('interrupted')
      // While a run drains by itself, the first one already says that nobody wants to wait.
      return isFirst ? context.interrupted() : undefined
    })
    .then(() => aborted.abort(new Error('interrupted')))
  return {
    get reason() {
      return reason
    },
    draining: draining.signal,
    aborted: aborted.signal,
    drain,
  }
}
