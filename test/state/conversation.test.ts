/** Turns that lean on earlier ones, told in every way there is, over real HTTP. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { Client } from 'pg'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import type { StorageSettings } from '../../src/config/storage.ts'
import {
  chatFrames,
  createCleanup,
  eventsOf,
  type Json,
  messagesOf,
  sendStream,
  sqliteStorage,
  startWorld,
  type World,
} from './support.ts'

const cleanup = createCleanup()
afterEach(() => cleanup.run())

const RESPONSES = '/v1/responses'
const ask = (world: World, body: Json) => world.json('POST', RESPONSES, { model: 'm', ...body })

describe('a response that goes on from another', () => {
  test('has what was said before, in order, and its own instructions only', async () => {
    const world = await startWorld(cleanup)
    const first = await ask(world, { input: 'one', instructions: 'be brief' })
    expect(first).toMatchObject({ store: true, previous_response_id: null })
    const second = await ask(world, { input: 'two', previous_response_id: first['id'] })
    expect(second['previous_response_id']).toBe(first['id'])
    await ask(world, { input: 'three', previous_response_id: second['id'], instructions: 'sing' })
    expect(messagesOf(world.upstream)).toEqual([
      { role: 'system', content: 'sing' },
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'echo 2', reasoning_content: 'thinking 2' },
      { role: 'user', content: 'two' },
      { role: 'assistant', content: 'echo 3', reasoning_content: 'thinking 3' },
      { role: 'user', content: 'three' },
    ])
  })

  test('may be one of several from the same one', async () => {
    const world = await startWorld(cleanup)
    const first = await ask(world, { input: 'one' })
    for (const input of ['left', 'right']) {
      await ask(world, { input, previous_response_id: first['id'] })
      expect(messagesOf(world.upstream)).toMatchObject([{}, {}, { content: input }])
    }
  })

  test('streams and does not, and each goes on from the other', async () => {
    const world = await startWorld(cleanup)
    const text = await world.stream('POST', RESPONSES, { model: 'm', input: 'one', stream: true })
    const { response } = Object(eventsOf(text).at(-1))
    expect(response.store).toBe(true)
    expect(await world.json('GET', `${RESPONSES}/${response.id}`)).toEqual(response)
    const second = await ask(world, { input: 'two', previous_response_id: response.id })
    const body = { model: 'm', input: 'three', previous_response_id: second['id'], stream: true }
    await world.stream('POST', RESPONSES, body)
    expect(messagesOf(world.upstream)).toHaveLength(5)
  })

  test('from one that was not stored is refused, and nothing is sent', async () => {
    const world = await startWorld(cleanup)
    const first = await ask(world, { input: 'one', store: false })
    expect(first['store']).toBe(false)
    const more = { model: 'm', input: 'two', previous_response_id: first['id'] }
    expect(await world.error('POST', RESPONSES, more)).toMatchObject({
      status: 400,
      code: 'previous_response_not_found',
      param: 'previous_response_id',
    })
    expect(world.upstream.received).toHaveLength(1)
    expect(await world.error('GET', `${RESPONSES}/${first['id']}`)).toMatchObject({ status: 404 })
  })

  test('where the file says that none is stored, none is', async () => {
    const world = await startWorld(cleanup, { config: { responses: { store: false } } })
    const first = await ask(world, { input: 'one', store: true })
    expect(first['store']).toBe(false)
    expect(await world.error('GET', `${RESPONSES}/${first['id']}`)).toMatchObject({ status: 404 })
    const background = { model: 'm', input: 'x', background: true }
    expect(await world.error('POST', RESPONSES, background)).toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('[responses] store'),
    })
  })

  test('a reference stands for its item, by type or by its bare id', async () => {
    const world = await startWorld(cleanup)
    const { output } = await ask(world, { input: 'one' })
    const input = [
      { role: 'user', content: 'one' },
      { id: output[0].id },
      { type: 'item_reference', id: output[1].id },
      { role: 'user', content: 'two' },
    ]
    const second = await ask(world, { input })
    expect(messagesOf(world.upstream)).toEqual([
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'echo 1', reasoning_content: 'thinking 1' },
      { role: 'user', content: 'two' },
    ])
    const { data } = await world.json('GET', `${RESPONSES}/${second['id']}/input_items?order=asc`)
    expect(data.map(({ type }: Json) => type)).toEqual([
      ...['message', 'reasoning', 'message', 'message'],
    ])
  })
})

describe('outputs of calls', () => {
  const callThenText = (request: Json, response: Parameters<typeof sendStream>[0]) => {
    const messages: Json[] = request['body'].messages
    const call = { id: 'call_1', name: 'look' }
    sendStream(
      response,
      chatFrames(messages.at(-1)?.['role'] === 'tool' ? { text: 'ok' } : { call }),
    )
  }
  const tools = [{ type: 'function', name: 'look', parameters: { type: 'object' } }]

  test('go on with the model, tools and instructions of the response', async () => {
    const world = await startWorld(cleanup, { answer: callThenText })
    const first = await ask(world, { input: 'x', tools, instructions: 'be brief', temperature: 0 })
    const path = `${RESPONSES}/${first['id']}/submit_tool_outputs`
    const outputs = { tool_outputs: [{ tool_call_id: 'call_1', output: { found: 1 } }] }
    const second = await world.json('POST', path, outputs)
    expect(second).toMatchObject({ status: 'completed', previous_response_id: first['id'] })
    expect(world.upstream.received.at(-1)?.body).toMatchObject({
      model: 'm',
      temperature: 0,
      tools: [{ function: { name: 'look' } }],
      messages: [
        { role: 'system', content: 'be brief' },
        { role: 'user' },
        { role: 'assistant', tool_calls: [{ id: 'call_1' }] },
        { role: 'tool', tool_call_id: 'call_1', content: '{"found":1}' },
      ],
    })
    await world.stream('POST', path, { ...outputs, stream: true })
  })

  test('of calls that were not made are refused, with those that were', async () => {
    const world = await startWorld(cleanup, { answer: callThenText })
    const { id } = await ask(world, { input: 'x', tools })
    const path = `${RESPONSES}/${id}/submit_tool_outputs`
    const wrong = { tool_outputs: [{ call_id: 'call_9', output: '' }] }
    expect(await world.error('POST', path, wrong)).toMatchObject({
      code: 'invalid_request',
      param: 'tool_outputs[0].call_id',
      message: expect.stringContaining('call_1'),
    })
    for (const body of [{}, { tool_outputs: [] }, { tool_outputs: [{ output: 'x' }] }]) {
      expect(await world.error('POST', path, body)).toMatchObject({ code: 'invalid_request' })
    }
    const none = `${RESPONSES}/resp_none/submit_tool_outputs`
    expect(await world.error('POST', none, wrong)).toMatchObject({ status: 404 })
    expect(world.upstream.received).toHaveLength(1)
  })
})

/** One turn of each way of telling the same conversation. */
type Told = (world: World) => (input: Json[]) => Promise<Json>

const byPrevious: Told = (world) => {
  let previous: string | undefined
  return async (input) => {
    const response = await ask(world, {
      input,
      ...(previous === undefined ? {} : { previous_response_id: previous }),
    })
    previous = response['id']
    return response
  }
}
const byConversation: Told = (world) => {
  const made = world.json('POST', '/v1/conversations', {})
  return async (input) => ask(world, { input, conversation: (await made)['id'] })
}
const byWholeInput: Told = (world) => {
  const items: Json[] = []
  return async (input) => {
    items.push(...input)
    const response = await ask(world, { input: items, store: false })
    items.push(...response['output'])
    return response
  }
}
const byReferences: Told = (world) => {
  const items: Json[] = []
  return async (input) => {
    items.push(...input)
    const response = await ask(world, { input: items })
    items.push(...response['output'].map(({ id }: Json) => ({ type: 'item_reference', id })))
    return response
  }
}
const WAYS = [byPrevious, byConversation, byWholeInput, byReferences]

const inputItem = fc.oneof(
  fc.string({ minLength: 1 }).map((content) => ({ type: 'message', role: 'user', content })),
  fc.string({ minLength: 1 }).map((text) => ({
    type: 'message',
    role: 'developer',
    content: [{ type: 'input_text', text }],
  })),
)
const userItem = fc
  .string({ minLength: 1 })
  .map((content) => ({ type: 'message', role: 'user', content }))
const turns = fc.array(
  fc.tuple(fc.array(inputItem, { maxLength: 2 }), userItem).map(([some, last]) => [...some, last]),
  { minLength: 1, maxLength: 4 },
)

describe.each(['chat', 'responses'] as const)('over wire = "%s"', (wire) => {
  test('however a conversation is told, the upstream is sent the same bytes', async () => {
    let turn = 0
    const world = await startWorld(cleanup, {
      wire,
      config: { session: { limit_cost_usd: 0 } },
      answer: ({ body }, response) => {
        const length = ((body['messages'] ?? body['input']) as Json[]).length
        turn += 1
        if (wire === 'chat') {
          sendStream(response, chatFrames({ reasoning: `hm ${length}`, text: `echo ${length}` }))
          return
        }
        const part = { type: 'output_text', text: `echo ${length}`, annotations: [] }
        const message = { type: 'message', id: `msg_${length}`, role: 'assistant', content: [part] }
        const reasoning = { type: 'reasoning', id: `rs_${length}`, summary: [] }
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end(
          JSON.stringify({
            id: `resp_u${turn}`,
            object: 'response',
            status: 'completed',
            output: [{ ...reasoning, encrypted_content: 'sealed' }, message],
            usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 },
          }),
        )
      },
    })
    await fc.assert(
      fc.asyncProperty(turns, async (said) => {
        const sent: string[][] = []
        for (const way of wire === 'chat' ? WAYS : WAYS.slice(0, 3)) {
          const tell = way(world)
          const before = world.upstream.received.length
          for (const input of said) await tell(input)
          sent.push(world.upstream.received.slice(before).map(({ body }) => JSON.stringify(body)))
        }
        for (const other of sent) expect(other).toEqual(sent[0])
      }),
      { numRuns: 15 },
    )
  })
})

const POSTGRES = process.env['TEST_POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/test'
const database = `state_${randomUUID().replaceAll('-', '')}`

async function onServer(sql: string): Promise<void> {
  const client = new Client({ connectionString: POSTGRES, connectionTimeoutMillis: 2_000 })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
const hasPostgres = await onServer(`CREATE DATABASE ${database}`).then(
  () => true,
  () => false,
)
afterAll(async () => {
  if (hasPostgres) await onServer(`DROP DATABASE ${database} WITH (FORCE)`)
})

const STORES: Record<string, () => StorageSettings> = {
  sqlite: sqliteStorage,
  postgres: () => {
    const url = new URL(POSTGRES)
    url.pathname = `/${database}`
    const stateDir = mkdtempSync(join(tmpdir(), 'synth-state-'))
    return { stateDir, store: { kind: 'postgres', url: url.href } }
  },
}

describe.each(Object.keys(STORES))('over %s', (kind) => {
  const isThere = kind !== 'postgres' || hasPostgres

  test.skipIf(!isThere)('a conversation goes on after the bridge was stopped', async () => {
    const storage = STORES[kind]?.()
    const world = await startWorld(cleanup, { ...(storage === undefined ? {} : { storage }) })
    const first = await ask(world, { input: 'one' })
    const made = await world.json('POST', '/v1/conversations', { metadata: { topic: 'x' } })
    await ask(world, { input: 'in it', conversation: made['id'] })
    await world.restart()
    expect(await world.json('GET', `${RESPONSES}/${first['id']}`)).toEqual(first)
    await ask(world, { input: 'two', previous_response_id: first['id'] })
    expect(messagesOf(world.upstream)).toEqual([
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'echo 1', reasoning_content: 'thinking 1' },
      { role: 'user', content: 'two' },
    ])
    expect(await world.json('GET', `/v1/conversations/${made['id']}`)).toEqual(made)
    await ask(world, { input: 'more', conversation: { id: made['id'] } })
    expect(messagesOf(world.upstream)).toMatchObject([
      { content: 'in it' },
      { content: 'echo 1' },
      { content: 'more' },
    ])
  })
})
