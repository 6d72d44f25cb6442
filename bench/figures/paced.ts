/** CPU per translated chunk when each event comes alone, as a model's tokens do. */
import type { Lab, Load } from '../lab.ts'
import type { Row } from '../report.ts'
import { buildRequest } from '../requests.ts'
import { takeTurns, toRatioRow, withTargets } from '../turns.ts'

const GOAL = 1.5
const STREAMS = 100
const EVENTS_PER_SECOND = 100
/** Short turns and many rounds: at this load the machine's own mood is most of the spread. */
const SECONDS = 4
const LEAD_IN_SECONDS = 1
const TURNS_PER_ROUND = 2

function buildLoad(seconds: number): Load {
  const deltas = seconds * EVENTS_PER_SECOND
  const shape = { kind: 'text', deltas, eventsPerSecond: EVENTS_PER_SECOND } as const
  return { shape, body: buildRequest(shape), streams: STREAMS, connections: STREAMS }
}

export function measurePaced(lab: Lab): Promise<Row[]> {
  const load = buildLoad(SECONDS)
  const chunks = STREAMS * load.shape.deltas
  const eventsARead: number[] = []
  return withTargets(lab, async (targets) => {
    const [rounds = {}] = await takeTurns(lab, targets, {
      loads: [load],
      leadIn: buildLoad(LEAD_IN_SECONDS),
      rounds: lab.rounds * TURNS_PER_ROUND,
      toValue({ cpuMicros, reads }) {
        eventsARead.push(chunks / reads)
        return cpuMicros / chunks
      },
    })
    const most = Math.max(...eventsARead).toFixed(2)
    const pace = `${STREAMS} streams × ${EVENTS_PER_SECOND} events/s`
    lab.say(`paced: ${pace}: at most ${most} events a read in any turn`)
    return [toRatioRow(`one event a read, ${pace}`, 'CPU µs/chunk', rounds, GOAL)]
  })
}
