/** Before anything is opened: is the task app there, does it take the key, what is its task. */
import type { Dialect } from '../../rollout/request.ts'
import type { TaskInfo } from '../../rollout/task-info.ts'
import type { Refused, TaskApp } from '../../task-app/client.ts'
import { TaskAppError } from '../../task-app/http.ts'

export type Preflight =
  | {
      readonly ok: true
      readonly dialect: Dialect
      readonly info: TaskInfo | undefined
      /** What a container's prompt program starts from. */
      readonly fields: Readonly<Record<string, string>>
    }
  | Refused

/** Each of these questions is answered from memory, also by an app that loads its data at its start. */
const TIMEOUT_MS = 15_000

export async function preflight(
  taskApp: TaskApp,
  wanted: Dialect | 'auto',
  firstSeed: number,
  stop: AbortSignal,
): Promise<Preflight> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  const signal = AbortSignal.any([stop, timeout])
  try {
    const health = await taskApp.health(signal)
    if (!health.ok) return health
    const task = await taskApp.taskInfo(firstSeed, signal)
    if (!task.ok) return task
    const dialect = wanted === 'auto' ? await taskApp.detectDialect(signal) : wanted
    const fields = dialect === 'container' ? await taskApp.seedFields(signal) : {}
    return { ok: true, dialect, info: task.info, fields }
  } catch (cause) {
    stop.throwIfAborted()
    if (timeout.aborted) return down(`did not answer within ${TIMEOUT_MS / 1000} s`)
    if (cause instanceof TaskAppError) return down(cause.message)
    throw cause
  }
}

const down = (reason: string): Preflight => ({ ok: false, reason, isKeyRefused: false })
