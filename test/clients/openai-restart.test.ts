/** The `openai` package and a bridge that is stopped and started between two turns. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { expect, onTestFinished, test } from 'vitest'
import { configOf, MODEL, startBridge } from '../e2e/harness/bridge.ts'
import { messageText } from '../e2e/harness/read-request.ts'
import { say } from '../e2e/harness/turns.ts'
import { startUpstream } from '../e2e/harness/upstream.ts'
import { CLIENT_KEY } from './stage.ts'

test.each(['previous_response_id', 'conversation'] as const)(
  'two turns linked by %s survive a restart of synth serve',
  async (link) => {
    const folder = await mkdtemp(join(tmpdir(), 'synth-restart-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const upstream = await startUpstream([say('Hello, Ada.'), say('You are Ada.')])
    onTestFinished(() => upstream.close())
    const config = configOf(upstream.url).replace('"memory"', `"sqlite:${join(folder, 'a.db')}"`)
    const connect = async () => {
      const bridge = await startBridge({ folder, config })
      onTestFinished(() => bridge.close())
      return { bridge, client: new OpenAI({ baseURL: `${bridge.url}/v1`, apiKey: CLIENT_KEY }) }
    }

    const before = await connect()
    const conversation = await before.client.conversations.create({})
    const first = await before.client.responses.create({
      model: MODEL,
      input: 'I am Ada.',
      ...(link === 'conversation' && { conversation: conversation.id }),
    })
    await before.bridge.close()

    const { client } = await connect()
    expect((await client.responses.retrieve(first.id)).output).toEqual(first.output)
    const second = await client.responses.create({
      model: MODEL,
      input: 'Who am I?',
      [link]: link === 'conversation' ? conversation.id : first.id,
    })
    expect(second.output_text).toBe('You are Ada.')
    expect(upstream.requests[1]?.body.messages.map(messageText)).toEqual([
      ...['I am Ada.', 'Hello, Ada.', 'Who am I?'],
    ])
  },
)
