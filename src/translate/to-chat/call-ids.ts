/**
 * Call ids, each once: some upstreams begin anew with `call_1` in every answer, some clients repeat
 * an id within one. What an id becomes depends on the ids before it alone, so that a growing history
 * keeps its ids.
 */

export interface CallIds {
  /** `id` the first time, `id_2`, `id_3`, … after; `call_N` for the Nth call when it came with none. */
  next(id: string | undefined): string
}

export function createCallIds(): CallIds {
  const used = new Set<string>()
  const repeats = new Map<string, number>()
  let calls = 0
  return {
    next: (id) => {
      calls++
      const wanted = id ?? `call_${calls}`
      let unique = wanted
      for (let count = repeats.get(wanted) ?? 1; used.has(unique); ) {
        count++
        unique = `${wanted}_${count}`
        repeats.set(wanted, count)
      }
      used.add(unique)
      return unique
    },
  }
}
