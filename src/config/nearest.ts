/** What somebody probably meant. */

/** Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other. */
export function editDistance(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1]
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      current[column] = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwap ? (beforeLast[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      )
    }
    beforeLast = last
    last = current
  }
  return last[to.length] ?? 0
}

/** Names longer than this are no typing errors, and comparing them would cost their square. */
const MAX_COMPARED_LENGTH = 200

/** The candidates close enough to be meant, nearest first, at most `limit`. */
export function nearest(word: string, candidates: Iterable<string>, limit = 1): string[] {
  if (word.length > MAX_COMPARED_LENGTH) return []
  const wanted = word.toLowerCase()
  const allowed = Math.max(2, Math.floor(word.length / 3))
  const near: { candidate: string; distance: number }[] = []
  for (const candidate of new Set(candidates)) {
    if (Math.abs(candidate.length - word.length) > word.length + allowed) continue
    const spelling = candidate.toLowerCase()
    // `limit_cost` is meant for `limit_cost_usd`, however many letters that lacks.
    const isPart = wanted.length >= 3 && (spelling.includes(wanted) || wanted.includes(spelling))
    const distance = Math.min(editDistance(wanted, spelling), isPart ? allowed : Number.MAX_VALUE)
    if (distance <= allowed) near.push({ candidate, distance })
  }
  near.sort((a, b) => a.distance - b.distance)
  return near.slice(0, limit).map(({ candidate }) => candidate)
}
