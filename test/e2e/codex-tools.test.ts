/** The real Codex CLI does work through the bridge: commands and patches. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { callsIn, outputsIn, toolNames } from './harness/read-request.ts'
import { openScene } from './harness/scene.ts'
import { answer, call, say } from './harness/turns.ts'

const PATCH = `*** Begin Patch
*** Add File: notes/hello.txt
+first line
+\tindented, "quoted" and 日本語 \\ backslash
*** End Patch`

test('text comes through whole, in one call', async () => {
  const scene = await openScene({ script: [say('Hello, Käthe 👋 — all good.')] })
  const run = await scene.codex(['say hello'])
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'Hello, Käthe 👋 — all good.', errors: [] })
  expect(scene.upstream.requests).toHaveLength(1)
})

test('the upstream gets its own model name and key, and nothing of the client’s', async () => {
  const scene = await openScene({ script: [say('ok')] })
  await scene.codex(['say hello'])
  const { body, headers } = await scene.upstream.arrival(0)
  expect(body.model).toBe('upstream-model')
  expect(headers.authorization).toBe('Bearer sk-upstream-secret-4711')
  expect(
    Object.keys(headers).filter((name) => /session|codex|originator|thread/.test(name)),
  ).toEqual([])
  expect(JSON.stringify(body)).not.toContain('client_metadata')
})

test('Codex shows no warning and reads the usage', async () => {
  const scene = await openScene({ script: [say('ok', { prompt: 4_321, completion: 17 })] })
  const run = await scene.codex(['say hello'])
  expect(run.items('error')).toEqual([])
  expect(run.stray).toEqual([])
  expect(run.events.at(-1)).toMatchObject({
    type: 'turn.completed',
    usage: { input_tokens: 4_321, output_tokens: 17 },
  })
})

test('a command whose arguments arrive in pieces runs, and its output goes back', async () => {
  const cmd = `printf '%s\\n' "a \\"quoted\\" 日本 word" && echo done-$((40+2))`
  const scene = await openScene({
    script: [
      answer({
        text: 'I will look.',
        calls: [{ id: 'call_a', name: 'exec_command', arguments: { cmd } }],
        pieceChars: 3,
      }),
      say('It said 42.'),
    ],
  })
  const run = await scene.codex(['run it'])
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'It said 42.' })
  const { messages } = (await scene.upstream.arrival(1)).body
  const said = messages.find((message) => message.tool_calls !== undefined)
  expect(said).toMatchObject({ role: 'assistant', content: 'I will look.' })
  expect(JSON.parse(said?.tool_calls?.[0]?.function.arguments ?? '')).toEqual({ cmd })
  expect(outputsIn(messages)).toEqual({
    call_a: expect.stringContaining('a "quoted" 日本 word\ndone-42'),
  })
})

test('several calls of one answer all run, and each output finds its call', async () => {
  const calls = ['one', 'two', 'three'].map((word) => ({
    id: `call_${word}`,
    name: 'exec_command',
    arguments: { cmd: `echo output-${word}` },
  }))
  const scene = await openScene({
    script: [answer({ calls, pieceChars: 5, interleaved: true }), say('All three.')],
  })
  const run = await scene.codex(['run them'])
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'All three.' })
  expect(run.items('command_execution')).toHaveLength(3)
  const { messages } = (await scene.upstream.arrival(1)).body
  expect(callsIn(messages).map((made) => made.id)).toEqual(['call_one', 'call_two', 'call_three'])
  expect(outputsIn(messages)).toEqual({
    call_one: expect.stringContaining('output-one'),
    call_two: expect.stringContaining('output-two'),
    call_three: expect.stringContaining('output-three'),
  })
})

test('calls that repeat an id are told apart', async () => {
  const calls = ['left', 'right'].map((word) => ({
    id: 'call_same',
    name: 'exec_command',
    arguments: { cmd: `echo output-${word}` },
  }))
  const scene = await openScene({ script: [answer({ calls }), say('Both.')] })
  const run = await scene.codex(['run them'])
  expect(run.lastMessage).toBe('Both.')
  const { messages } = (await scene.upstream.arrival(1)).body
  const ids = callsIn(messages).map((made) => made.id)
  expect(new Set(ids).size).toBe(2)
  const outputs = outputsIn(messages)
  expect(ids.map((id) => /output-\w+/.exec(outputs[id] ?? '')?.[0])).toEqual([
    'output-left',
    'output-right',
  ])
})

test('apply_patch, a freeform tool, writes the very text the model gave', async () => {
  const scene = await openScene({
    script: [
      answer({
        calls: [{ id: 'call_p', name: 'apply_patch', arguments: { input: PATCH } }],
        pieceChars: 4,
      }),
      say('Written.'),
    ],
  })
  const run = await scene.codex(['write it'])
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'Written.' })
  expect(run.items('file_change')).toMatchObject([{ status: 'completed' }])
  expect(await scene.file('notes/hello.txt')).toBe(
    'first line\n\tindented, "quoted" and 日本語 \\ backslash\n',
  )
  const first = (await scene.upstream.arrival(0)).body
  expect(toolNames(first)).toContain('apply_patch')
  const { messages } = (await scene.upstream.arrival(1)).body
  expect(JSON.parse(callsIn(messages)[0]?.function.arguments ?? '')).toEqual({ input: PATCH })
  expect(outputsIn(messages)['call_p']).toContain('notes/hello.txt')
})

test('a patch that does not apply goes back to the model, which mends it', async () => {
  const wrong = PATCH.replace('*** Add File', '*** Update File')
  const scene = await openScene({
    script: [
      call('apply_patch', { input: wrong }, 'call_wrong'),
      call('apply_patch', { input: PATCH }, 'call_right'),
      say('Written at last.'),
    ],
  })
  const run = await scene.codex(['write it'])
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'Written at last.' })
  expect(outputsIn((await scene.upstream.arrival(1)).body.messages)['call_wrong']).toMatch(
    /fail|invalid|error/i,
  )
  expect(await scene.file('notes/hello.txt')).toContain('first line')
})

test('a task of many steps ends with all of them done, each call seen by the next', async () => {
  const scene = await openScene({
    script: [
      call('exec_command', { cmd: 'ls' }, 'call_1'),
      call('apply_patch', { input: PATCH }, 'call_2'),
      call('exec_command', { cmd: 'cat notes/hello.txt && rm data.txt' }, 'call_3'),
      ({ body }) => say(`Calls: ${callsIn(body.messages).length}`),
    ],
  })
  await writeFile(join(scene.work, 'data.txt'), 'x')
  const run = await scene.codex(['do it all'])
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'Calls: 3' })
  await expect(scene.file('data.txt')).rejects.toThrow('ENOENT')
  const outputs = outputsIn((await scene.upstream.arrival(3)).body.messages)
  expect(outputs['call_1']).toContain('data.txt')
  expect(outputs['call_3']).toContain('first line')
})

test('the prompt grows only at its end, so that the upstream’s cache keeps hitting', async () => {
  const scene = await openScene({
    script: [
      answer({
        reasoning: 'Look first.',
        text: 'Looking.',
        calls: [{ id: 'call_1', name: 'exec_command', arguments: { cmd: 'echo 1' } }],
      }),
      call('apply_patch', { input: PATCH }, 'call_2'),
      say('Done.'),
    ],
  })
  await scene.codex(['go'])
  const [first, second, third] = scene.upstream.requests.map((request) => request.body)
  expect(scene.upstream.requests).toHaveLength(3)
  expect(second?.messages.slice(0, first?.messages.length)).toEqual(first?.messages)
  expect(third?.messages.slice(0, second?.messages.length)).toEqual(second?.messages)
  expect(third?.tools).toEqual(first?.tools)
})

test('a tool that nobody offered is answered by Codex, and the turn goes on', async () => {
  const scene = await openScene({ script: [call('time_machine', { year: 1999 }), say('Well.')] })
  const run = await scene.codex(['go'])
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'Well.' })
  expect(outputsIn((await scene.upstream.arrival(1)).body.messages)['call_time_machine']).toContain(
    'unsupported call: time_machine',
  )
})
