/** Targets taking turns at the same work, which is how every CPU figure is made. */
import type { Lab, Load, Turn } from './lab.ts'
import type { Row } from './report.ts'
import { median, ratios, spread } from './statistics.ts'
import type { Target } from './targets.ts'

/** Values by target name, one per round, in the order of the rounds. */
export type Rounds = Readonly<Record<string, readonly number[]>>

/** Starts every plan's target for the time of `work`. */
export async function withTargets<T>(
  lab: Lab,
  work: (targets: readonly Target[]) => Promise<T>,
): Promise<T> {
  const targets: Target[] = []
  try {
    for (const plan of lab.plans) targets.push(await lab.start(plan))
    return await work(targets)
  } finally {
    for (const target of targets) await target.stop()
  }
}

export interface Contest {
  readonly loads: readonly Load[]
  readonly toValue: (turn: Turn, load: Load) => number
  /** How many rounds, if not the lab's own number. */
  readonly rounds?: number
  /** Run before each turn without counting: a target that has slept starts with cold caches. */
  readonly leadIn?: Load
}

/** Reads one answer exactly, then runs the load once, uncounted. */
async function prepare(lab: Lab, target: Target, load: Load): Promise<() => Promise<Turn>> {
  const expected = await lab.guard(target, load)
  const turn = () => lab.measure(target, load, expected)
  await turn()
  return turn
}

/**
 * Lets the targets take turns: within a round every target does every load, so that what a round's
 * ratio compares happened within seconds.
 *
 * @returns one `Rounds` per load
 */
export async function takeTurns(
  lab: Lab,
  targets: readonly Target[],
  { loads, toValue, rounds = lab.rounds, leadIn }: Contest,
): Promise<Rounds[]> {
  const contests = []
  for (const load of loads) {
    const contenders = []
    for (const target of targets) {
      const lead = leadIn && (await prepare(lab, target, leadIn))
      const turn = await prepare(lab, target, load)
      contenders.push({ name: target.name, lead, turn, values: [] as number[] })
    }
    contests.push({ load, contenders })
  }
  for (let round = 0; round < rounds; round++) {
    for (const { load, contenders } of contests) {
      for (const { lead, turn, values } of contenders) {
        await lead?.()
        values.push(toValue(await turn(), load))
      }
    }
  }
  return contests.map(({ contenders }) =>
    Object.fromEntries(contenders.map(({ name, values }) => [name, values])),
  )
}

export function toMedians(rounds: Rounds): Record<string, number> {
  return Object.fromEntries(Object.entries(rounds).map(([name, values]) => [name, median(values)]))
}

/** The usual row: the bridge's value ÷ the pipe's, round by round. */
export function toRatioRow(what: string, unit: string, rounds: Rounds, goal?: number): Row {
  const { pipe = [], bridge = [], before } = rounds
  const verdict = { name: 'bridge ÷ pipe', spread: spread(ratios(bridge, pipe)) }
  return {
    what,
    unit,
    values: toMedians(rounds),
    verdict: goal === undefined ? verdict : { ...verdict, goal },
    change: before && spread(ratios(bridge, before)),
  }
}

/** The bridge's own value at each load ÷ its value at the first: 1 is flat. */
export function toGrowthRows(
  names: readonly string[],
  unit: string,
  measured: readonly Rounds[],
  goal: number,
): Row[] {
  const first = measured[0]?.['bridge'] ?? []
  return measured.map((rounds, n) => {
    const row = { what: names[n] ?? '', unit, values: toMedians(rounds) }
    if (n === 0) return row
    const growth = spread(ratios(rounds['bridge'] ?? [], first))
    return { ...row, verdict: { name: 'bridge ÷ its first row', spread: growth, goal } }
  })
}
