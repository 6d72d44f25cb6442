/** The `openai` package on the Responses API, answers in one piece. */
import type OpenAI from 'openai'
import { zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod'
import type { ResponseInput, ResponseInputItem } from 'openai/resources/responses/responses'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { DOT_PNG_BASE64 } from '../e2e/harness/png.ts'
import { callsIn, outputsIn } from '../e2e/harness/read-request.ts'
import { answer, say } from '../e2e/harness/turns.ts'
import { openClient } from './openai.ts'
import { MODEL } from './stage.ts'

const WeatherSchema = z.object({ city: z.string(), celsius: z.number() })
const weather = zodTextFormat(WeatherSchema, 'weather')
const lookUp = zodResponsesFunction({
  name: 'look_up',
  description: 'Looks a city up.',
  parameters: z.object({ city: z.string() }),
})

describe('create', () => {
  test('a string in, text and figures out', async () => {
    const usage = { prompt: 40, completion: 9, cached: 32, reasoning: 4 }
    const { stage, client } = await openClient({
      script: [answer({ reasoning: 'A greeting.', text: 'Good morning.', usage })],
    })
    const response = await client.responses.create({
      model: MODEL,
      instructions: 'Be brief.',
      input: 'Say good morning.',
      metadata: { ticket: '42' },
      temperature: 0.5,
    })
    expect(response).toMatchObject({
      id: expect.stringMatching(/^resp_/),
      status: 'completed',
      model: MODEL,
      output_text: 'Good morning.',
      incomplete_details: null,
      error: null,
      instructions: 'Be brief.',
      metadata: { ticket: '42' },
      temperature: 0.5,
      usage: {
        input_tokens: 40,
        input_tokens_details: { cached_tokens: 32 },
        output_tokens: 9,
        output_tokens_details: { reasoning_tokens: 4 },
        total_tokens: 49,
      },
      _request_id: expect.stringMatching(/^req_/),
    })
    expect(response.output.map(({ type }) => type)).toEqual(['reasoning', 'message'])
    expect(stage.upstream.requests[0]?.body).toMatchObject({
      model: 'upstream-model',
      temperature: 0.5,
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Say good morning.' },
      ],
    })
  })

  test('a picture and a file beside the text', async () => {
    const { stage, client } = await openClient({ script: [say('A dot.')] })
    const url = `data:image/png;base64,${DOT_PNG_BASE64}`
    const file = 'data:application/pdf;base64,JVBERi0='
    const response = await client.responses.create({
      model: MODEL,
      input: [
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'What is it?' },
            { type: 'input_image', image_url: url, detail: 'low' },
            { type: 'input_file', filename: 'a.pdf', file_data: file },
          ],
        },
      ],
    })
    expect(response.output_text).toBe('A dot.')
    expect(stage.upstream.requests[0]?.body.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is it?' },
          { type: 'image_url', image_url: { url, detail: 'low' } },
          { type: 'file', file: { filename: 'a.pdf', file_data: file } },
        ],
      },
    ])
  })

  test('an answer cut at the token limit says so, and keeps its words', async () => {
    const { client } = await openClient({
      script: [answer({ text: 'Once upon a', finish: 'length' })],
    })
    const response = await client.responses.create({
      model: MODEL,
      input: 'A story.',
      max_output_tokens: 16,
    })
    expect(response).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output_text: 'Once upon a',
    })
  })

  test('what the upstream could not be given is named in a header', async () => {
    const { client } = await openClient({ script: [say('No idea.')] })
    const { data, response } = await client.responses
      .create({ model: MODEL, input: 'News?', tools: [{ type: 'web_search' }] })
      .withResponse()
    expect(data.output_text).toBe('No idea.')
    expect(response.headers.get('x-synth-dropped')).toContain('tools.web_search')
  })
})

describe('parse', () => {
  test('gives the object that the schema describes', async () => {
    const { stage, client } = await openClient({ script: [say('{"city":"Oslo","celsius":-3}')] })
    const response = await client.responses.parse({
      model: MODEL,
      input: 'Oslo?',
      text: { format: weather },
    })
    expect(response.output_parsed).toEqual({ city: 'Oslo', celsius: -3 })
    expect(stage.upstream.requests[0]?.body['response_format']).toMatchObject({
      type: 'json_schema',
      json_schema: { name: 'weather', strict: true, schema: { required: ['city', 'celsius'] } },
    })
  })

  test('leaves a refusal unparsed', async () => {
    const { client } = await openClient({ script: [answer({ refusal: 'I will not.' })] })
    const response = await client.responses.parse({
      model: MODEL,
      input: 'Oslo?',
      text: { format: weather },
    })
    expect(response.output_parsed).toBeNull()
    expect(response.output).toMatchObject([
      { type: 'message', content: [{ type: 'refusal', refusal: 'I will not.' }] },
    ])
  })

  test('leaves a cut object unparsed instead of failing on half a JSON', async () => {
    const { client } = await openClient({
      script: [answer({ text: '{"city":"Os', finish: 'length' })],
    })
    const response = await client.responses.parse({
      model: MODEL,
      input: 'Oslo?',
      text: { format: weather },
    })
    expect(response).toMatchObject({ status: 'incomplete', output_parsed: null })
  })

  test('gives each of several calls its arguments', async () => {
    const { client } = await openClient({
      script: [
        answer({
          calls: [
            { id: 'call_a', name: 'look_up', arguments: { city: 'Oslo' } },
            { id: 'call_b', name: 'look_up', arguments: { city: 'Rome' } },
          ],
          pieceChars: 3,
          interleaved: true,
        }),
      ],
    })
    const response = await client.responses.parse({
      model: MODEL,
      input: 'Oslo and Rome?',
      tools: [lookUp],
      parallel_tool_calls: true,
    })
    expect(response.output).toMatchObject([
      { type: 'function_call', call_id: 'call_a', parsed_arguments: { city: 'Oslo' } },
      { type: 'function_call', call_id: 'call_b', parsed_arguments: { city: 'Rome' } },
    ])
  })
})

describe('a conversation that the client keeps', () => {
  test('calls, outputs and answers go back as the model had them', async () => {
    const { stage, client } = await openClient({
      script: [
        answer({
          text: 'I look.',
          calls: [
            { id: 'call_a', name: 'look_up', arguments: { city: 'Oslo' } },
            { id: 'call_b', name: 'look_up', arguments: { city: 'Rome' } },
          ],
        }),
        say('Oslo is colder.'),
        say('By 15 degrees.'),
      ],
    })
    const input: ResponseInput = [{ role: 'user', content: 'Which is colder?' }]
    const ask = async () => {
      const response = await client.responses.create({ model: MODEL, input, tools: [lookUp] })
      input.push(...(response.output as ResponseInputItem[]))
      return response
    }
    for (const item of (await ask()).output) {
      if (item.type !== 'function_call') continue
      const { city } = JSON.parse(item.arguments)
      input.push({ type: 'function_call_output', call_id: item.call_id, output: `${city}: fine` })
    }
    expect((await ask()).output_text).toBe('Oslo is colder.')
    input.push({ role: 'user', content: 'By how much?' })
    expect((await ask()).output_text).toBe('By 15 degrees.')

    const messages = stage.upstream.requests[2]?.body.messages ?? []
    expect(messages.map(({ role }) => role)).toEqual([
      ...['user', 'assistant', 'tool', 'tool', 'assistant', 'user'],
    ])
    expect(callsIn(messages).map(({ id }) => id)).toEqual(['call_a', 'call_b'])
    expect(outputsIn(messages)).toEqual({ call_a: 'Oslo: fine', call_b: 'Rome: fine' })
    expect(messages[1]?.content).toBe('I look.')
  })

  test('reasoning comes back to the model out of encrypted_content', async () => {
    const { stage, client } = await openClient({
      script: [answer({ reasoning: 'It is a greeting.', text: 'Hi.' }), say('Still here.')],
    })
    const first = await client.responses.create({
      model: MODEL,
      input: 'Hello.',
      store: false,
      include: ['reasoning.encrypted_content'],
    })
    const [reasoning] = first.output
    if (reasoning?.type !== 'reasoning') throw new Error(`${reasoning?.type} comes first`)
    expect(reasoning.encrypted_content).not.toContain('greeting')
    await client.responses.create({
      model: MODEL,
      store: false,
      input: [
        { role: 'user', content: 'Hello.' },
        // Only what is sealed: the summary is not what the model is given.
        { ...reasoning, summary: [] },
        ...(first.output.slice(1) as ResponseInputItem[]),
        { role: 'user', content: 'Are you there?' },
      ],
    })
    expect(stage.upstream.requests[1]?.body.messages).toEqual([
      { role: 'user', content: 'Hello.' },
      { role: 'assistant', content: 'Hi.', reasoning_content: 'It is a greeting.' },
      { role: 'user', content: 'Are you there?' },
    ])
  })

  test('a custom tool gets its text, and its output goes back', async () => {
    const { stage, client } = await openClient({
      script: [
        answer({
          calls: [{ id: 'call_sql', name: 'sql', arguments: { input: 'SELECT "a"\nFROM b' } }],
          pieceChars: 2,
        }),
        say('Done.'),
      ],
    })
    const input: ResponseInput = [{ role: 'user', content: 'Query b.' }]
    const tools: OpenAI.Responses.Tool[] = [{ type: 'custom', name: 'sql' }]
    const first = await client.responses.create({ model: MODEL, input, tools })
    expect(first.output).toMatchObject([
      { type: 'custom_tool_call', call_id: 'call_sql', name: 'sql', input: 'SELECT "a"\nFROM b' },
    ])
    input.push(...(first.output as ResponseInputItem[]), {
      type: 'custom_tool_call_output',
      call_id: 'call_sql',
      output: '1 row',
    })
    const second = await client.responses.create({ model: MODEL, input, tools })
    expect(second.output_text).toBe('Done.')
    expect(outputsIn(stage.upstream.requests[1]?.body.messages ?? [])).toEqual({
      call_sql: '1 row',
    })
  })
})

test('models are listed, and each can be asked for', async () => {
  const { client } = await openClient({ script: [] })
  const ids: string[] = []
  for await (const model of client.models.list()) ids.push(model.id)
  expect(ids).toContain(MODEL)
  expect(await client.models.retrieve(MODEL)).toMatchObject({ id: MODEL, object: 'model' })
})
