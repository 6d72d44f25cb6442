/**
 * Rollouts through the interceptor, all at once: none lost, each with its own candidate, the ledger exact.
 * `node bench/trials.ts [trials] [calls of each]`; 1,000 of 5 calls unless it says otherwise. The client and
 * the upstream share a process and its core with each other, so the time is theirs as much as the bridge's.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { runTrials, startEchoUpstream } from '../test/support/trial-load.ts'
import { planBridge } from './targets.ts'

/** As `textFrames` has it. */
const TOKENS_PER_CALL = 10

interface Session {
  readonly session_id: string
  readonly current_usage: { readonly tokens: number; readonly api_calls: number }
  readonly reserved: { readonly tokens: number; readonly api_calls: number }
}

async function ask(url: string, body?: unknown): Promise<Session> {
  const answer = await fetch(url, {
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    headers: { 'content-type': 'application/json' },
  })
  return (await answer.json()) as Session
}

async function main(trials: number, callsPerTrial: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bridge-bench-'))
  const upstream = await startEchoUpstream()
  const bridge = await planBridge('bridge', resolve(import.meta.dirname, '../src/bin.ts')).start({
    upstreamOrigin: upstream.baseUrl.replace(/\/v1$/, ''),
    folder,
    nodeFlags: [],
  })
  const sessions = `${bridge.origin}/api/v1/sessions`
  const limits = [{ metric_type: 'tokens', limit_value: 10 ** 12 }]
  const { session_id: sessionId } = await ask(sessions, { limits, make_active: false })

  const startMs = performance.now()
  const { wrong, callMs } = await runTrials({
    bridgeUrl: bridge.origin,
    sessionId,
    trials,
    callsPerTrial,
  })
  const totalMs = performance.now() - startMs
  const { cpuMicros } = await bridge.usage()
  const session = await ask(`${sessions}/${sessionId}`)

  const calls = trials * callsPerTrial
  const sorted = callMs.toSorted((left, right) => left - right)
  const at = (part: number): string => `${Math.round(sorted[Math.floor(calls * part)] ?? 0)} ms`
  console.log(`${trials} trials of ${callsPerTrial} calls in ${(totalMs / 1000).toFixed(1)} s`)
  console.log(
    `a call: median ${at(0.5)}, p99 ${at(0.99)}; bridge ${Math.round(cpuMicros / calls)} µs of CPU`,
  )
  const { current_usage: used, reserved } = session
  const isExact =
    used.api_calls === calls &&
    used.tokens === calls * TOKENS_PER_CALL &&
    reserved.api_calls === 0 &&
    reserved.tokens === 0
  console.log(`wrong answers: ${wrong.length}; upstream calls: ${upstream.received.length}`)
  console.log(`ledger ${isExact ? 'exact' : 'WRONG'}: ${JSON.stringify({ used, reserved })}`)
  await bridge.stop()
  await upstream.close()
  await rm(folder, { recursive: true })
  if (wrong.length > 0 || upstream.received.length !== calls || !isExact) process.exitCode = 1
}

const [trials = 1_000, calls = 5] = process.argv.slice(2).map(Number)
await main(trials, calls)
