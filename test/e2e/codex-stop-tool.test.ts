/** The stop tool, with the real Codex CLI: offered to the model, never seen by the client. */
import { describe, expect, test } from 'vitest'
import { callsIn, toolNames } from './harness/read-request.ts'
import { openScene } from './harness/scene.ts'
import { answer, call, say } from './harness/turns.ts'

describe('the stop tool', () => {
  const modelToml = 'stop_tool = true'

  test('ends a loop: its message is the answer, and Codex stops', async () => {
    const scene = await openScene({
      modelToml,
      script: [
        call('exec_command', { cmd: 'echo again' }, 'call_1'),
        call('exec_command', { cmd: 'echo again' }, 'call_2'),
        answer({
          calls: [
            {
              id: 'call_stop',
              name: '__internal_stop',
              arguments: { message: 'Enough: it is "done" 👍.' },
            },
          ],
          pieceChars: 2,
        }),
      ],
    })
    const run = await scene.codex(['loop'])
    expect(run).toMatchObject({ exitCode: 0, lastMessage: 'Enough: it is "done" 👍.', errors: [] })
    expect(scene.upstream.requests).toHaveLength(3)
    expect(toolNames((await scene.upstream.arrival(0)).body).at(-1)).toBe('__internal_stop')
    expect(JSON.stringify(run.events)).not.toContain('__internal_stop')
  })

  test('a call beside it still runs', async () => {
    const scene = await openScene({
      modelToml,
      script: [
        answer({
          calls: [
            { id: 'call_x', name: 'exec_command', arguments: { cmd: 'touch made.txt' } },
            { id: 'call_stop', name: '__internal_stop', arguments: { message: 'Made it.' } },
          ],
        }),
        say('Really made it.'),
      ],
    })
    const run = await scene.codex(['make it'])
    expect(run).toMatchObject({ exitCode: 0, lastMessage: 'Really made it.' })
    expect(run.items('agent_message').map((item) => item.text)).toEqual([
      'Made it.',
      'Really made it.',
    ])
    expect(await scene.file('made.txt')).toBe('')
    const { messages } = (await scene.upstream.arrival(1)).body
    expect(callsIn(messages).map((made) => made.function.name)).toEqual(['exec_command'])
  })

  test('is not offered where the model’s table says so', async () => {
    const scene = await openScene({ modelToml: 'stop_tool = false', script: [say('ok')] })
    await scene.codex(['go'])
    expect(toolNames((await scene.upstream.arrival(0)).body)).not.toContain('__internal_stop')
  })
})
