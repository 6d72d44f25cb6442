/** What a long history costs on its way in: accepted whole, and linear in its size. */
import type { Lab, Load } from '../lab.ts'
import type { Row } from '../report.ts'
import { buildHistory } from '../requests.ts'
import { takeTurns, toGrowthRows, withTargets } from '../turns.ts'

const GOAL = 1.25
const CONNECTIONS = 2
const BYTES_PER_TURN = 60_000_000
const SIZES = [
  { name: '300 KB', bytes: 300_000 },
  { name: '1 MB', bytes: 1_000_000 },
  { name: '3 MB', bytes: 3_000_000 },
]

export function measureHistory(lab: Lab): Promise<Row[]> {
  const loads = SIZES.map(({ bytes }): Load => {
    const streams = Math.max(CONNECTIONS, Math.round((BYTES_PER_TURN * lab.scale) / bytes))
    return { ...buildHistory(bytes), streams, connections: CONNECTIONS }
  })
  return withTargets(lab, async (targets) => {
    const measured = await takeTurns(lab, targets, {
      loads,
      toValue: ({ cpuMicros }, { streams, body }) =>
        cpuMicros / 1000 / ((streams * body.length) / 1e6),
    })
    const names = SIZES.map(({ name }) => `a history of ${name}`)
    return toGrowthRows(names, 'CPU ms/MB', measured, GOAL)
  })
}
