/** A session's limit, with the real Codex CLI: it stops at once and says why. */
import { expect, test } from 'vitest'
import { openScene } from './harness/scene.ts'
import { call } from './harness/turns.ts'

interface SessionReply {
  readonly status: string
  readonly current_usage: { readonly cost_usd: string; readonly api_calls: number }
}

test('a looping Codex is stopped by its budget after one refusal, with the reason on its screen', async () => {
  const calls = 40
  const scene = await openScene({
    modelToml: 'price = { input = "1", output = "10" }\n[session]\nlimit_cost_usd = "0.05"',
    script: Array.from({ length: calls }, (_, index) =>
      call('exec_command', { cmd: 'true' }, `call_${index}`),
    ),
  })
  const run = await scene.codex(['loop'])
  expect(run.exitCode).toBe(1)
  expect(run.errors.join('\n')).toMatch(
    /Session budget of \$0\.05 is used up \(\$0\.0\d+ spent\)\. Start a new session with a new budget/,
  )
  const [session] = (await (
    await fetch(`${scene.bridge.url}/api/v1/sessions`)
  ).json()) as SessionReply[]
  expect(session?.status).toBe('limit_exceeded')
  expect(Number(session?.current_usage.cost_usd)).toBeLessThanOrEqual(0.05)
  expect(scene.upstream.requests.length).toBeLessThan(calls)
  expect(session?.current_usage.api_calls).toBe(scene.upstream.requests.length)
})
