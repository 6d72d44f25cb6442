/** Every wait of the end-to-end tests has a limit and a name, so that a hang says what it waited for. */
import { setTimeout as pause } from 'node:timers/promises'

/** The promise's value, or an error that names `label` after `ms`. */
export async function withDeadline<T>(label: string, ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${label}: nothing after ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

const LOOK_AGAIN_MS = 50

/** What `probe` finds once it finds something; looked for again and again, for want of an event. */
export async function eventually<T>(
  label: string,
  ms: number,
  probe: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const untilMs = performance.now() + ms
  for (;;) {
    const found = await probe()
    if (found !== undefined) return found
    if (performance.now() > untilMs) throw new Error(`${label}: nothing after ${ms} ms`)
    await pause(LOOK_AGAIN_MS)
  }
}
