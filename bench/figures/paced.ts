/** CPU per translated chunk when each event comes alone, as a model's tokens do. */
import type { Lab } from '../lab.ts'
import type { Row } from '../report.ts'
import { buildRequest } from '../requests.ts'
import { takeTurns, toRatioRow, withTargets } from '../turns.ts'
import type { AnswerShape } from '../wire.ts'

const GOAL = 1.5
const STREAMS = 100
const EVENTS_PER_SECOND = 100
const SECONDS = 8

export function measurePaced(lab: Lab): Promise<Row[]> {
  return withTargets(lab, async (targets) => {
    const deltas = Math.round(SECONDS * EVENTS_PER_SECOND * lab.scale)
    const shape: AnswerShape = { kind: 'text', deltas, eventsPerSecond: EVENTS_PER_SECOND }
    const load = { shape, body: buildRequest(shape), streams: STREAMS, connections: STREAMS }
    const chunks = STREAMS * deltas
    const eventsARead: number[] = []
    const [rounds = {}] = await takeTurns(lab, targets, [load], ({ cpuMicros, reads }) => {
      eventsARead.push(chunks / reads)
      return cpuMicros / chunks
    })
    const most = Math.max(...eventsARead).toFixed(2)
    const pace = `${STREAMS} streams × ${EVENTS_PER_SECOND} events/s`
    lab.say(`paced: ${pace}: at most ${most} events a read in any turn`)
    return [toRatioRow(`one event a read, ${pace}`, 'CPU µs/chunk', rounds, GOAL)]
  })
}
