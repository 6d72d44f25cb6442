/** Compaction over real sockets: the route, the trigger item, and going on from what they gave. */
import { afterEach, describe, expect, test } from 'vitest'
import { CHECKPOINT_PROMPT, introduceSummary } from '../../src/translate/compaction.ts'
import { startTestBridge, type TestBridge } from '../support/bridge.ts'
import {
  type Answerer,
  answering,
  type HttpUpstream,
  startHttpUpstream,
  streaming,
  textFrames,
} from '../support/http-upstream.ts'
import { failuresOf, responseFailures, schemaFailures } from '../translate/relay/stream-findings.ts'

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.close()))
})

async function start(answer: Answerer, upstreamKeys = {}) {
  const upstream = await startHttpUpstream(answer)
  running.push(upstream)
  const bridge = await startTestBridge({
    config: {
      upstreams: { local: { base_url: upstream.baseUrl, max_retries: 0, ...upstreamKeys } },
      models: { m: { upstream: 'local' } },
    },
  })
  running.push(bridge)
  return { bridge, upstream }
}

function post(bridge: TestBridge, path: string, body: unknown): Promise<Response> {
  return fetch(`${bridge.url}/v1/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

const lastMessages = (upstream: HttpUpstream) => upstream.received.at(-1)?.body['messages']

const CONVERSATION = [
  { type: 'message', role: 'developer', content: 'Be brief.' },
  {
    type: 'message',
    role: 'user',
    content: [
      { type: 'input_text', text: 'Remember the code word: slate.' },
      { type: 'input_image', image_url: 'data:image/png;base64,AAAA' },
    ],
  },
  { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'OK.' }] },
  { type: 'message', id: 'msg_mine', role: 'user', content: 'Go on.' },
]

const cutOff: Answerer = streaming([
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'half a no' } }] })}\n\n`,
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'length' }] })}\n\n`,
])
const silent: Answerer = streaming([
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: ' ' }, finish_reason: 'stop' }] })}\n\n`,
])

describe('POST …/responses/compact', () => {
  test('hands back what was said to the model and one sealed item for the rest', async () => {
    const { bridge, upstream } = await start(streaming(textFrames('The word is slate.')))
    const answer = await post(bridge, 'responses/compact', { model: 'm', input: CONVERSATION })
    expect(answer.status).toBe(200)
    const body = await answer.json()
    expect(body).toMatchObject({
      id: expect.stringMatching(/^resp_/),
      object: 'response.compaction',
      created_at: expect.any(Number),
      output: [
        { type: 'message', role: 'developer', content: [{ type: 'input_text' }] },
        {
          type: 'message',
          role: 'user',
          id: expect.stringMatching(/^msg_/),
          status: 'completed',
          content: [{ type: 'input_text' }, { type: 'input_image', detail: 'auto' }],
        },
        { type: 'message', role: 'user', id: 'msg_mine' },
        { type: 'compaction', id: expect.stringMatching(/^cmp_/) },
      ],
      usage: { input_tokens: 7, output_tokens: 3, total_tokens: 10 },
    })
    expect(JSON.stringify(body)).not.toContain('The word is')
    expect(schemaFailures('CompactResource', body)).toEqual([])
    expect(lastMessages(upstream)).toMatchObject([
      { role: 'system', content: 'Be brief.' },
      { role: 'user' },
      { role: 'assistant', content: 'OK.' },
      { role: 'user', content: 'Go on.' },
      { role: 'user', content: CHECKPOINT_PROMPT },
    ])
  })

  test('gives a window that a new response goes on from', async () => {
    const { bridge, upstream } = await start(streaming(textFrames('The word is slate.')))
    const compacted = await post(bridge, 'responses/compact', { model: 'm', input: CONVERSATION })
    const { output } = (await compacted.json()) as { output: unknown[] }
    const input = [...output, { role: 'user', content: 'Which word?' }]
    const answer = await post(bridge, 'responses', { model: 'm', input })
    expect(responseFailures(await answer.json())).toEqual([])
    expect(answer.headers.get('x-synth-dropped')).toBeNull()
    expect(lastMessages(upstream)).toMatchObject([
      { role: 'system' },
      { role: 'user' },
      { role: 'user', content: 'Go on.' },
      { role: 'user', content: introduceSummary('The word is slate.') },
      { role: 'user', content: 'Which word?' },
    ])
  })

  test('takes a text for input, and compacts once when the input asks for it too', async () => {
    const { bridge, upstream } = await start(streaming(textFrames('note')))
    await post(bridge, 'responses/compact', { model: 'm', input: 'hi' })
    expect(lastMessages(upstream)).toHaveLength(2)
    const input = [{ role: 'user', content: 'hi' }, { type: 'compaction_trigger' }]
    await post(bridge, 'responses/compact', { model: 'm', input })
    expect(lastMessages(upstream)).toHaveLength(2)
  })

  test.each([
    { name: 'without a model', body: { input: 'hi' }, status: 400, error: { param: 'model' } },
    { name: 'without input', body: { model: 'm' }, status: 400, error: { param: 'input' } },
  ])('$name is a $status', async ({ body, status, error }) => {
    const { bridge, upstream } = await start(streaming(textFrames('note')))
    const answer = await post(bridge, 'responses/compact', body)
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ error })
    expect(upstream.received).toEqual([])
  })

  test.each([
    { name: 'cut off', answerer: cutOff, message: /cut off at a limit/ },
    { name: 'empty', answerer: silent, message: /wrote no summary/ },
  ])('fails when the note is $name, rather than lose the rest', async ({ answerer, message }) => {
    const { bridge } = await start(answerer)
    const answer = await post(bridge, 'responses/compact', { model: 'm', input: 'hi' })
    expect(answer.status).toBe(502)
    expect(answer.headers.get('x-should-retry')).toBe('false')
    expect(await answer.json()).toMatchObject({
      error: { code: 'compaction_failed', message: expect.stringMatching(message) },
    })
  })

  test('is passed on to an upstream that speaks Responses', async () => {
    const compacted = { object: 'response.compaction', id: 'resp_u', created_at: 1, output: [] }
    const { bridge, upstream } = await start(answering(200, JSON.stringify(compacted)), {
      wire: 'responses',
    })
    const answer = await post(bridge, 'responses/compact', { model: 'm', input: 'hi' })
    expect(await answer.json()).toMatchObject(compacted)
    expect(upstream.received).toMatchObject([
      { path: '/v1/responses/compact', body: { model: 'm', input: 'hi' } },
    ])
    expect(upstream.received[0]?.body).not.toHaveProperty('stream')
  })
})

describe('a compaction_trigger in POST …/responses', () => {
  const input = [...CONVERSATION, { type: 'compaction_trigger' }]

  test('streams one compaction item and nothing of the note', async () => {
    const { bridge } = await start(streaming(textFrames('The word is slate.')))
    const answer = await post(bridge, 'responses', { model: 'm', input, stream: true })
    const text = await answer.text()
    expect(text.match(/^event: .*$/gm)).toEqual([
      'event: response.created',
      'event: response.in_progress',
      'event: response.output_item.added',
      'event: response.output_item.done',
      'event: response.completed',
    ])
    expect(text).not.toContain('slate')
    expect(failuresOf(text, 'both')).toEqual([])
  })

  test('in a chain of stored responses stands for what was said before it', async () => {
    const { bridge, upstream } = await start(streaming(textFrames('note')))
    let previous: string | undefined
    for (const input of ['first', [{ type: 'compaction_trigger' }], 'and now?']) {
      const body = { model: 'm', input, previous_response_id: previous }
      const answer = await post(bridge, 'responses', body)
      previous = ((await answer.json()) as { id: string }).id
    }
    expect(lastMessages(upstream)).toEqual([
      { role: 'user', content: 'first' },
      { role: 'user', content: introduceSummary('note') },
      { role: 'user', content: 'and now?' },
    ])
  })

  test('of a stored response is what POST …/compact compacts too', async () => {
    const { bridge, upstream } = await start(streaming(textFrames('note')))
    const first = await post(bridge, 'responses', { model: 'm', input: 'first' })
    const { id } = (await first.json()) as { id: string }
    const asked = { model: 'm', previous_response_id: id }
    const answer = await post(bridge, 'responses/compact', asked)
    expect(await answer.json()).toMatchObject({
      output: [{ role: 'user', content: [{ text: 'first' }] }, { type: 'compaction' }],
    })
    expect(lastMessages(upstream)).toMatchObject([
      { content: 'first' },
      { role: 'assistant', content: 'note' },
      { content: CHECKPOINT_PROMPT },
    ])
  })

  test('answers whole with the same', async () => {
    const { bridge } = await start(streaming(textFrames('note')))
    const body = await (await post(bridge, 'responses', { model: 'm', input })).json()
    expect(body).toMatchObject({ status: 'completed', output: [{ type: 'compaction' }] })
    expect(responseFailures(body)).toEqual([])
  })

  test.each([
    {
      name: 'is incomplete without an item when the note is cut off',
      answerer: cutOff,
      end: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
    },
    {
      name: 'fails when there is no note',
      answerer: silent,
      end: { status: 'failed', error: { code: 'invalid_prompt' } },
    },
    {
      name: 'fails as the upstream does',
      answerer: streaming(['data: {"error":{"message":"out of memory"}}\n\n']),
      end: { status: 'failed', error: { message: expect.stringContaining('out of memory') } },
    },
  ])('$name', async ({ answerer, end }) => {
    const { bridge } = await start(answerer)
    const streamed = await post(bridge, 'responses', { model: 'm', input, stream: true })
    const text = await streamed.text()
    expect(failuresOf(text, 'both')).toEqual([])
    const last = JSON.parse(
      /^data: (\{.*\})$/gm.exec(text.slice(text.lastIndexOf('event:')))?.[1] ?? '',
    )
    expect(last.response).toMatchObject({ ...end, output: [] })
    const whole = await (await post(bridge, 'responses', { model: 'm', input })).json()
    expect(whole).toMatchObject({ ...end, output: [] })
  })
})
