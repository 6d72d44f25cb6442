/** Whether a client that hardly reads makes the proxy hold what it does not take. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Lab } from '../lab.ts'
import type { Row } from '../report.ts'
import { buildRequest } from '../requests.ts'
import { spread } from '../statistics.ts'
import { toMedians, withTargets } from '../turns.ts'
import type { AnswerShape } from '../wire.ts'

const GOAL_MIB = 32
/** About 100 MB of events. */
const SHAPE: AnswerShape = { kind: 'text', deltas: 400_000 }
const WARM_UP: AnswerShape = { kind: 'text', deltas: 500 }
const RATE = { bytesPerSecond: 1024, seconds: 12 }
const SAMPLE_INTERVAL_MS = 500
const MIB = 1024 * 1024

export async function measureSlowReader(lab: Lab): Promise<Row[]> {
  const rounds: Record<string, number[]> = {}
  const body = buildRequest(SHAPE)
  for (let round = 0; round < lab.rounds; round++) {
    await withTargets(lab, async (targets) => {
      for (const target of targets) {
        const warmUp = { shape: WARM_UP, body: buildRequest(WARM_UP), streams: 40, connections: 4 }
        await lab.measure(target, warmUp, await lab.guard(target, warmUp))
        const { rssBytes: idle } = await target.usage()
        let most = 0
        const load = { shape: SHAPE, body, streams: 1, connections: 1 }
        await lab.trickle(target, load, RATE, async () => {
          for (let elapsed = 0; elapsed < RATE.seconds * 1000; elapsed += SAMPLE_INTERVAL_MS) {
            await delay(SAMPLE_INTERVAL_MS)
            most = Math.max(most, (await target.usage()).rssBytes - idle)
          }
        })
        const values = rounds[target.name] ?? []
        rounds[target.name] = values
        values.push(most / MIB)
      }
    })
    lab.say(`slow-reader: round ${round + 1} of ${lab.rounds} done`)
  }
  const name = 'bridge, MiB'
  const verdict = { name, spread: spread(rounds['bridge'] ?? []), goal: GOAL_MIB }
  const what = 'reader of 1 KB/s of a 100 MB stream: most growth'
  return [{ what, unit: 'RSS MiB', values: toMedians(rounds), verdict }]
}
