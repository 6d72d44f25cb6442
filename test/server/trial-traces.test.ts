/** Rollouts' calls: what a trial says of them, what its candidate changed, and Synth's way to read them. */
import { afterEach, describe, expect, test } from 'vitest'
import { sentRequestOf } from '../../src/trace/conversation.ts'
import { TraceRecordSchema } from '../../src/trace/record.ts'
import { startTestBridge, type TestBridge } from '../support/bridge.ts'
import {
  type HttpUpstream,
  startHttpUpstream,
  streaming,
  textFrames,
} from '../support/http-upstream.ts'

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const part of running.splice(0).reverse()) await part.close()
})

async function start(): Promise<{ bridge: TestBridge; upstream: HttpUpstream }> {
  const upstream = await startHttpUpstream(streaming(textFrames('balance')))
  running.push(upstream)
  const bridge = await startTestBridge({
    config: { upstreams: { local: { base_url: upstream.baseUrl } } },
  })
  running.push(bridge)
  return { bridge, upstream }
}

// biome-ignore lint/suspicious/noExplicitAny: each test says what it expects of it
async function ask(url: string, body?: object): Promise<any> {
  const answer = await fetch(url, {
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(text)
  return answer.headers.get('content-type')?.startsWith('application/json')
    ? JSON.parse(text)
    : text
}

const messages = [
  { role: 'system', content: 'You are a bank. Be brief.' },
  { role: 'user', content: 'Where is my money?' },
]

async function rollout(bridge: TestBridge, more: object = {}) {
  const trial = await ask(`${bridge.url}/api/interceptor/v1/trials`, {
    job_id: 'job-1',
    seed: 7,
    stage_key: { pipeline_id: 'p' },
    policy: { model: 'm' },
    candidate: {
      id: 'better',
      replacements: [
        { apply_to_role: 'system', old_text: 'Be brief.', new_text: 'One word.' },
        { apply_to_role: 'user', old_text: 'nowhere', new_text: '' },
      ],
    },
    ...more,
  })
  const url = new URL(trial.inference_url)
  url.pathname += '/chat/completions'
  url.searchParams.set('foo', 'bar')
  await ask(url.href, { model: null, messages, stream: true })
  return trial
}

describe('a call through a trial', () => {
  test('is a record with what its trial says, and what its candidate changed first', async () => {
    const { bridge, upstream } = await start()
    const trial = await rollout(bridge)
    const { data } = await ask(`${bridge.url}/api/v1/traces?trial_id=${trial.trial_id}`)
    const [record, ...others] = TraceRecordSchema.array().parse(data)
    if (record === undefined) throw new Error('no record')
    expect(others).toEqual([])
    expect(record).toMatchObject({
      api: 'chat',
      trial_id: trial.trial_id,
      correlation_id: trial.correlation_id,
      job_id: 'job-1',
      seed: 7,
      stage_key: { pipeline_id: 'p' },
      candidate: { id: 'better', changes: 1, unmatched: [1] },
      query: [['foo', 'bar']],
      model: 'm',
      complete: true,
      request: { received: { model: null, messages } },
    })
    expect(record.request.changes[0]).toEqual({
      op: 'edit',
      path: '/messages/0/content',
      edits: [{ at: 16, removed: 9, inserted: 'One word.' }],
      role: 'system',
      by: 'replacements[0]',
    })
    expect(sentRequestOf(record)).toEqual(upstream.received[0]?.body)
  })

  test('with a key in its messages has the key in neither its request nor its changes', async () => {
    const { bridge } = await start()
    const key = 'sk-abcdefghijklmnopqrstuv'
    const trial = await ask(`${bridge.url}/api/interceptor/v1/trials`, {
      policy: { model: 'm' },
      candidate: {
        replacements: [{ apply_to_role: 'user', old_text: 'end', new_text: `stop ${key}` }],
      },
    })
    const url = new URL(trial.inference_url)
    url.pathname += '/chat/completions'
    await ask(url.href, {
      messages: [{ role: 'user', content: `${key} and the end` }],
      stream: true,
    })
    const { data } = await ask(`${bridge.url}/api/v1/traces`)
    expect(JSON.stringify(data)).not.toContain(key)
    const sent = sentRequestOf(TraceRecordSchema.parse(data[0]))
    expect(sent?.['messages']).toEqual([
      { role: 'user', content: '[redacted] and the stop [redacted]' },
    ])
  })

  test.each(['job_id=job-1', 'correlation_id=CID', 'trial_id=TRIAL'])(
    'is found by %s',
    async (query) => {
      const { bridge } = await start()
      const trial = await rollout(bridge)
      await rollout(bridge, { job_id: 'other' })
      const filled = query.replace('CID', trial.correlation_id).replace('TRIAL', trial.trial_id)
      const { data } = await ask(`${bridge.url}/api/v1/traces?${filled}`)
      expect(data.map((record: { trial_id: string }) => record.trial_id)).toEqual([trial.trial_id])
    },
  )

  test('without a trial is found by the name it came under', async () => {
    const { bridge } = await start()
    await ask(`${bridge.url}/api/interceptor/v1/trace_capture-1/responses`, {
      model: 'm',
      input: 'Hi',
    })
    const { matches } = await ask(
      `${bridge.url}/api/interceptor/v1/trace/by-correlation/trace_capture-1`,
    )
    expect(matches).toMatchObject([
      {
        trial_id: 'trace_capture-1',
        candidate: null,
        metadata: {
          conversation: {
            request_messages: [{ role: 'user', content: 'Hi' }],
            response_message: { role: 'assistant', content: 'balance' },
          },
        },
      },
    ])
  })
})

describe('Synth’s clients', () => {
  const trace = (bridge: TestBridge, path: string) =>
    `${bridge.url}/api/interceptor/v1/trace/${path}`

  test('find what the model was told, and what it said', async () => {
    const { bridge } = await start()
    const { correlation_id: cid } = await rollout(bridge)
    const { matches } = await ask(trace(bridge, `by-correlation/${cid}`))
    const conversation = {
      request_messages: [{ role: 'system', content: 'You are a bank. One word.' }, messages[1]],
      response_message: { role: 'assistant', content: 'balance' },
    }
    expect(matches).toMatchObject([{ metadata: { conversation } }])
    const body = { correlation_ids: [cid, 'trace_none'] }
    const { hydrated, missing } = await ask(trace(bridge, 'hydrate-batch'), body)
    expect(hydrated).toEqual({ [cid]: matches })
    expect(missing).toEqual(['trace_none'])
  })

  test('lease each rollout once', async () => {
    const { bridge } = await start()
    const cids = []
    for (let count = 0; count < 3; count++) cids.push((await rollout(bridge)).correlation_id)
    const lease = async (limit: number) =>
      Object.keys((await ask(trace(bridge, 'lease-any'), { limit, ttl_seconds: 60 })).granted)
    expect(await lease(2)).toEqual(cids.slice(0, 2))
    expect(await lease(2)).toEqual(cids.slice(2))
    expect(await lease(2)).toEqual([])
  })
})
