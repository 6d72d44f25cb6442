/** Seeds side by side. */

/**
 * Works on items, `concurrency` at a time, taking the next one as long as `mayGoOn`. What runs comes to
 * its end whatever happens beside it.
 *
 * @throws the first thing that `work` threw, once all that was running has ended
 */
export async function runPool<T>(
  items: Iterable<T>,
  concurrency: number,
  work: (item: T) => Promise<void>,
  mayGoOn: () => boolean,
): Promise<void> {
  const iterator = items[Symbol.iterator]()
  let failure: { readonly cause: unknown } | undefined
  async function worker(): Promise<void> {
    while (failure === undefined && mayGoOn()) {
      const next = iterator.next()
      if (next.done === true) return
      try {
        await work(next.value)
      } catch (cause) {
        failure ??= { cause }
      }
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  if (failure !== undefined) throw failure.cause
}
