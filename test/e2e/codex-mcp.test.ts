/** Tools of an MCP server, which Codex keeps in a namespace, on a wire that knows no namespaces. */
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { callsIn, outputsIn, toolNames } from './harness/read-request.ts'
import { openScene } from './harness/scene.ts'
import { answer, call, say } from './harness/turns.ts'

describe('an MCP server’s tools', () => {
  const overrides = {
    'mcp_servers.mini.command': process.execPath,
    'mcp_servers.mini.args': [fileURLToPath(new URL('harness/mcp-server.ts', import.meta.url))],
    'mcp_servers.mini.startup_timeout_sec': 20,
  }

  test('are offered under flat names and called in their namespace', async () => {
    const scene = await openScene({
      overrides,
      script: [
        ({ body }) => {
          const named = (ending: string) =>
            toolNames(body).find((name) => name.endsWith(ending)) ?? `nothing like ${ending}`
          return answer({
            calls: [
              { id: 'call_echo', name: named('echo'), arguments: { text: 'hi there' } },
              { id: 'call_add', name: named('add_numbers'), arguments: { numbers: [40, 2] } },
            ],
          })
        },
        say('The tools work.'),
      ],
    })
    const run = await scene.codex(['use the tools'])
    expect(run).toMatchObject({ exitCode: 0, lastMessage: 'The tools work.' })
    const offered = toolNames((await scene.upstream.arrival(0)).body)
    expect(offered).toContain('mcp__mini__echo')
    expect(offered.every((name) => /^[\w-]{1,64}$/.test(name))).toBe(true)
    const { messages } = (await scene.upstream.arrival(1)).body
    expect(callsIn(messages).map((made) => made.function.name)).toEqual([
      'mcp__mini__echo',
      'mcp__mini__add_numbers',
    ])
    expect(outputsIn(messages)).toEqual({
      call_echo: expect.stringContaining('echo: hi there'),
      call_add: expect.stringContaining('42'),
    })
    expect(run.items('mcp_tool_call')).toMatchObject([
      { server: 'mini', tool: 'echo', status: 'completed' },
      { server: 'mini', tool: 'add.numbers', status: 'completed' },
    ])
  })

  test('a picture they answer with is shown to the model, outside the tool’s text', async () => {
    const scene = await openScene({
      overrides,
      script: [call('mcp__mini__picture', {}, 'call_pic'), say('A dot.')],
    })
    const run = await scene.codex(['show me'])
    expect(run).toMatchObject({ exitCode: 0, lastMessage: 'A dot.' })
    const { messages } = (await scene.upstream.arrival(1)).body
    expect(outputsIn(messages)['call_pic']).not.toContain('base64')
    expect(messages.at(-1)).toMatchObject({
      role: 'user',
      content: expect.arrayContaining([
        {
          type: 'image_url',
          image_url: expect.objectContaining({
            url: expect.stringMatching(/^data:image\/png;base64,/),
          }),
        },
      ]),
    })
  })
})
