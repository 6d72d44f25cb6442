/** What every store must do with trials, run against each of them. */
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { TrialStore } from '../../src/gateway/trial-port.ts'
import type { Store } from '../../src/store/port.ts'
import type { Trial } from '../../src/trial/trial.ts'

export interface TrialHarness {
  /** Another bridge on the same place. */
  open(): Promise<Store>
  close(): Promise<void>
}

const T0 = Date.UTC(2026, 0, 1)
const DAY_MS = 86_400_000

function trialOf(trialId: string, more: Partial<Trial> = {}): Trial {
  return {
    trialId,
    orgId: randomUUID(),
    userId: randomUUID(),
    apiKeyId: null,
    correlationId: `trace_${trialId}`,
    jobId: 'job-1',
    seed: -7,
    stageKey: { pipeline_id: 'p', stage_id: 's' },
    model: 'm',
    candidate: {
      kind: 'replacements',
      id: null,
      strict: false,
      replacements: [
        {
          apply_to_role: 'system',
          new_text: 'NUL \u0000, half a pair \ud800, {query} and \u{1f600}',
          match: 'substring',
          case_sensitive: true,
        },
      ],
    },
    sessionId: 'sess_1',
    createdAtMs: T0,
    expiresAtMs: T0 + DAY_MS,
    ...more,
  }
}

export function describeTrials(name: string, createHarness: () => Promise<TrialHarness>): void {
  describe(`trials in the ${name} store`, () => {
    let harness: TrialHarness
    let store: TrialStore
    let trialId: string

    beforeEach(async () => {
      harness = await createHarness()
      store = await harness.open()
      trialId = randomUUID()
    })
    afterEach(() => harness.close())

    test('one is found as it was saved, also by another bridge', async () => {
      const trial = trialOf(trialId)
      await store.saveTrial({ trialId, scope: '' }, trial, T0)
      const other = await harness.open()
      for (const each of [store, other]) {
        expect(await each.findTrial({ trialId, scope: '' })).toEqual(trial)
      }
    })

    test('nobody finds what was not saved, or not in that scope', async () => {
      await store.saveTrial({ trialId, scope: 'org user' }, trialOf(trialId), T0)
      expect(await store.findTrial({ trialId, scope: '' })).toBeNull()
      expect(await store.findTrial({ trialId, scope: 'org other' })).toBeNull()
      expect(await store.findTrial({ trialId: `${trialId}2`, scope: 'org user' })).toBeNull()
    })

    test('two scopes have a trial of one id each, and the later of one scope holds', async () => {
      const [a, b, c] = [1, 2, 3].map((seed) => trialOf(trialId, { seed }))
      if (a === undefined || b === undefined || c === undefined) throw new Error('no trials')
      await store.saveTrial({ trialId, scope: 'a' }, a, T0)
      await store.saveTrial({ trialId, scope: 'b' }, b, T0)
      await store.saveTrial({ trialId, scope: 'a' }, c, T0)
      expect(await store.findTrial({ trialId, scope: 'a' })).toEqual(c)
      expect(await store.findTrial({ trialId, scope: 'b' })).toEqual(b)
    })

    test('many at once are all saved', async () => {
      const trials = Array.from({ length: 300 }, (_, seed) => trialOf(`${trialId}-${seed}`))
      const referenceOf = (trial: Trial) => ({ trialId: trial.trialId, scope: '' })
      await Promise.all(trials.map((trial) => store.saveTrial(referenceOf(trial), trial, T0)))
      const found = await Promise.all(trials.map((trial) => store.findTrial(referenceOf(trial))))
      expect(found).toEqual(trials)
    })

    test('what expired more than a day ago goes as others come, what has not stays', async () => {
      const ages = [
        ['long over', 2 * DAY_MS + 1, false],
        ['just over', DAY_MS, true],
        ['running', -DAY_MS, true],
      ] as const
      const now = T0 + 3 * DAY_MS
      for (const [age, agoMs] of ages) {
        const trial = trialOf(`${trialId} ${age}`, { expiresAtMs: now - agoMs })
        await store.saveTrial({ trialId: trial.trialId, scope: '' }, trial, T0)
      }
      const newest = trialOf(trialId, { expiresAtMs: now + DAY_MS })
      await store.saveTrial({ trialId, scope: '' }, newest, now)
      for (const [age, , isKept] of ages) {
        const found = await store.findTrial({ trialId: `${trialId} ${age}`, scope: '' })
        expect(found === null, age).toBe(!isKept)
      }
      expect(await store.findTrial({ trialId, scope: '' })).toEqual(newest)
    })
  })
}
