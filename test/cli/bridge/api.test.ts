/** The client of the bridge's API, against a bridge over HTTP and against what is none. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { type BridgeApi, createBridgeApi } from '../../../src/cli/bridge/api.ts'
import { bridgeUrlOf } from '../../../src/cli/bridge/ask.ts'
import { presentedKeyOf } from '../../../src/cli/bridge/key.ts'
import { startTestBridge } from '../../support/bridge.ts'
import { startHttpUpstream, streaming, textFrames } from '../../support/http-upstream.ts'

const NO_KEY = { apiKey: undefined, keyHint: 'no key was sent. Set ONE.' }
const MODELS = { m: { upstream: 'local', price: { input: '1', output: '1' } } }

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.close()))
})

async function startBridge(config: Record<string, unknown> = {}, env = {}): Promise<string> {
  const upstream = await startHttpUpstream(streaming(textFrames('hello')))
  const bridge = await startTestBridge({
    config: { upstreams: { local: { base_url: upstream.baseUrl } }, models: MODELS, ...config },
    env,
  })
  running.push(bridge, upstream)
  return bridge.url
}

async function startOther(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  running.push({
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const apiAt = (url: string, changes: Partial<Parameters<typeof createBridgeApi>[0]> = {}) =>
  createBridgeApi({ url, ...NO_KEY, fetch, ...changes })

/** A call through the bridge, to its end. */
async function call(url: string, headers: Record<string, string> = {}): Promise<void> {
  const answer = await fetch(`${url}/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'm', input: 'hi' }),
  })
  await answer.arrayBuffer()
  expect(answer.status).toBe(200)
}

describe('against a bridge', () => {
  test('a session from its opening to its end', async () => {
    const url = await startBridge()
    const api = apiAt(`${url}/v1/`)
    expect(await api.health()).toMatchObject({ status: 'ok' })
    expect(await api.me()).toMatchObject({ key_name: 'local' })

    const { session_id } = await api.createSession({
      limits: [{ metric_type: 'cost_usd', limit_value: '0.5' }],
      make_active: false,
      metadata: { launcher: 'test' },
    })
    await call(url, { 'x-synth-session-id': session_id })

    const shown = await api.showSession(session_id)
    expect(shown).toMatchObject({
      status: 'active',
      current_usage: { tokens: 10, cost_usd: '0.00001', api_calls: 1 },
      // Unknown to the schema, and there all the same.
      metadata: { launcher: 'test' },
    })
    expect(await api.listSessions({ status: 'active' })).toEqual([shown])
    expect(await api.listSessions({ status: 'ended' })).toEqual([])
    expect(await api.listUsage(session_id, { metric_type: 'tokens' })).toMatchObject([
      { metric_type: 'tokens', metric_value: 10, metadata: { output_tokens: 3 } },
    ])

    const raise = { metric_type: 'cost_usd', increase_by: '0.000000001' } as const
    expect(await api.raiseLimit(session_id, raise)).toMatchObject({ limit_value: '0.500000001' })
    await api.addLimit(session_id, { metric_type: 'tokens', limit_value: '1000' })
    expect((await api.listLimits(session_id)).map(({ metric_type }) => metric_type)).toEqual([
      'cost_usd',
      'tokens',
    ])
    expect(await api.endSession(session_id)).toMatchObject({ status: 'ended' })
  })

  test.each<[string, (api: BridgeApi) => Promise<unknown>, object]>([
    [
      'a session that is none',
      (api) => api.showSession('sess_0'),
      { failure: 'refused', status: 404, code: 'not_found', message: 'No session "sess_0".' },
    ],
    [
      'an id that climbs out of the path',
      (api) => api.showSession('../me'),
      { failure: 'refused', status: 404, code: 'not_found', exitCode: 1 },
    ],
    [
      'an amount that is none',
      (api) => api.createSession({ limits: [{ metric_type: 'tokens', limit_value: '-1' }] }),
      { failure: 'refused', status: 400, code: 'invalid_request', exitCode: 2 },
    ],
  ])('%s', async (_name, ask, error) => {
    await expect(ask(apiAt(await startBridge()))).rejects.toMatchObject(error)
  })

  test('a session that is over already', async () => {
    const api = apiAt(await startBridge())
    const { session_id } = await api.createSession({})
    await api.endSession(session_id)
    await expect(api.endSession(session_id)).rejects.toMatchObject({
      code: 'session_not_active',
      exitCode: 1,
    })
  })

  test('keys: the first of the configuration that is set, and what to do without one', async () => {
    const keys = [
      { name: 'a', key_env: 'KEY_A' },
      { name: 'b', key_env: 'KEY_B' },
    ]
    const env = { KEY_A: 'sk-a', KEY_B: 'sk-b' }
    const url = await startBridge({ keys }, env)
    const ask = (flag: string | undefined, given: Record<string, string>) =>
      apiAt(url, presentedKeyOf(flag, { keys } as never, given)).me()

    expect(await ask(undefined, { KEY_B: 'sk-b' })).toMatchObject({ key_name: 'b' })
    expect(await ask('OTHER', { OTHER: 'sk-a', KEY_B: 'sk-b' })).toMatchObject({ key_name: 'a' })
    await expect(ask(undefined, {})).rejects.toMatchObject({
      failure: 'unauthorized',
      exitCode: 2,
      message: `The bridge at ${url} refused the call: no key was sent. Set KEY_A or KEY_B in the environment.`,
    })
    await expect(ask(undefined, { KEY_A: 'sk-wrong' })).rejects.toMatchObject({
      message: expect.stringMatching(/the key in KEY_A is none of its \[\[keys\]\]/),
    })
    expect(() => presentedKeyOf('NONE', { keys: [] }, {})).toThrow('NONE is not set')
    expect(() => presentedKeyOf('K', { keys: [] }, { K: 'sk-1\n' })).toThrow('K holds a character')
  })
})

describe('against what is no bridge', () => {
  test('nobody listens', async () => {
    const url = await startOther(() => {})
    await Promise.all(running.splice(0).map((part) => part.close()))
    await expect(apiAt(url).me()).rejects.toMatchObject({
      failure: 'unreachable',
      exitCode: 1,
      message: `No bridge answers at ${url}. Start one with "synth serve", or name another with --url.`,
    })
  })

  test.each<[string, RequestListener, string, string]>([
    ['another JSON', (_, to) => to.end('{"status":1}'), 'not_a_bridge', 'something else (status)'],
    ['no JSON', (_, to) => to.end('<html>'), 'not_a_bridge', 'something else'],
    ['an error page', (_, to) => to.writeHead(502).end('<html>'), 'not_a_bridge', 'HTTP 502'],
    [
      'a redirection',
      (_, to) => to.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      'not_a_bridge',
      'HTTP 302',
    ],
    ['silence', () => {}, 'timeout', 'did not answer within 0.2 s'],
    [
      'half an answer',
      (_, to) => {
        to.writeHead(200, { 'content-length': '100' }).write('{"status":')
      },
      'timeout',
      'did not answer within 0.2 s',
    ],
    [
      'an error that drives the terminal',
      (_, to) => to.writeHead(400).end('{"error":{"code":"x","message":"a\\u001b[2Jb"}}'),
      'refused',
      'a\\u001b[2Jb',
    ],
  ])('%s', async (_name, listener, failure, message) => {
    const api = apiAt(await startOther(listener), { timeoutMs: 200 })
    await expect(api.health()).rejects.toMatchObject({
      failure,
      message: expect.stringContaining(message),
    })
  })

  test('whoever asked may stop waiting', async () => {
    const stop = new AbortController()
    const url = await startOther(() => stop.abort(new Error('SIGINT')))
    await expect(apiAt(url, { signal: stop.signal }).me()).rejects.toThrow('SIGINT')
  })
})

test.each([
  ['http://127.0.0.1:4141', 'http://127.0.0.1:4141'],
  ['http://127.0.0.1:4141/', 'http://127.0.0.1:4141'],
  ['http://127.0.0.1:4141/v1', 'http://127.0.0.1:4141'],
  ['http://127.0.0.1:4141/api/synth-research/v1/', 'http://127.0.0.1:4141'],
  ['https://example.com/bridge/api/v1?x=1', 'https://example.com/bridge'],
  ['http://[::1]:4141/v1', 'http://[::1]:4141'],
])('the bridge of %s is %s', (text, url) => {
  expect(bridgeUrlOf(text)).toBe(url)
})

test.each(['127.0.0.1:4141', 'ftp://h', '', 'http://u:secret@h', 'http://a\u001b[2J'])(
  'no bridge is at %j',
  (text) => {
    expect(() => bridgeUrlOf(text)).toThrow('is not the address of a bridge')
    expect(() => bridgeUrlOf(text)).not.toThrow(/secret|\p{Cc}/u)
  },
)
