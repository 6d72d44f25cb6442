/**
 * A clock whose tasks may fail. Nobody stands above a timer, so a fault in one would end the process
 * and every answer in it, where it should end one call.
 */
import type { Clock } from './ports.ts'

export function guardTimers(clock: Clock, onFault: (cause: unknown) => void): Clock {
  return {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs, task) =>
      clock.after(delayMs, () => {
        try {
          task()
        } catch (cause) {
          onFault(cause)
        }
      }),
  }
}
