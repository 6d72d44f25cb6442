/** Client libraries given a trial's URL as it is handed out, query and all, with a key of their own. */
import { createOpenAI } from '@ai-sdk/openai'
import { generateText, streamText } from 'ai'
import OpenAI from 'openai'
import { expect, test } from 'vitest'
import { completion, say } from '../e2e/harness/turns.ts'
import type { Script } from '../e2e/harness/upstream.ts'
import { STATELESS } from './ai-sdk.ts'
import { MODEL, openStage } from './stage.ts'

const APP_KEY = 'sk_env_0123456789abcdef'

async function openTrial(script: Script) {
  const stage = await openStage({ script })
  const answer = await fetch(`${stage.bridge.url}/api/interceptor/v1/trials`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      candidate: {
        strict: true,
        replacements: [{ apply_to_role: 'user', old_text: 'baseline', new_text: 'candidate' }],
      },
    }),
  })
  const { inference_url: inferenceUrl } = (await answer.json()) as { inference_url: string }
  const prompts = () =>
    stage.upstream.requests.map(({ body }) => body.messages.at(-1)?.content ?? null)
  return { stage, inferenceUrl, prompts }
}

test('the openai package, on either API, whole and streamed', async () => {
  const { stage, inferenceUrl, prompts } = await openTrial([
    completion({ text: 'one' }),
    say('two'),
    say('three'),
  ])
  const client = new OpenAI({ baseURL: inferenceUrl, apiKey: APP_KEY, fetch: stage.fetch })
  const messages = [{ role: 'user' as const, content: 'the baseline' }]
  const whole = await client.chat.completions.create({ model: MODEL, messages })
  expect(whole.choices[0]?.message.content).toBe('one')
  let streamed = ''
  for await (const chunk of await client.chat.completions.create({
    model: MODEL,
    messages,
    stream: true,
  })) {
    streamed += chunk.choices[0]?.delta.content ?? ''
  }
  expect(streamed).toBe('two')
  const response = await client.responses.create({ model: MODEL, input: 'the baseline' })
  expect(response.output_text).toBe('three')
  expect(prompts()).toEqual(['the candidate', 'the candidate', 'the candidate'])
  expect(JSON.stringify(stage.upstream.requests.map(({ headers }) => headers))).not.toContain(
    APP_KEY,
  )
})

test("the AI SDK's provider, on either API", async () => {
  const { stage, inferenceUrl, prompts } = await openTrial([
    completion({ text: 'one' }),
    say('two'),
  ])
  const openai = createOpenAI({ baseURL: inferenceUrl, apiKey: APP_KEY, fetch: stage.fetch })
  const prompt = 'the baseline'
  const { text } = await generateText({ model: openai.chat(MODEL), prompt })
  expect(text).toBe('one')
  const streamed = streamText({ model: openai(MODEL), prompt, providerOptions: STATELESS })
  expect(await streamed.text).toBe('two')
  expect(prompts()).toEqual(['the candidate', 'the candidate'])
})
