/** What the real Codex CLI sends and gets besides plain text: pictures, schemas, reasoning, history. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DOT_PNG_BASE64 } from './harness/png.ts'
import { callsIn, messageText, outputsIn, toolNames } from './harness/read-request.ts'
import { openScene } from './harness/scene.ts'
import { answer, say } from './harness/turns.ts'

const picture = {
  type: 'image_url',
  image_url: expect.objectContaining({
    url: expect.stringMatching(/^data:image\/png;base64,[\w+/=]+$/),
  }),
}

test('a picture given with -i reaches the model as one', async () => {
  const scene = await openScene({ script: [say('A purple dot.')] })
  await writeFile(join(scene.work, 'dot.png'), Buffer.from(DOT_PNG_BASE64, 'base64'))
  const run = await scene.codex(['what is this?', '-i', 'dot.png'])
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'A purple dot.' })
  const { messages } = (await scene.upstream.arrival(0)).body
  expect(messages.at(-1)).toMatchObject({
    role: 'user',
    content: expect.arrayContaining([picture]),
  })
  expect(messages.map(messageText).join('\n')).toContain('what is this?')
})

test('view_image shows the model a picture after the tool’s output', async () => {
  const scene = await openScene({
    script: [
      answer({
        calls: [
          { id: 'call_view', name: 'view_image', arguments: { path: 'dot.png' } },
          { id: 'call_ls', name: 'exec_command', arguments: { cmd: 'ls' } },
        ],
      }),
      say('Still a dot.'),
    ],
  })
  await writeFile(join(scene.work, 'dot.png'), Buffer.from(DOT_PNG_BASE64, 'base64'))
  const run = await scene.codex(['look at dot.png'])
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'Still a dot.' })
  const { messages } = (await scene.upstream.arrival(1)).body
  expect(messages.slice(-4).map((message) => message.role)).toEqual([
    'assistant',
    'tool',
    'tool',
    'user',
  ])
  expect(messages.at(-1)?.content).toEqual(expect.arrayContaining([picture]))
  expect(Object.values(outputsIn(messages)).join()).not.toContain('base64')
})

test('an output schema goes to the model as its response format', async () => {
  const schema = {
    type: 'object',
    properties: { title: { type: 'string' } },
    required: ['title'],
    additionalProperties: false,
  }
  const scene = await openScene({ script: [say('{"title":"Bridge"}')] })
  await writeFile(join(scene.work, 'schema.json'), JSON.stringify(schema))
  const run = await scene.codex(['--output-schema', 'schema.json', 'a title, please'])
  expect(run).toMatchObject({ exitCode: 0, lastMessage: '{"title":"Bridge"}' })
  const { body } = await scene.upstream.arrival(0)
  expect(body['response_format']).toMatchObject({
    type: 'json_schema',
    json_schema: { name: expect.any(String), schema, strict: true },
  })
})

test('reasoning is shown, and goes back to the model with the call it led to', async () => {
  const scene = await openScene({
    script: [
      answer({
        reasoning: 'The user wants a file. I should check first.',
        calls: [{ id: 'call_1', name: 'exec_command', arguments: { cmd: 'ls' } }],
      }),
      answer({ reasoning: 'Nothing there.', text: 'The folder is empty.' }),
      say('As I said.'),
    ],
  })
  const run = await scene.codex(['look'])
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'The folder is empty.' })
  expect(run.items('reasoning').map((item) => item.text)).toEqual([
    'The user wants a file. I should check first.',
    'Nothing there.',
  ])
  const { messages } = (await scene.upstream.arrival(1)).body
  expect(messages.find((message) => message.tool_calls !== undefined)).toMatchObject({
    role: 'assistant',
    reasoning_content: 'The user wants a file. I should check first.',
    tool_calls: [{ id: 'call_1' }],
  })
})

test('a resumed session holds the whole conversation, reasoning too', async () => {
  const scene = await openScene({
    script: [
      answer({
        reasoning: 'Count the files.',
        text: 'I will count.',
        calls: [{ id: 'call_1', name: 'exec_command', arguments: { cmd: 'echo seven' } }],
      }),
      say('There are seven.'),
      say('I said seven.'),
    ],
  })
  const before = await scene.codex(['count the files'])
  expect(before.lastMessage).toBe('There are seven.')
  const thread = before.events.find((event) => event.type === 'thread.started')?.thread_id ?? ''
  const after = await scene.codex(['resume', thread, 'what did you say?'])
  expect(after).toMatchObject({ exitCode: 0, lastMessage: 'I said seven.' })
  const { messages } = (await scene.upstream.arrival(2)).body
  const { messages: earlier } = (await scene.upstream.arrival(1)).body
  expect(messages.slice(0, earlier.length)).toEqual(earlier)
  expect(callsIn(messages).map((made) => made.id)).toEqual(['call_1'])
  expect(messages.find((message) => message.tool_calls)?.reasoning_content).toBe('Count the files.')
  expect(messages.map(messageText)).toContain('There are seven.')
  expect(messageText(messages.at(-1) ?? { role: '', content: '' })).toBe('what did you say?')
})

test('a full context is compacted by a call without tools, and work goes on', async () => {
  const scene = await openScene({
    overrides: { model_auto_compact_token_limit: 20_000 },
    script: [
      answer({
        calls: [{ id: 'call_1', name: 'exec_command', arguments: { cmd: 'echo lots' } }],
        usage: { prompt: 25_000, completion: 50 },
      }),
      say('SUMMARY: lots was echoed.', { prompt: 2_000, completion: 50 }),
      say('Carrying on.', { prompt: 2_000, completion: 50 }),
    ],
  })
  const run = await scene.codex(['echo lots'])
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'Carrying on.' })
  expect(scene.upstream.requests).toHaveLength(3)
  const compaction = (await scene.upstream.arrival(1)).body
  // Chat servers refuse an empty list of tools, and a tool_choice without any.
  expect(compaction).not.toHaveProperty('tools')
  expect(compaction).not.toHaveProperty('tool_choice')
  expect(compaction).not.toHaveProperty('parallel_tool_calls')
  expect(outputsIn(compaction.messages)['call_1']).toContain('lots')
  const next = (await scene.upstream.arrival(2)).body
  expect(next.messages.map(messageText).join('\n')).toContain('SUMMARY: lots was echoed.')
  expect(callsIn(next.messages)).toEqual([])
  expect(toolNames(next)).toContain('exec_command')
})

test('without usage from the upstream Codex still ends well', async () => {
  const whole = say('No figures.')
  if (whole.kind !== 'stream') throw new Error('not a stream')
  const frames = whole.frames.filter((frame) => !frame.includes('"usage"'))
  const scene = await openScene({ script: [{ ...whole, frames }] })
  const run = await scene.codex(['say something'])
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'No figures.', errors: [] })
})
