/** What an open stream holds, while 1,000 of them are under way. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Lab } from '../lab.ts'
import type { Row } from '../report.ts'
import { buildRequest } from '../requests.ts'
import { median } from '../statistics.ts'
import { toRatioRow } from '../turns.ts'
import type { AnswerShape } from '../wire.ts'

const GOAL = 1.2
/**
 * V8 lets the young generation of a process grow to 128 MiB when much survives at once, as a burst of
 * calls does. Whoever would rather have the memory can hold it down at some cost in CPU.
 */
const SMALL_YOUNG_GENERATION = ['--max-semi-space-size=4']
const STREAMS = 1000
const WARM_UP_STREAMS = 20
const SHAPE: AnswerShape = { kind: 'text', deltas: 30, eventsPerSecond: 2 }
const SAMPLES = 20
const SAMPLE_INTERVAL_MS = 250

async function measureOne(
  lab: Lab,
  plan: Lab['plans'][number],
  flags: readonly string[] = [],
): Promise<number> {
  // A process of its own each time: a heap that has once grown would hide the growth.
  const target = await lab.start(plan, flags)
  try {
    const body = buildRequest(SHAPE)
    const warmUpShape: AnswerShape = { kind: 'text', deltas: 20, eventsPerSecond: 20 }
    const warmUp = {
      shape: warmUpShape,
      body: buildRequest(warmUpShape),
      streams: WARM_UP_STREAMS,
      connections: WARM_UP_STREAMS,
    }
    const expectedWarm = await lab.guard(target, warmUp)
    await lab.measure(target, warmUp, expectedWarm)
    const short = { kind: 'text', deltas: SHAPE.deltas } as const
    const guarded = { ...warmUp, shape: short, body: buildRequest(short) }
    const expected = await lab.guard(target, guarded)
    const { rssBytes: idle } = await target.usage()
    const load = { shape: SHAPE, body, streams: STREAMS, connections: STREAMS }
    const held: number[] = []
    await lab.hold(target, load, expected, async () => {
      for (let n = 0; n < SAMPLES; n++) {
        await delay(SAMPLE_INTERVAL_MS)
        held.push((await target.usage()).rssBytes)
      }
    })
    return (median(held) - idle) / STREAMS / 1024
  } finally {
    await target.stop()
  }
}

export async function measureMemory(lab: Lab): Promise<Row[]> {
  const rounds: Record<string, number[]> = {}
  const small: Record<string, number[]> = {}
  const note = (values: Record<string, number[]>, name: string, value: number) => {
    values[name] = [...(values[name] ?? []), value]
  }
  for (let round = 0; round < lab.rounds; round++) {
    for (const plan of lab.plans) {
      const asIs = await measureOne(lab, plan)
      note(rounds, plan.name, asIs)
      const isYardstick = plan === lab.plans[0]
      note(
        small,
        plan.name,
        isYardstick ? asIs : await measureOne(lab, plan, SMALL_YOUNG_GENERATION),
      )
    }
    lab.say(`memory: round ${round + 1} of ${lab.rounds} done`)
  }
  return [
    toRatioRow(`${STREAMS} open streams`, 'RSS KiB/stream', rounds, GOAL),
    toRatioRow(
      `${STREAMS} open streams, the bridge with \`${SMALL_YOUNG_GENERATION.join(' ')}\``,
      'RSS KiB/stream',
      small,
      GOAL,
    ),
  ]
}
