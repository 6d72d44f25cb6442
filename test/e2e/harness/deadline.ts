/** Every wait of the end-to-end tests has a limit and a name, so that a hang says what it waited for. */

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
