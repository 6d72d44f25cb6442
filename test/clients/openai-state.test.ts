/** The `openai` package on what the bridge keeps: responses, conversations, background runs. */
import OpenAI, { BadRequestError, NotFoundError } from 'openai'
import type { Response, ResponseStreamEvent } from 'openai/resources/responses/responses'
import { describe, expect, test } from 'vitest'
import { withDeadline } from '../e2e/harness/deadline.ts'
import { callsIn, messageText, outputsIn } from '../e2e/harness/read-request.ts'
import { answer, call, fallsSilent, say } from '../e2e/harness/turns.ts'
import { openClient } from './openai.ts'
import { MODEL, type Stage } from './stage.ts'

/** The messages of the upstream's request of that number, as role and text. */
const told = (stage: Stage, index: number) =>
  (stage.upstream.requests[index]?.body.messages ?? []).map(
    (message) => `${message.role}: ${messageText(message)}`,
  )

describe('previous_response_id', () => {
  test('goes on from what was said; instructions are not carried over', async () => {
    const { stage, client } = await openClient({
      script: [say('Hello, Ada.'), say('You are Ada.'), say('Ada, still.')],
    })
    const first = await client.responses.create({
      model: MODEL,
      instructions: 'Be brief.',
      input: 'I am Ada.',
    })
    const second = await client.responses.create({
      model: MODEL,
      previous_response_id: first.id,
      input: 'Who am I?',
    })
    expect(second).toMatchObject({
      output_text: 'You are Ada.',
      previous_response_id: first.id,
      instructions: null,
    })
    const third = await client.responses
      .stream({ model: MODEL, previous_response_id: second.id, input: 'And now?' })
      .finalResponse()
    expect(third.output_text).toBe('Ada, still.')
    expect(told(stage, 0)).toEqual(['system: Be brief.', 'user: I am Ada.'])
    expect(told(stage, 2)).toEqual([
      'user: I am Ada.',
      'assistant: Hello, Ada.',
      'user: Who am I?',
      'assistant: You are Ada.',
      'user: And now?',
    ])
  })

  test('takes the outputs of the calls that the response made', async () => {
    const { stage, client } = await openClient({
      script: [
        answer({
          reasoning: 'Both.',
          calls: [
            { id: 'call_a', name: 'look_up', arguments: { city: 'Oslo' } },
            { id: 'call_b', name: 'look_up', arguments: { city: 'Rome' } },
          ],
        }),
        say('Fine.'),
      ],
    })
    const tools: OpenAI.Responses.Tool[] = [
      { type: 'function', name: 'look_up', parameters: {}, strict: false },
    ]
    const first = await client.responses.create({ model: MODEL, input: 'Both?', tools })
    const outputs = first.output.flatMap((item) =>
      item.type === 'function_call' ? [{ id: item.call_id, city: item.arguments }] : [],
    )
    const second = await client.responses.create({
      model: MODEL,
      previous_response_id: first.id,
      tools,
      input: outputs.map(({ id, city }) => ({
        type: 'function_call_output',
        call_id: id,
        output: `fine in ${city}`,
      })),
    })
    expect(second.output_text).toBe('Fine.')
    const { messages = [] } = stage.upstream.requests[1]?.body ?? {}
    expect(callsIn(messages).map(({ id }) => id)).toEqual(['call_a', 'call_b'])
    expect(outputsIn(messages)['call_b']).toBe('fine in {"city":"Rome"}')
    expect(messages[1]?.reasoning_content).toBe('Both.')
  })

  test('that nobody knows is a BadRequestError which names it', async () => {
    const { stage, client } = await openClient({ script: [] })
    const asking = client.responses.create({
      model: MODEL,
      previous_response_id: 'resp_nobody',
      input: 'Hi.',
    })
    await expect(asking).rejects.toThrow(BadRequestError)
    await expect(asking).rejects.toMatchObject({
      code: 'previous_response_not_found',
      param: 'previous_response_id',
    })
    expect(stage.sent).toHaveLength(1)
  })
})

describe('a stored response', () => {
  test('is retrieved as it was answered, its input in pages, until it is deleted', async () => {
    const { client } = await openClient({ script: [say('Three.')] })
    const created = await client.responses.create({
      model: MODEL,
      input: ['one', 'two', 'three'].map((content) => ({ role: 'user' as const, content })),
    })
    expect(await client.responses.retrieve(created.id)).toMatchObject({
      id: created.id,
      output: created.output,
      output_text: 'Three.',
      usage: created.usage,
    })
    const texts: unknown[] = []
    // Two at a time: the package asks for the next page by itself.
    const items = client.responses.inputItems.list(created.id, { order: 'asc', limit: 2 })
    for await (const item of items) texts.push('content' in item ? item.content : item.type)
    expect(texts).toMatchObject([[{ text: 'one' }], [{ text: 'two' }], [{ text: 'three' }]])
    await client.responses.delete(created.id)
    await expect(client.responses.retrieve(created.id)).rejects.toThrow(NotFoundError)
  })

  test('streams again, from the beginning or from where one was', async () => {
    const { client } = await openClient({ script: [say('one two three')] })
    const live: ResponseStreamEvent[] = []
    const stream = await client.responses.create({ model: MODEL, input: 'Count.', stream: true })
    for await (const event of stream) live.push(event)
    const [created] = live
    if (created?.type !== 'response.created') throw new Error(`${created?.type} comes first`)
    const { id } = created.response
    const again: ResponseStreamEvent[] = []
    const replayed = await client.responses.retrieve(id, { stream: true })
    for await (const event of replayed) again.push(event)
    expect(again).toEqual(live)
    const rest: number[] = []
    const resumed = await client.responses.retrieve(id, { stream: true, starting_after: 5 })
    for await (const { sequence_number } of resumed) rest.push(sequence_number)
    expect(rest).toEqual(live.map(({ sequence_number }) => sequence_number).slice(6))
    const final = await client.responses
      .stream({ response_id: id, starting_after: 5 })
      .finalResponse()
    expect(final.output_text).toBe('one two three')
  })

  test('is not kept with store: false', async () => {
    const { client } = await openClient({ script: [say('Hi.')] })
    const { id } = await client.responses.create({ model: MODEL, input: 'Hi.', store: false })
    await expect(client.responses.retrieve(id)).rejects.toThrow(NotFoundError)
  })
})

describe('in the background', () => {
  const ASK = { model: MODEL, input: 'Take your time.', background: true }

  async function ended(client: OpenAI, id: string): Promise<Response> {
    for (;;) {
      const response = await client.responses.retrieve(id)
      if (response.status !== 'queued' && response.status !== 'in_progress') return response
    }
  }

  test('a response is there at once, and done when it is polled for', async () => {
    const { client } = await openClient({ script: [say('All done.')] })
    const created = await client.responses.create(ASK)
    expect(['queued', 'in_progress']).toContain(created.status)
    expect(created.background).toBe(true)
    const done = await withDeadline('the answer', 10_000, ended(client, created.id))
    expect(done).toMatchObject({ status: 'completed', output_text: 'All done.' })
  })

  test('cancel ends it, and lets the upstream go', async () => {
    const { stage, client } = await openClient({ script: [fallsSilent('Thinking')] })
    const { id } = await client.responses.create(ASK)
    const request = await withDeadline('the request', 10_000, stage.upstream.arrival(0))
    expect(await client.responses.cancel(id)).toMatchObject({ id, status: 'cancelled' })
    await withDeadline('the upstream’s connection to close', 2_000, request.closed)
    expect((await client.responses.retrieve(id)).status).toBe('cancelled')
  })

  test('a stream that was left goes on, and is taken up where it was', async () => {
    const { stage, client } = await openClient({ script: [say('one two three')] })
    const stream = await client.responses.create({ ...ASK, stream: true })
    let id = ''
    let left = -1
    for await (const event of stream) {
      if (event.type === 'response.created') id = event.response.id
      left = event.sequence_number
      if (event.type === 'response.in_progress') break
    }
    let text = ''
    let last = ''
    const rest = await client.responses.retrieve(id, { stream: true, starting_after: left })
    for await (const event of rest) {
      expect(event.sequence_number).toBe(left + 1)
      left = event.sequence_number
      last = event.type
      if (event.type === 'response.output_text.delta') text += event.delta
    }
    expect(text).toBe('one two three')
    expect(last).toBe('response.completed')
    expect(stage.upstream.requests).toHaveLength(1)
  })
})

describe('a conversation', () => {
  test('holds what both sides said, and can be read and changed', async () => {
    const { stage, client } = await openClient({
      script: [call('look_up', { city: 'Oslo' }, 'call_a'), say('Snow.'), say('Oslo.')],
    })
    const { id } = await client.conversations.create({
      metadata: { topic: 'weather' },
      items: [{ type: 'message', role: 'developer', content: 'Be brief.' }],
    })
    const ask = (input: OpenAI.Responses.ResponseInput) =>
      client.responses.create({ model: MODEL, conversation: id, input })
    const first = await ask([{ role: 'user', content: 'Oslo?' }])
    expect(first.conversation).toEqual({ id })
    await ask([{ type: 'function_call_output', call_id: 'call_a', output: 'snow' }])
    expect((await ask([{ role: 'user', content: 'Which city?' }])).output_text).toBe('Oslo.')
    expect(told(stage, 2)).toEqual([
      'system: Be brief.',
      'user: Oslo?',
      'assistant: ',
      'tool: snow',
      'assistant: Snow.',
      'user: Which city?',
    ])
    const kinds: string[] = []
    const items = client.conversations.items.list(id, { order: 'asc', limit: 3 })
    let lastId = ''
    for await (const item of items) {
      kinds.push(item.type === 'message' ? `${item.type} ${item.role}` : item.type)
      lastId = 'id' in item && typeof item.id === 'string' ? item.id : ''
    }
    expect(kinds).toEqual([
      'message developer',
      'message user',
      'function_call',
      'function_call_output',
      'message assistant',
      'message user',
      'message assistant',
    ])
    expect(
      await client.conversations.items.retrieve(lastId, { conversation_id: id }),
    ).toMatchObject({ role: 'assistant', content: [{ type: 'output_text', text: 'Oslo.' }] })
    await client.conversations.items.delete(lastId, { conversation_id: id })
    await client.conversations.update(id, { metadata: { topic: 'cities' } })
    expect(await client.conversations.retrieve(id)).toMatchObject({
      id,
      metadata: { topic: 'cities' },
    })
    await client.conversations.delete(id)
    await expect(client.conversations.retrieve(id)).rejects.toThrow(NotFoundError)
  })

  test('is nobody else’s', async () => {
    const keys = ['a', 'b'].map((name) => ({ name, key_env: `KEY_${name}`, org_id: orgOf(name) }))
    const { stage } = await openClient({
      script: [say('Hi.')],
      config: { keys },
      env: { KEY_a: 'key-a', KEY_b: 'key-b' },
    })
    const as = (apiKey: string) =>
      new OpenAI({ baseURL: stage.baseUrl, apiKey, fetch: stage.fetch })
    const conversation = await as('key-a').conversations.create({})
    const { id } = await as('key-a').responses.create({ model: MODEL, input: 'Hi.' })
    await expect(as('key-b').conversations.retrieve(conversation.id)).rejects.toThrow(NotFoundError)
    await expect(as('key-b').responses.retrieve(id)).rejects.toThrow(NotFoundError)
    await expect(
      as('key-b').responses.create({ model: MODEL, previous_response_id: id, input: 'Hi.' }),
    ).rejects.toMatchObject({ code: 'previous_response_not_found' })
    expect((await as('key-a').responses.retrieve(id)).output_text).toBe('Hi.')
  })
})

const orgOf = (name: string) => `00000000-0000-4000-8000-00000000000${name}`
