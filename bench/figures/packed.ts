/** CPU per translated chunk when the upstream sends as fast as it is read: many events a read. */
import type { Lab } from '../lab.ts'
import type { Row } from '../report.ts'
import { buildRequest } from '../requests.ts'
import { takeTurns, toRatioRow, withTargets } from '../turns.ts'
import type { AnswerShape } from '../wire.ts'

const GOAL = 3.2
const CHUNKS_PER_TURN = 400_000
const CONNECTIONS = 8

const CASES: readonly { readonly shape: AnswerShape; readonly goal?: number }[] = [
  { shape: { kind: 'text', deltas: 500 }, goal: GOAL },
  { shape: { kind: 'text', deltas: 5000 }, goal: GOAL },
  { shape: { kind: 'tool', deltas: 1000 }, goal: GOAL },
  { shape: { kind: 'reasoning', deltas: 1000 }, goal: GOAL },
  // For information: where fixed costs show, and where strings are not one byte a character.
  { shape: { kind: 'text', deltas: 50 } },
  { shape: { kind: 'unicode', deltas: 1000 } },
]

export function measurePacked(lab: Lab): Promise<Row[]> {
  return withTargets(lab, async (targets) => {
    const rows: Row[] = []
    for (const { shape, goal } of CASES) {
      const streams = Math.max(CONNECTIONS, (CHUNKS_PER_TURN * lab.scale) / shape.deltas)
      const load = { shape, body: buildRequest(shape), streams, connections: CONNECTIONS }
      const chunks = streams * shape.deltas
      const [rounds = {}] = await takeTurns(lab, targets, {
        loads: [load],
        toValue: ({ cpuMicros }) => cpuMicros / chunks,
      })
      const what = `${shape.kind}-${shape.deltas}, packed`
      rows.push(toRatioRow(what, 'CPU µs/chunk', rounds, goal))
      lab.say(`packed: ${what} done`)
    }
    return rows
  })
}
