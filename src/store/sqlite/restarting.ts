/** Starts the database's thread again when it has died under us, at most once a second. */
import type { SendAny, Thread } from './thread.ts'

const RESTART_MS = 1_000

export interface RestartingOptions {
  readonly start: () => Promise<Thread>
  readonly monotonicMs: () => number
}

/** @throws {StoreUnavailable} if the first start fails */
export async function startRestarting({
  start,
  monotonicMs,
}: RestartingOptions): Promise<Pick<Thread, 'send' | 'close'>> {
  let thread = await start()
  let restarting: Promise<void> | undefined
  let triedAtMs = Number.NEGATIVE_INFINITY

  const restart = async (): Promise<void> => {
    try {
      thread = await start()
    } catch {
      // The dead thread goes on saying what is wrong; the next request in a second tries again.
    } finally {
      restarting = undefined
    }
  }
  const restartIfDead = (): void => {
    if (thread.gone === undefined || thread.gone.fault === 'closed') return
    if (restarting !== undefined || monotonicMs() - triedAtMs < RESTART_MS) return
    triedAtMs = monotonicMs()
    restarting = restart()
  }

  const send: SendAny = (request) => {
    restartIfDead()
    return restarting === undefined
      ? thread.send(request)
      : restarting.then(() => thread.send(request))
  }
  return {
    send,
    async close() {
      await restarting
      await thread.close()
    },
  }
}
