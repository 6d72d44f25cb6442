/** The `ai` package on what the bridge keeps, which is what it relies on by default. */
import { generateText, isStepCount, type ModelMessage, streamText } from 'ai'
import OpenAI from 'openai'
import { expect, test } from 'vitest'
import { callsIn, outputsIn } from '../e2e/harness/read-request.ts'
import { say } from '../e2e/harness/turns.ts'
import { openProvider, weatherTool } from './ai-sdk.ts'
import { CLIENT_KEY, MODEL } from './stage.ts'
import { TWO_CALLS } from './weather.ts'

test('steps refer to earlier items, and the model is told all of them', async () => {
  const { stage, openai } = await openProvider({
    script: [TWO_CALLS, say('Both are fine.'), say('Oslo and Rome.')],
  })
  const { tools } = weatherTool()
  const model = openai(MODEL)
  const messages: ModelMessage[] = [{ role: 'user', content: 'Oslo and Rome?' }]
  const ask = () => {
    const providerOptions = { openai: { forceReasoning: true } }
    return streamText({ model, messages, tools, stopWhen: isStepCount(5), providerOptions })
  }
  const first = ask()
  expect(await first.text).toBe('Both are fine.')
  messages.push(...(await first.responseMessages), { role: 'user', content: 'Which cities?' })
  expect(await ask().text).toBe('Oslo and Rome.')

  expect(stage.sent[2]?.body['input']).toContainEqual({
    type: 'item_reference',
    id: expect.any(String),
  })
  const told = stage.upstream.requests[2]?.body.messages ?? []
  expect(told.map(({ role }) => role)).toEqual([
    ...['user', 'assistant', 'tool', 'tool', 'assistant', 'user'],
  ])
  expect(callsIn(told).map(({ id }) => id)).toEqual(['call_a', 'call_b'])
  expect(outputsIn(told)).toEqual({ call_a: 'Oslo: fine', call_b: 'Rome: fine' })
  expect(told[1]?.reasoning_content).toBe('Both at once.')
  expect(told[4]?.content).toBe('Both are fine.')
})

test.each(['previousResponseId', 'conversation'] as const)('%s goes on', async (way) => {
  const { stage, model } = await openProvider({ script: [say('Hello, Ada.'), say('Ada.')] })
  const owner = new OpenAI({ baseURL: stage.baseUrl, apiKey: CLIENT_KEY })
  const { id: conversation } = await owner.conversations.create({})
  const first = await generateText({
    model,
    prompt: 'I am Ada.',
    ...(way === 'conversation' && { providerOptions: { openai: { conversation } } }),
  })
  const link = way === 'conversation' ? conversation : (first.response.id ?? '')
  const { text } = await generateText({
    model,
    prompt: 'Who am I?',
    providerOptions: { openai: { [way]: link } },
  })
  expect(text).toBe('Ada.')
  expect(stage.upstream.requests[1]?.body.messages.map(({ content }) => content)).toEqual([
    ...['I am Ada.', 'Hello, Ada.', 'Who am I?'],
  ])
})
