/** A silent upstream, such as a model that thinks long, must not look dead to the client. */
import { expect, test } from 'vitest'
import { openScene } from './harness/scene.ts'
import { say } from './harness/turns.ts'

test('Codex waits through a silence longer than its own idle limit', async () => {
  const whole = say('That took a while.')
  if (whole.kind !== 'stream') throw new Error('not a stream')
  const scene = await openScene({
    // The bridge speaks after 15 s of silence; Codex hangs up after 18 s; the upstream needs 20.
    script: [{ ...whole, pauseMs: 20_000 }],
    overrides: { 'model_providers.synth.stream_idle_timeout_ms': 18_000 },
  })
  const run = await scene.codex(['think'])
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'That took a while.', errors: [] })
  expect(scene.upstream.requests).toHaveLength(1)
}, 60_000)
