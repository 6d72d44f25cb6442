/** Codex's own larger features, each with something odd on the wire: sessions, sub-agents, goals. */
import { expect, test } from 'vitest'
import { messageText, outputsIn, toolNames } from './harness/read-request.ts'
import { openScene } from './harness/scene.ts'
import { call, say } from './harness/turns.ts'
import type { Script, UpstreamRequest } from './harness/upstream.ts'

test('a running command is written to by its session', async () => {
  const scene = await openScene({
    script: [
      call(
        'exec_command',
        { cmd: 'read word; echo got-$word', yield_time_ms: 300, tty: true },
        'call_1',
      ),
      ({ body }) => {
        const output = outputsIn(body.messages)['call_1'] ?? ''
        const session = Number(/session ID (\d+)/.exec(output)?.[1])
        return call('write_stdin', { session_id: session, chars: 'apple\n' }, 'call_2')
      },
      say('It took the apple.'),
    ],
  })
  const run = await scene.codex(['feed it'])
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'It took the apple.' })
  const outputs = outputsIn((await scene.upstream.arrival(2)).body.messages)
  expect(outputs['call_2']).toContain('got-apple')
})

test('a sub-agent, whose tools stand in a namespace, does its part', async () => {
  // Parent and sub-agent ask in no fixed order; each is known by its conversation.
  const turn = ({ body }: UpstreamRequest) => {
    if (messageText(body.messages.at(-1) ?? nothing) === 'Count to 42.') return say('I got to 42.')
    const outputs = outputsIn(body.messages)
    const spawned = outputs['call_spawn']
    if (spawned === undefined) {
      return call('multi_agent_v1__spawn_agent', { message: 'Count to 42.' }, 'call_spawn')
    }
    const waited = outputs['call_wait']
    if (waited !== undefined) return say(`It reports: ${waited}`)
    const targets = [/"agent_id":"([^"]+)"/.exec(spawned)?.[1]]
    return call('multi_agent_v1__wait_agent', { targets }, 'call_wait')
  }
  const script: Script = Array.from({ length: 6 }, () => turn)
  const scene = await openScene({ script, model: { subAgents: true } })
  const run = await scene.codex(['count'])
  expect(run.exitCode).toBe(0)
  expect(run.lastMessage).toContain('I got to 42.')
  expect(scene.upstream.requests).toHaveLength(4)
})

test('an output that belongs to no call reaches the model as a note', async () => {
  const scene = await openScene({
    overrides: { 'features.goals': true },
    script: [call('create_goal', { objective: 'Tidy the attic' }, 'call_goal'), say('Noted.')],
  })
  const run = await scene.codex(['set a goal'])
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'Noted.' })
  expect(toolNames((await scene.upstream.arrival(0)).body)).toContain('create_goal')
  const { messages } = (await scene.upstream.arrival(1)).body
  // Codex adds the goal as a function_call_output without a call_id.
  expect(Object.keys(outputsIn(messages))).toEqual(['call_goal'])
  expect(messages.at(-1)?.role).toBe('user')
  expect(messageText(messages.at(-1) ?? nothing)).toContain('Tidy the attic')
})

const nothing = { role: 'none', content: '' }
