/** `POST …/responses/input_tokens`: exact where the upstream counts, an estimate that says so elsewhere. */
import { afterEach, describe, expect, test } from 'vitest'
import { startTestBridge } from '../support/bridge.ts'
import { type ReceivedRequest, startHttpUpstream } from '../support/http-upstream.ts'
import { sendJson } from '../support/model-server.ts'

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.close()))
})

/** @param answers by path; any other path is a 404 */
async function count(
  answers: Readonly<Record<string, unknown>>,
  upstreamKeys: object,
  request: object = {},
) {
  const upstream = await startHttpUpstream(({ path }, response) => {
    const body = answers[path]
    if (body === undefined) sendJson(response, 404, { error: { message: 'no such route' } })
    else sendJson(response, 200, body)
  })
  running.push(upstream)
  const bridge = await startTestBridge({
    config: {
      upstreams: { local: { base_url: upstream.baseUrl, ...upstreamKeys } },
      models: { m: { upstream: 'local', model: 'real-name' } },
    },
  })
  running.push(bridge)
  const answer = await fetch(`${bridge.url}/v1/responses/input_tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', input: 'How long is this?', ...request }),
  })
  const body: { input_tokens: number } = JSON.parse(await answer.text())
  return { answer, body, received: upstream.received, events: bridge.events }
}

const bodies = (received: readonly ReceivedRequest[]) =>
  received.map(({ path, body }) => ({ path, body }))
const MESSAGES = [{ role: 'user', content: 'How long is this?' }]

describe('input_tokens', () => {
  test('is an estimate from above, and says so', async () => {
    const { answer, body, received } = await count({}, {}, { tools: [{ type: 'web_search' }] })
    expect(answer.status).toBe(200)
    expect(body).toEqual({
      object: 'response.input_tokens',
      input_tokens: expect.any(Number),
      estimated: true,
    })
    expect(body.input_tokens).toBeGreaterThan(5)
    expect(body.input_tokens).toBeLessThan(60)
    expect(answer.headers.get('x-synth-dropped')).toBe('tools.web_search')
    expect(received).toEqual([])
  })

  test('grows with the input', async () => {
    const short = await count({}, {})
    const long = await count({}, {}, { input: 'word '.repeat(3000) })
    expect(long.body.input_tokens).toBeGreaterThan(short.body.input_tokens + 3000)
  })

  test('is what vLLM counts', async () => {
    const { body, received } = await count(
      { '/tokenize': { count: 42, max_model_len: 4096, tokens: [] } },
      { count_tokens: 'vllm' },
    )
    expect(body).toMatchObject({ input_tokens: 42, estimated: false })
    expect(bodies(received)).toEqual([
      {
        path: '/tokenize',
        body: { model: 'real-name', messages: MESSAGES, add_generation_prompt: true },
      },
    ])
  })

  test('is what llama.cpp counts', async () => {
    const { body, received } = await count(
      { '/v1/chat/completions/input_tokens': { input_tokens: 43 } },
      { count_tokens: 'llama.cpp' },
    )
    expect(body).toMatchObject({ input_tokens: 43, estimated: false })
    expect(received).toMatchObject([{ body: { messages: MESSAGES } }])
  })

  test('is what an older llama.cpp makes of its template', async () => {
    const { body, received } = await count(
      {
        '/apply-template': { prompt: '<user>How long is this?<assistant>' },
        '/tokenize': { tokens: [1, 2, 3] },
      },
      { count_tokens: 'llama.cpp' },
    )
    expect(body).toMatchObject({ input_tokens: 3, estimated: false })
    expect(received.at(-1)).toMatchObject({
      path: '/tokenize',
      body: { content: '<user>How long is this?<assistant>', add_special: true },
    })
  })

  test('is what an upstream that speaks Responses counts', async () => {
    const { body, received } = await count(
      { '/v1/responses/input_tokens': { object: 'response.input_tokens', input_tokens: 44 } },
      { wire: 'responses', count_tokens: 'responses' },
    )
    expect(body).toMatchObject({ input_tokens: 44, estimated: false })
    expect(received).toMatchObject([{ body: { model: 'real-name' } }])
  })

  test.each([
    { name: 'refuses', answers: {} },
    { name: 'answers with something else', answers: { '/tokenize': { length: 3 } } },
  ])('is an estimate where the upstream $name, and the log says why', async ({ answers }) => {
    const { body, events } = await count(answers, { count_tokens: 'vllm' })
    expect(body).toMatchObject({ estimated: true })
    expect(events).toMatchObject([
      { level: 'warn', message: expect.stringMatching(/^tokens were estimated/) },
    ])
  })

  test('without a model is a 400', async () => {
    const { answer, body } = await count({}, {}, { model: undefined })
    expect(answer.status).toBe(400)
    expect(body).toMatchObject({ error: { param: 'model' } })
  })
})
