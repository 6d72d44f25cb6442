/** Which seeds a run covers, as they are named on a command line. */

/** Every whole number from `from` up to, but without, `to`. */
export interface SeedRange {
  readonly from: number
  readonly to: number
}

export type ParsedSeeds =
  | { readonly ok: true; readonly seeds: SeedRange }
  /** `reason` is a sentence without its full stop. */
  | { readonly ok: false; readonly reason: string }

/** A run of more would take days, and is more likely a slip. */
export const MAX_SEEDS = 1_000_000

/** `0:50` is 0 to 49. */
export function parseSeeds(text: string): ParsedSeeds {
  const [, first = '', last = ''] = /^(\d{1,15}):(\d{1,15})$/.exec(text.trim()) ?? []
  if (last === '') return refuse('It must be two whole numbers such as 0:50, which is 0 to 49')
  const seeds = { from: Number(first), to: Number(last) }
  const count = countSeeds(seeds)
  if (count <= 0) {
    return refuse(`${text} holds no seed: the second number is the first that is left out`)
  }
  if (count > MAX_SEEDS) {
    return refuse(`${text} holds ${count} seeds; ${MAX_SEEDS} is the most of one run`)
  }
  return { ok: true, seeds }
}

export const countSeeds = ({ from, to }: SeedRange): number => to - from

export function* eachSeed({ from, to }: SeedRange): Generator<number> {
  for (let seed = from; seed < to; seed += 1) yield seed
}

const refuse = (reason: string): ParsedSeeds => ({ ok: false, reason })
