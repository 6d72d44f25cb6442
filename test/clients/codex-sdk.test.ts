/** The `@openai/codex-sdk` package, which drives the real Codex CLI as a child. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Codex, type ThreadEvent, type ThreadOptions } from '@openai/codex-sdk'
import { describe, expect, onTestFinished, test } from 'vitest'
import { codexCatalogue } from '../../src/codex/catalogue.ts'
import { codexOverrides } from '../../src/codex/launch.ts'
import { withDeadline } from '../e2e/harness/deadline.ts'
import { DOT_PNG_BASE64 } from '../e2e/harness/png.ts'
import { callsIn, messageText, outputsIn } from '../e2e/harness/read-request.ts'
import { answer, call, fallsSilent, refuse, say } from '../e2e/harness/turns.ts'
import { CLIENT_KEY, MODEL, openStage, type StageOptions } from './stage.ts'

const RUN_DEADLINE_MS = 15_000

async function open(options: StageOptions) {
  const folder = await mkdtemp(join(tmpdir(), 'synth-codex-sdk-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }))
  const work = join(folder, 'work')
  const home = join(folder, 'home')
  const catalogPath = join(folder, 'models.json')
  await Promise.all([mkdir(work), mkdir(home)])
  await writeFile(catalogPath, JSON.stringify(codexCatalogue([{ slug: MODEL, subAgents: false }])))
  const stage = await openStage(options)
  const overrides = codexOverrides({
    baseUrl: stage.baseUrl,
    keyEnv: 'SYNTH_KEY',
    catalogPath,
    extra: { 'features.goals': false },
  })
  const codex = new Codex({
    configOverrides: overrides.filter((argument) => argument !== '-c'),
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: home,
      CODEX_HOME: home,
      SYNTH_KEY: CLIENT_KEY,
    },
  })
  const threadOptions: ThreadOptions = {
    model: MODEL,
    workingDirectory: work,
    skipGitRepoCheck: true,
    sandboxMode: 'danger-full-access',
    approvalPolicy: 'never',
  }
  return { stage, codex, work, home, threadOptions }
}

const inTime = <T>(promise: Promise<T>) => withDeadline('the run', RUN_DEADLINE_MS, promise)

test('a thread runs commands, answers, and says what it used', async () => {
  const { stage, codex, work, threadOptions } = await open({
    script: [
      answer({
        reasoning: 'A note it is.',
        calls: [
          { id: 'call_1', name: 'exec_command', arguments: { cmd: 'echo lemons > note.txt' } },
        ],
        pieceChars: 5,
        usage: { prompt: 900, completion: 30, cached: 600, reasoning: 10 },
      }),
      say('The note is written.', { prompt: 1_000, completion: 8 }),
    ],
  })
  const thread = codex.startThread(threadOptions)
  const turn = await inTime(thread.run('Write a note.'))
  expect(turn.finalResponse).toBe('The note is written.')
  expect(await readFile(join(work, 'note.txt'), 'utf8')).toBe('lemons\n')
  expect(turn.items.map(({ type }) => type)).toEqual([
    ...['reasoning', 'command_execution', 'agent_message'],
  ])
  expect(turn.items[0]).toMatchObject({ text: 'A note it is.' })
  expect(turn.items[1]).toMatchObject({ exit_code: 0, status: 'completed' })
  expect(turn.usage).toMatchObject({
    input_tokens: 1_900,
    cached_input_tokens: 600,
    output_tokens: 38,
    reasoning_output_tokens: 10,
  })
  const second = stage.upstream.requests[1]?.body.messages ?? []
  expect(callsIn(second).map(({ id }) => id)).toEqual(['call_1'])
  expect(Object.keys(outputsIn(second))).toEqual(['call_1'])
})

test('a second turn, and a thread resumed by its id, know what was said', async () => {
  const { stage, codex, threadOptions } = await open({
    script: [say('Noted.'), say('Lemons.'), say('Still lemons.')],
  })
  const thread = codex.startThread(threadOptions)
  await inTime(thread.run('Remember lemons.'))
  expect((await inTime(thread.run('What was it?'))).finalResponse).toBe('Lemons.')
  if (thread.id === null) throw new Error('the thread has no id')
  const resumed = codex.resumeThread(thread.id, threadOptions)
  expect((await inTime(resumed.run('And now?'))).finalResponse).toBe('Still lemons.')
  const said = stage.upstream.requests[2]?.body.messages.map(messageText) ?? []
  expect(said.slice(-5)).toEqual([
    ...['Remember lemons.', 'Noted.', 'What was it?', 'Lemons.', 'And now?'],
  ])
})

test('a streamed turn says what happens in its order', async () => {
  const { codex, threadOptions } = await open({
    script: [call('exec_command', { cmd: 'echo hi' }, 'call_1'), say('Done.')],
  })
  const { events } = await codex.startThread(threadOptions).runStreamed('Say hi.')
  const seen: ThreadEvent[] = []
  const reading = (async () => {
    for await (const event of events) seen.push(event)
  })()
  await inTime(reading)
  expect(seen.map(({ type }) => type)).toEqual([
    'thread.started',
    'turn.started',
    'item.started',
    'item.completed',
    'item.completed',
    'turn.completed',
  ])
})

test('an output schema and a picture go to the model', async () => {
  const { stage, codex, work, threadOptions } = await open({ script: [say('{"title":"A dot"}')] })
  const path = join(work, 'dot.png')
  await writeFile(path, Buffer.from(DOT_PNG_BASE64, 'base64'))
  const outputSchema = {
    type: 'object',
    properties: { title: { type: 'string' } },
    required: ['title'],
    additionalProperties: false,
  }
  const turn = await inTime(
    codex.startThread(threadOptions).run(
      [
        { type: 'text', text: 'Name it.' },
        { type: 'local_image', path },
      ],
      { outputSchema },
    ),
  )
  expect(JSON.parse(turn.finalResponse)).toEqual({ title: 'A dot' })
  const body = stage.upstream.requests[0]?.body
  expect(body?.['response_format']).toMatchObject({
    type: 'json_schema',
    json_schema: { schema: outputSchema },
  })
  expect(body?.messages.at(-1)?.content).toContainEqual({
    type: 'image_url',
    image_url: expect.objectContaining({
      url: expect.stringMatching(/^data:image\/png;base64,/),
    }),
  })
})

test('pointed at the bridge by baseUrl alone, as if it were OpenAI, it works, too', async () => {
  const { stage, home, threadOptions } = await open({
    script: [call('exec_command', { cmd: 'echo hi' }, 'call_1'), say('Done.')],
  })
  const codex = new Codex({
    baseUrl: stage.baseUrl,
    apiKey: CLIENT_KEY,
    // It speaks to its maker's servers otherwise.
    config: {
      analytics: { enabled: false },
      check_for_update_on_startup: false,
      features: { apps: false, plugins: false, remote_plugin: false },
    },
    env: { PATH: process.env['PATH'] ?? '', HOME: home, CODEX_HOME: home },
  })
  const turn = await inTime(codex.startThread(threadOptions).run('Say hi.'))
  expect(turn.finalResponse).toBe('Done.')
  expect(stage.upstream.requests).toHaveLength(2)
})

describe('an error stops the turn after one request, and is readable', () => {
  test('a used-up budget', async () => {
    const { stage, codex, threadOptions } = await open({
      script: [say('Costly.', { prompt: 20_000, completion: 1_000 })],
      model: { price: { input: '1', output: '10' }, max_output_tokens: 100 },
      config: { session: { limit_cost_usd: '0.03' } },
    })
    const thread = codex.startThread(threadOptions)
    expect((await inTime(thread.run('Hi.'))).finalResponse).toBe('Costly.')
    await expect(inTime(thread.run('Again.'))).rejects.toThrow('Session budget of $0.03 is used up')
    expect(stage.upstream.requests).toHaveLength(1)
    const status = await (await fetch(`${stage.bridge.url}/api/v1/status?calls=20`)).text()
    const calls: { outcome: string }[] = JSON.parse(status).recent_calls
    expect(calls.map(({ outcome }) => outcome)).toEqual(['refused', 'completed'])
  })

  test('a key that the upstream does not take', async () => {
    const { stage, codex, threadOptions } = await open({
      script: Array.from({ length: 9 }, () => refuse(401, 'Incorrect API key provided')),
    })
    const running = inTime(codex.startThread(threadOptions).run('Hi.'))
    await expect(running).rejects.toThrow('Incorrect API key provided')
    expect(stage.upstream.requests).toHaveLength(1)
  })
})

test('a signal ends Codex, and the upstream is let go', async () => {
  const { stage, codex, threadOptions } = await open({ script: [fallsSilent('Thinking')] })
  const abort = new AbortController()
  const running = codex.startThread(threadOptions).run('Think.', { signal: abort.signal })
  const outcome = expect(inTime(running)).rejects.toThrow(/abort/i)
  const request = await withDeadline('the request', 20_000, stage.upstream.arrival(0))
  abort.abort()
  await outcome
  await withDeadline('the upstream’s connection to close', 2_000, request.closed)
})
