/** Whether a chunk late in a long stream costs what a chunk of a short one does. */
import type { Lab, Load } from '../lab.ts'
import type { Row } from '../report.ts'
import { buildRequest } from '../requests.ts'
import { takeTurns, toGrowthRows, withTargets } from '../turns.ts'
import type { AnswerShape } from '../wire.ts'

const GOAL = 1.25
const CHUNKS_PER_TURN = 400_000
const CONNECTIONS = 4
const LENGTHS = [500, 5000, 50_000]

export function measureGrowth(lab: Lab): Promise<Row[]> {
  const loads = LENGTHS.map((deltas): Load => {
    const shape: AnswerShape = { kind: 'text', deltas }
    const streams = Math.max(CONNECTIONS, (CHUNKS_PER_TURN * lab.scale) / deltas)
    return { shape, body: buildRequest(shape), streams, connections: CONNECTIONS }
  })
  return withTargets(lab, async (targets) => {
    const measured = await takeTurns(lab, targets, {
      loads,
      toValue: ({ cpuMicros }, { streams, shape }) => cpuMicros / streams / shape.deltas,
    })
    const names = LENGTHS.map((deltas) => `growth: text-${deltas}, ${CONNECTIONS} at once`)
    return toGrowthRows(names, 'CPU µs/chunk', measured, GOAL)
  })
}
