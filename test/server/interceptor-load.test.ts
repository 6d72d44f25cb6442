/** Two hundred rollouts at once: none loses a call, none gets another's candidate, the ledger is exact. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { startTestBridge } from '../support/bridge.ts'
import { runTrials, startEchoUpstream } from '../support/trial-load.ts'

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.close()))
})

const TRIALS = 200
const CALLS = 3

test('200 trials of 3 calls', { timeout: 60_000 }, async () => {
  const upstream = await startEchoUpstream()
  running.push(upstream)
  const stateDir = await mkdtemp(join(tmpdir(), 'synth-load-'))
  const bridge = await startTestBridge({
    config: {
      upstreams: { local: { base_url: upstream.baseUrl } },
      models: { m: { upstream: 'local', price: { input: '1', output: '2' } } },
    },
    storage: { stateDir, store: { kind: 'sqlite', path: join(stateDir, 'synth.db') } },
  })
  running.push(bridge)
  const ask = async (path: string, body?: unknown) => {
    const answer = await fetch(bridge.url + path, {
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      headers: { 'content-type': 'application/json' },
    })
    return answer.json()
  }
  const limits = [{ limit_type: 'hard', metric_type: 'cost_usd', limit_value: 1000 }]
  const { session_id: sessionId } = Object(
    await ask('/api/v1/sessions', { limits, make_active: false }),
  )

  const { wrong } = await runTrials({
    bridgeUrl: bridge.url,
    sessionId,
    trials: TRIALS,
    callsPerTrial: CALLS,
  })

  expect(wrong).toEqual([])
  expect(upstream.received).toHaveLength(TRIALS * CALLS)
  // 7 tokens in at $1 and 3 out at $2 per million.
  expect(await ask(`/api/v1/sessions/${sessionId}`)).toMatchObject({
    current_usage: { tokens: 6_000, cost_usd: '0.0078', api_calls: 600 },
    reserved: { tokens: 0, cost_usd: '0', api_calls: 0 },
  })
  await rm(stateDir, { recursive: true })
})
