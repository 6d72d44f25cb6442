/** The real Codex CLI as a task app: its base URL is a trial's. */
import { expect, test } from 'vitest'
import { openScene } from './harness/scene.ts'
import { call, say } from './harness/turns.ts'

test('Codex works through a trial, over several turns, with the candidate in its prompt', async () => {
  const scene = await openScene({
    script: [call('exec_command', { cmd: 'echo found' }), say('It said found.')],
    basePath: '/api/interceptor/v1/codex-trial/trace_codex/v1',
  })
  const registered = await fetch(`${scene.bridge.url}/api/interceptor/v1/trials`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      trial_id: 'codex-trial',
      candidate: {
        strict: true,
        replacements: [
          { apply_to_role: 'user', old_text: 'look around', new_text: 'look {closely}' },
          { apply_to_role: 'developer', new_text: 'You are a candidate.' },
        ],
      },
    }),
  })
  expect(registered.status).toBe(201)
  const run = await scene.codex(['look around'])
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'It said found.', errors: [] })
  expect(scene.upstream.requests).toHaveLength(2)
  for (const turn of [0, 1]) {
    const { messages } = (await scene.upstream.arrival(turn)).body
    expect(JSON.stringify(messages)).not.toContain('look around')
    expect(messages.filter(({ role }) => role === 'user').at(-1)?.content).toContain(
      'look {closely}',
    )
    expect(messages[0]?.content).toContain('You are a candidate.')
  }
})
