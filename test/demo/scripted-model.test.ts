import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DEMO_PROMPT } from '../../src/demo/script.ts'
import { type ScriptedModel, startScriptedModel } from '../../src/demo/scripted-model.ts'

let model: ScriptedModel
beforeEach(async () => {
  model = await startScriptedModel({ now: () => 1_700_000_000_500 })
})
afterEach(() => model.close())

const messages = [{ role: 'user', content: DEMO_PROMPT }]
const tools = [
  { type: 'function', function: { name: 'exec_command', parameters: { type: 'object' } } },
]

/** The body, as untyped as it is on the wire. */
const json = async (response: Response) => JSON.parse(await response.text())

const post = (body: unknown) =>
  fetch(`${model.url}/chat/completions`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

async function stream(body: Record<string, unknown>) {
  const response = await post({ model: 'synth-demo', messages, tools, stream: true, ...body })
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  const frames = (await response.text()).split('\n\n').filter((frame) => frame !== '')
  expect(frames.at(-1)).toBe('data: [DONE]')
  return frames.slice(0, -1).map((frame) => JSON.parse(frame.replace(/^data: /, '')))
}

describe('a stream', () => {
  test('opens with the role, splits arguments, and closes with its reason', async () => {
    const chunks = await stream({})
    const deltas = chunks.map((chunk) => chunk.choices[0].delta)
    expect(deltas[0]).toEqual({ role: 'assistant', content: '' })
    expect(chunks.at(-1).choices[0]).toEqual({ index: 0, delta: {}, finish_reason: 'tool_calls' })
    const calls = deltas.flatMap((delta) => delta.tool_calls ?? [])
    expect(calls[0]).toEqual({
      index: 0,
      id: 'call_demo_1_0',
      type: 'function',
      function: { name: 'exec_command', arguments: '' },
    })
    const pieces = calls.map((call) => call.function.arguments)
    expect(pieces.length).toBeGreaterThan(2)
    expect(JSON.parse(pieces.join(''))).toEqual({ cmd: 'cat seed.txt' })
  })

  test('adds up to the whole answer', async () => {
    const chunks = await stream({})
    const whole = await json(await post({ messages, tools }))
    const text = chunks.map((chunk) => chunk.choices[0].delta.content ?? '').join('')
    expect(text).toBe(whole.choices[0].message.content)
    expect(whole).toMatchObject({
      object: 'chat.completion',
      model: 'synth-demo',
      created: 1_700_000_000,
      choices: [
        {
          finish_reason: 'tool_calls',
          message: {
            role: 'assistant',
            tool_calls: [{ function: { arguments: '{"cmd":"cat seed.txt"}' } }],
          },
        },
      ],
    })
  })

  test('sends usage only when asked, in a chunk without choices', async () => {
    expect((await stream({})).every((chunk) => !('usage' in chunk))).toBe(true)
    const chunks = await stream({ stream_options: { include_usage: true } })
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true)
    expect(chunks.at(-1).choices).toEqual([])
    expect(chunks.at(-1).usage.total_tokens).toBeGreaterThan(0)
  })
})

describe('usage', () => {
  const usageOf = async (body: Record<string, unknown>) => (await json(await post(body))).usage

  test('grows with the prompt, adds up, and counts nothing cached at first', async () => {
    const short = await usageOf({ messages: [{ role: 'user', content: 'a' }] })
    const long = await usageOf({ messages: [{ role: 'user', content: 'a'.repeat(4_000) }] })
    expect(long.prompt_tokens - short.prompt_tokens).toBeGreaterThanOrEqual(999)
    expect(long.total_tokens).toBe(long.prompt_tokens + long.completion_tokens)
    expect(long.prompt_tokens_details).toEqual({ cached_tokens: 0 })
  })

  test('counts what the call before it had sent as cached', async () => {
    const first = [{ role: 'user', content: 'a'.repeat(4_000) }]
    const before = await usageOf({ messages: first })
    const after = await usageOf({
      messages: [...first, { role: 'assistant', content: 'b' }, { role: 'user', content: 'c' }],
    })
    const { cached_tokens: cached } = after.prompt_tokens_details
    expect(cached).toBeGreaterThan(before.prompt_tokens - 64)
    expect(cached).toBeLessThanOrEqual(before.prompt_tokens)
  })
})

test('a limit on the answer cuts it and says so', async () => {
  const body = await json(
    await post({ messages: [{ role: 'user', content: 'hi' }], max_tokens: 2 }),
  )
  expect(body.choices[0]).toMatchObject({
    finish_reason: 'length',
    message: { content: 'This is ' },
  })
  expect(body.usage.completion_tokens).toBe(2)
})

test('lists itself, and nothing else', async () => {
  const list = await json(await fetch(`${model.url}/models`))
  expect(list.data.map((card: { id: string }) => card.id)).toEqual(['synth-demo'])
  expect(await json(await fetch(`${model.url}/models/synth-demo`))).toEqual(list.data[0])
})

test('counts the requests it answered, and no others', async () => {
  await post({ messages })
  await post('not JSON')
  expect(model.requests).toBe(1)
})

test.each([
  { name: 'a body that is not JSON', body: '{', message: 'not JSON' },
  { name: 'a body without messages', body: {}, message: 'messages' },
  { name: 'a message without a role', body: { messages: [{}] }, message: 'messages.0.role' },
])('$name is a 400 that names the fault', async ({ body, message }) => {
  const response = await post(body)
  expect(response.status).toBe(400)
  expect((await json(response)).error.message).toContain(message)
})

test('an unknown route is a 404 in the shape of an API error', async () => {
  const response = await fetch(`${model.url}/embeddings`, { method: 'POST' })
  expect(response.status).toBe(404)
  expect((await json(response)).error.message).toContain('POST /embeddings')
})
