/**
 * What runs here and would be left behind if this bridge died: responses in the background, and locks
 * of conversations. Once a second the store is told that they are alive; whatever was not for
 * `LEASE_MS` is anybody's to end. A bridge that was only slow loses nothing by it: what it saves at the
 * end stands.
 */
import type { Clock } from '../ports.ts'
import type { ResponseStore } from './port.ts'

const LEASE_MS = 10_000
const EXTEND_MS = 1_000

export interface Leases {
  /** Until when something that begins now counts as running. */
  untilMs(): number
  /** @param onCancel another bridge was asked to stop it */
  hold(responseId: string, onCancel: () => void): void
  drop(responseId: string): void
}

export function createLeases(store: Pick<ResponseStore, 'extend'>, clock: Clock): Leases {
  const held = new Map<string, () => void>()
  let cancelTick: (() => void) | undefined

  const untilMs = () => clock.nowMs() + LEASE_MS

  const tick = (): void => {
    store
      .extend({ responseIds: [...held.keys()], untilMs: untilMs() })
      .then((asked) => {
        for (const responseId of asked) held.get(responseId)?.()
      })
      .catch(() => {
        // The store is away just now. What it loses by that is saved at the end all the same.
      })
    cancelTick = clock.after(EXTEND_MS, tick)
  }

  return {
    untilMs,
    hold(responseId, onCancel) {
      held.set(responseId, onCancel)
      cancelTick ??= clock.after(EXTEND_MS, tick)
    },
    drop(responseId) {
      held.delete(responseId)
      if (held.size > 0) return
      // A timer left behind would keep a process that is to stop.
      cancelTick?.()
      cancelTick = undefined
    },
  }
}
