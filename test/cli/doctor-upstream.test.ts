/** What `synth doctor` says of upstreams, each wrong in its own way. */

import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { type CliResult, createTestCli } from '../support/cli.ts'
import { type HttpUpstream, textFrames } from '../support/http-upstream.ts'
import { type ModelServerOptions, sendJson, startModelServer } from '../support/model-server.ts'

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.close()))
})

async function serve(options: ModelServerOptions = {}): Promise<HttpUpstream> {
  const server = await startModelServer(options)
  running.push(server)
  return server
}

interface Row {
  subject: string
  name: string
  status: string
  detail: string
  fix: string | null
  took_ms: number | null
}

interface Doctored extends CliResult {
  /** Of the upstream, by name. */
  readonly checks: Readonly<Record<string, Row>>
}

const KEY = 'upstream-secret-1'

async function doctor(
  baseUrl: string,
  { upstream = '', model = '', args = [], env = {} }: DoctorOptions = {},
): Promise<Doctored> {
  const text = `[server]
port = 0
[upstreams.local]
base_url = "${baseUrl}"
max_retries = 0
${upstream}
[models.small]
upstream = "local"
model = "m"
${model}`
  const { run } = createTestCli({ 'synth.toml': text })
  const result = await run(['doctor', '--json', ...args], { fetch, env })
  const rows: Row[] = JSON.parse(result.stdout).checks
  const own = rows.filter(({ subject }) => subject === 'upstreams.local')
  return { ...result, checks: Object.fromEntries(own.map((row) => [row.name, row])) }
}

interface DoctorOptions {
  readonly upstream?: string
  readonly model?: string
  readonly args?: string[]
  readonly env?: Record<string, string>
}

const statuses = ({ checks }: Doctored) =>
  Object.fromEntries(Object.entries(checks).map(([name, { status }]) => [name, status]))

const ALL_OK = {
  reachable: 'ok',
  key: 'ok',
  model: 'ok',
  price: 'ok',
  streams: 'ok',
  tools: 'ok',
  usage: 'ok',
}

const WITH_KEY = { upstream: 'api_key_env = "LOCAL_KEY"', env: { LOCAL_KEY: KEY } }

describe('a good upstream', () => {
  test('passes every check', async () => {
    const server = await serve({ key: KEY })
    const result = await doctor(server.baseUrl, WITH_KEY)
    expect(statuses(result)).toEqual(ALL_OK)
    expect(result.code).toBe(0)
    expect(result.checks['reachable']?.detail).toBe('lists 1 model')
    expect(result.checks['key']?.detail).toBe('accepted ($LOCAL_KEY)')
    expect(result.checks['model']?.detail).toBe('small (m)')
    expect(result.checks['streams']?.detail).toMatch(/^the first piece after \d+ ms$/)
    expect(result.checks['tools']?.detail).toBe('made a call and answered its result')
    expect(result.checks['usage']?.detail).toBe('sent: 30 tokens in, 12 out')
    for (const name of ['reachable', 'streams', 'tools']) {
      expect(result.checks[name]?.took_ms).toBeGreaterThanOrEqual(0)
    }
  })

  test('is asked three times, the way that Codex is carried', async () => {
    const server = await serve()
    await doctor(server.baseUrl)
    const calls = server.received.filter(({ method }) => method === 'POST')
    expect(calls.map(({ path }) => path)).toEqual(Array(3).fill('/v1/chat/completions'))
    for (const { body } of calls) {
      expect(body).toMatchObject({
        model: 'm',
        stream: true,
        stream_options: { include_usage: true },
        prompt_cache_key: 'synth-doctor',
      })
    }
    const [plain, asked, answered] = calls.map(({ body }) => body)
    expect(plain).not.toHaveProperty('tools')
    expect(asked).toMatchObject({
      tool_choice: 'auto',
      tools: [{ function: { name: 'read_note' } }],
    })
    expect(answered?.['messages']).toMatchObject([
      { role: 'system' },
      { role: 'user' },
      { role: 'assistant', tool_calls: [{ id: 'call_1', function: { name: 'read_note' } }] },
      { role: 'tool', tool_call_id: 'call_1', content: 'Buy three lemons.' },
    ])
  })

  test('that refuses a field is called without it, once the file says so', async () => {
    const override: ModelServerOptions['override'] = ({ body }, response) =>
      'prompt_cache_key' in body &&
      sendJson(response, 400, { error: { message: 'Unrecognized field prompt_cache_key' } })
    const server = await serve({ override })
    const refused = await doctor(server.baseUrl)
    expect(refused.checks['streams']).toMatchObject({ status: 'failed' })
    expect(refused.checks['streams']?.detail).toContain('Unrecognized field prompt_cache_key')
    expect(refused.checks['streams']?.fix).toContain('docs/guide.md')
    const named = await doctor(server.baseUrl, { upstream: 'unsupported = ["prompt_cache_key"]' })
    expect(statuses(named)).toEqual(ALL_OK)
  })

  test('that reasons gets its reasoning back with the call', async () => {
    const server = await serve({
      callMessage: {
        reasoning_content: 'I need the note.',
        tool_calls: [
          {
            index: 0,
            id: 'call_9',
            type: 'function',
            function: { name: 'read_note', arguments: '{"name":"today"}' },
          },
        ],
      },
    })
    expect(statuses(await doctor(server.baseUrl))).toEqual(ALL_OK)
    const messages = server.received.at(-1)?.body['messages']
    expect(messages).toMatchObject([
      {},
      {},
      { role: 'assistant', reasoning_content: 'I need the note.' },
      { role: 'tool', tool_call_id: 'call_9' },
    ])
  })

  test('that speaks Responses is asked in Responses', async () => {
    const message = (text: string) => ({
      type: 'message',
      role: 'assistant',
      content: [{ type: 'output_text', text }],
    })
    const call = {
      type: 'function_call',
      call_id: 'call_1',
      name: 'read_note',
      arguments: '{"name":"today"}',
    }
    const server = await serve({
      override: ({ method, body }, response) => {
        if (method === 'GET') return false
        const input = body['input'] as { type: string }[]
        const isOffered = (body['tools'] as unknown[]).length > 0
        const isResult = input.at(-1)?.type === 'function_call_output'
        const item = isResult || !isOffered ? message('ready') : call
        const usage = { input_tokens: 5, output_tokens: 1, total_tokens: 6 }
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        for (const [type, status] of [
          ['response.created', 'in_progress'],
          ['response.completed', 'completed'],
        ]) {
          const event = { type, response: { status, output: [item], usage } }
          response.write(`event: ${type}\ndata: ${JSON.stringify(event)}\n\n`)
        }
        response.end()
        return true
      },
    })
    const result = await doctor(server.baseUrl, { upstream: 'wire = "responses"' })
    expect(statuses(result)).toEqual(ALL_OK)
    expect(result.checks['usage']?.detail).toBe('sent: 15 tokens in, 3 out')
    expect(server.received.at(-1)).toMatchObject({ path: '/v1/responses', body: { model: 'm' } })
  })
})

describe('the key', () => {
  test('that is wrong fails, and is repeated nowhere', async () => {
    const server = await serve({ key: 'another' })
    const result = await doctor(server.baseUrl, WITH_KEY)
    expect(result.code).toBe(1)
    expect(statuses(result)).toEqual({
      reachable: 'ok',
      key: 'failed',
      model: 'ok',
      price: 'ok',
      streams: 'skipped',
      tools: 'skipped',
      usage: 'skipped',
    })
    expect(result.checks['reachable']?.detail).toBe('answers, but lists no models (401)')
    expect(result.checks['key']?.detail).toContain('answered 401')
    expect(result.checks['key']?.fix).toBe('Put a valid key into $LOCAL_KEY.')
    expect(result.stdout + result.stderr).not.toContain(KEY)
  })

  test('that a page repeats is taken out of what is shown of it', async () => {
    const server = await serve({
      override: ({ headers }, response) => {
        response.end(`hello ${headers.authorization?.replace('Bearer ', '')}`)
        return true
      },
    })
    const { checks, stdout } = await doctor(server.baseUrl, WITH_KEY)
    expect(checks['reachable']?.detail).toContain('"hello ')
    expect(stdout).not.toContain(KEY)
  })

  test('that only calls want is found out by the call', async () => {
    const server = await serve({
      override: ({ method }, response) =>
        method === 'POST' && sendJson(response, 403, { error: { message: 'no access' } }),
    })
    const result = await doctor(server.baseUrl, WITH_KEY)
    expect(statuses(result)).toMatchObject({ reachable: 'ok', key: 'failed', streams: 'skipped' })
  })

  test('that is wanted and not named says how to name it', async () => {
    const result = await doctor((await serve({ key: KEY })).baseUrl)
    expect(result.checks['key']).toMatchObject({
      status: 'failed',
      fix: 'It wants a key: name the variable that holds it, api_key_env in [upstreams.local].',
    })
  })

  test.each([[{}], [{ LOCAL_KEY: '' }]])(
    'whose variable is not set (%j) costs no call',
    async (env) => {
      const server = await serve()
      const result = await doctor(server.baseUrl, { upstream: WITH_KEY.upstream, env })
      expect(result.code).toBe(1)
      expect(result.checks['key']).toMatchObject({
        status: 'failed',
        detail: '$LOCAL_KEY is not set',
        fix: 'Set it in the environment of synth: export LOCAL_KEY=…',
      })
      expect(server.received.filter(({ method }) => method === 'POST')).toEqual([])
    },
  )
  test.each(['two words', `${KEY}\n`, 'clé'])('that cannot be sent (%j) is not', async (value) => {
    const server = await serve()
    const env = { LOCAL_KEY: value }
    const result = await doctor(server.baseUrl, { upstream: WITH_KEY.upstream, env })
    expect(result.code).toBe(1)
    expect(result.checks['key']).toMatchObject({
      status: 'failed',
      detail: '$LOCAL_KEY holds a blank, a line break or a letter that no key has',
    })
    expect(result.stdout).not.toContain(value.trim())
    expect(server.received.map(({ headers }) => headers.authorization)).toEqual([undefined])
  })
})

describe('reaching it', () => {
  async function freePort(): Promise<number> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    return port
  }

  test('where nobody listens says so once, and skips the rest', async () => {
    const result = await doctor(`http://127.0.0.1:${await freePort()}/v1`)
    expect(result.code).toBe(1)
    expect(result.checks['reachable']?.detail).toMatch(
      /^The upstream "local" at http:\/\/127\.0\.0\.1:\d+ refused the connection\. Start it, or check base_url\.$/,
    )
    const others = Object.fromEntries(Object.keys(ALL_OK).map((name) => [name, 'skipped']))
    expect(statuses(result)).toEqual({ ...others, reachable: 'failed', price: 'ok' })
  })

  test('a host that does not resolve is said', async () => {
    const failing: typeof fetch = () =>
      Promise.reject(
        new TypeError('fetch failed', {
          cause: Object.assign(new Error('x'), { code: 'ENOTFOUND' }),
        }),
      )
    const { run } = createTestCli({
      'synth.toml': '[server]\nport = 0\n[upstreams.u]\nbase_url = "http://no.such.host/v1"\n',
    })
    const { code, stdout } = await run(['doctor'], { fetch: failing })
    expect(code).toBe(1)
    expect(stdout).toContain('has a host name that does not resolve')
  })

  test('where a web page answers suggests the /v1 that is missing', async () => {
    const server = await serve({
      override: (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/html' })
        response.end('<!doctype html><title>Welcome</title>')
        return true
      },
    })
    const origin = server.baseUrl.replace(/\/v1$/, '')
    const bare = await doctor(origin)
    expect(bare.checks['reachable']).toMatchObject({
      status: 'failed',
      detail: `The upstream "local" answered ${origin}/models with an HTML page.`,
      fix: `Most base URLs end in /v1: try base_url = "${origin}/v1".`,
    })
    expect(bare.code).toBe(1)
    const complete = await doctor(server.baseUrl)
    expect(complete.checks['reachable']?.fix).toContain('the address of a model server?')
  })

  test('where a redirect answers the key does not follow it', async () => {
    const elsewhere = await serve()
    const server = await serve({
      override: (_request, response) => {
        response.writeHead(307, { location: elsewhere.baseUrl })
        response.end()
        return true
      },
    })
    const result = await doctor(server.baseUrl, WITH_KEY)
    expect(result.checks['streams']?.detail).toContain('Redirects are not followed')
    expect(elsewhere.received).toEqual([])
  })

  test('that lists nothing is tried all the same', async () => {
    const server = await serve({
      override: ({ method }, response) =>
        method === 'GET' && sendJson(response, 404, { detail: 'Not Found' }),
    })
    const result = await doctor(server.baseUrl)
    expect(statuses(result)).toEqual(ALL_OK)
    expect(result.checks['reachable']?.detail).toBe('answers, but lists no models (404)')
  })

  test('that never answers is given up after the time that is allowed', async () => {
    const server = await serve({ override: () => true })
    const result = await doctor(server.baseUrl, { args: ['--timeout-s', '1'] })
    expect(result.code).toBe(1)
    expect(result.checks['reachable']?.detail).toMatch(/did not answer within 1 s\.$/)
  })

  test.each<[name: string, begin: boolean, message: string]>([
    ['a call that never answers', false, 'The upstream "local" did not answer within 1 s.'],
    [
      'an answer that never ends',
      true,
      'The upstream "local" did not finish its answer within 1 s.',
    ],
  ])('%s is given up, and hung up on', async (_name, begin, message) => {
    const server = await serve({
      override: ({ method }, response) => {
        if (method !== 'POST') return false
        if (begin) {
          response.writeHead(200, { 'content-type': 'text/event-stream' })
          response.write('data: {"choices":[{"index":0,"delta":{"content":"re"}}]}\n\n')
        }
        return true
      },
    })
    const result = await doctor(server.baseUrl, { args: ['--timeout-s', '1'] })
    await server.closedByPeer()
    expect(result.code).toBe(1)
    expect(result.checks['streams']).toMatchObject({ status: 'failed', detail: message })
    expect(result.checks['streams']?.fix).toContain('--timeout-s')
    expect(statuses(result)).toMatchObject({ key: 'skipped', tools: 'skipped', usage: 'skipped' })
  })

  test('that breaks off is told from one that hangs', async () => {
    const server = await serve({
      override: ({ method }, response) => {
        if (method !== 'POST') return false
        response.destroy()
        return true
      },
    })
    const { checks } = await doctor(server.baseUrl)
    expect(checks['streams']?.detail).toContain('closed the connection before it answered')
  })
})

/** Answers as a good server would, once the time has come. */
async function answerAfter(
  time: Promise<void>,
  body: Record<string, unknown>,
  response: ServerResponse,
): Promise<void> {
  const good = await serve()
  await time
  const request = { method: 'POST', body: JSON.stringify(body) }
  const answer = await fetch(`${good.baseUrl}/chat/completions`, request)
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.end(await answer.text())
}

describe('the calls', () => {
  test('of several upstreams run side by side, and are told in the order of the file', async () => {
    const { promise: secondIsDone, resolve } = Promise.withResolvers<void>()
    let calls = 0
    const second = await serve({
      override: ({ method }, response) => {
        if (method === 'POST' && ++calls === 3) response.once('finish', resolve)
        return false
      },
    })
    const first = await serve({
      override: ({ method, body }, response) => {
        if (method !== 'POST') return false
        void answerAfter(secondIsDone, body, response)
        return true
      },
    })
    const { run } = createTestCli({
      'synth.toml': `[server]\nport = 0
[upstreams.first]\nbase_url = "${first.baseUrl}"
[upstreams.second]\nbase_url = "${second.baseUrl}"`,
    })
    const { code, stdout } = await run(['doctor'], { fetch })
    expect(code).toBe(0)
    expect(stdout.indexOf('upstream first')).toBeLessThan(stdout.indexOf('upstream second'))
  })

  test('let go of one another: a connection that is not closed by the upstream is', async () => {
    const { promise: firstIsGone, resolve } = Promise.withResolvers<void>()
    const server = await serve({
      override: ({ method, body }, response) => {
        if (method !== 'POST') return false
        if ('tools' in body) {
          void answerAfter(firstIsGone, body, response)
          return true
        }
        response.once('close', resolve)
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        for (const frame of textFrames('ready')) response.write(frame)
        response.write('data: [DONE]\n\n')
        return true
      },
    })
    expect(statuses(await doctor(server.baseUrl, { args: ['--timeout-s', '5'] }))).toEqual(ALL_OK)
  })
})

describe('an upstream that speaks Responses', () => {
  const events = (...list: unknown[]) =>
    list.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')

  test.each<[name: string, type: string, body: string, detail: string]>([
    [
      'and says failed',
      'text/event-stream',
      events({ type: 'response.failed', response: { status: 'failed', error: { message: 'no' } } }),
      'no',
    ],
    [
      'and sends an error',
      'text/event-stream',
      events({ type: 'error', error: { message: 'overloaded', code: 'server_error' } }),
      'overloaded',
    ],
    [
      'and breaks off',
      'text/event-stream',
      events({ type: 'response.created', response: {} }),
      "The upstream's answer ended without its last event.",
    ],
    ['and sends a body that is none', 'application/json', '[]', 'holds no response'],
  ])('%s fails with its reason', async (_name, type, body, detail) => {
    const server = await serve({
      override: ({ method }, response) => {
        if (method === 'GET') return false
        response.writeHead(200, { 'content-type': type })
        response.end(body)
        return true
      },
    })
    const { code, checks } = await doctor(server.baseUrl, { upstream: 'wire = "responses"' })
    expect(code).toBe(1)
    expect(checks['streams']?.status).toBe('failed')
    expect(checks['streams']?.detail).toContain(detail)
  })
})

describe('the price', () => {
  async function priceOf(text: string): Promise<Row | undefined> {
    const { run } = createTestCli({ 'synth.toml': `[server]\nport = 0\n${text}` })
    const { stdout } = await run(['doctor', '--json'])
    const rows: Row[] = JSON.parse(stdout).checks
    return rows.find(({ name }) => name === 'price')
  }

  const REMOTE = '[upstreams.box]\nbase_url = "http://gpu-box.example/v1"\n'
  const MODELS = '[models.a]\nupstream = "box"\n[models."b.1"]\nupstream = "box"\n'

  test('that nobody knows fails, because calls would be refused', async () => {
    expect(await priceOf(REMOTE + MODELS)).toMatchObject({
      status: 'failed',
      detail: 'none is known for "a" and 1 more: calls are refused while a cost limit is in force',
      fix: 'Add to [models.a]: price = { input = "…", output = "…" }, USD per million tokens, or price = "free".',
    })
  })

  test('of the second model counts, too', async () => {
    const text = MODELS.replace('\n[models."b', '\nprice = "free"\n[models."b')
    const row = await priceOf(REMOTE + text)
    expect(row?.fix).toContain('Add to [models."b.1"]')
  })

  test('that nobody knows is a warning where nothing limits the cost', async () => {
    const free = '[session]\nlimit_cost_usd = 0\n'
    expect(await priceOf(free + REMOTE + MODELS)).toMatchObject({
      status: 'warning',
      detail: 'none is known for "a" and 1 more: spend is not counted',
    })
    const ceiling = '[[keys]]\nname = "ci"\nkey_env = "CI_KEY"\nmax_cost_usd = 5\n'
    expect(await priceOf(free + REMOTE + MODELS + ceiling)).toMatchObject({ status: 'failed' })
  })

  test.each<[name: string, text: string, detail: string]>([
    ['in the file', `${REMOTE}[models.a]\nprice = { input = 1, output = 2 }`, 'as configured'],
    [
      'of a provider that is known',
      '[upstreams.openai]\nbase_url = "https://api.openai.com/v1"\n[models.gpt-4o]\n',
      'from the bundled list',
    ],
    [
      'of this machine',
      '[upstreams.local]\nbase_url = "http://127.0.0.1:9/v1"\n[models.a]\n',
      'free: it runs on this machine',
    ],
  ])('%s is ok', async (_name, text, detail) => {
    expect(await priceOf(text)).toMatchObject({ status: 'ok', detail })
  })
})

describe('streaming and usage', () => {
  test('an upstream that sends one body fails', async () => {
    const result = await doctor((await serve({ streams: false })).baseUrl)
    expect(result.code).toBe(1)
    expect(statuses(result)).toEqual({ ...ALL_OK, streams: 'failed' })
    expect(result.checks['streams']?.fix).toContain('Turn streaming on')
  })

  test('an error inside the stream fails', async () => {
    const server = await serve({
      override: ({ method }, response) => {
        if (method !== 'POST') return false
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.end('data: {"error":{"message":"out of memory","code":500}}\n\n')
        return true
      },
    })
    const { checks, code } = await doctor(server.baseUrl)
    expect(code).toBe(1)
    expect(checks['streams']).toMatchObject({ status: 'failed' })
    expect(checks['streams']?.detail).toContain('out of memory')
  })

  test('an upstream without usage fails, and says what to set', async () => {
    const server = await serve({ usage: undefined })
    const result = await doctor(server.baseUrl)
    expect(result.code).toBe(1)
    expect(statuses(result)).toEqual({ ...ALL_OK, usage: 'failed' })
    expect(result.checks['usage']).toMatchObject({ detail: 'none is sent' })
    expect(result.checks['usage']?.fix).toContain('Set usage = "estimate" in [models.small]')
  })

  test('and passes once that is set', async () => {
    const server = await serve({ usage: undefined })
    const result = await doctor(server.baseUrl, { model: 'usage = "estimate"' })
    expect(result.code).toBe(0)
    expect(result.checks['usage']?.detail).toBe('none is sent; it is estimated, as configured')
  })

  test('names the table that counts for a model without one of its own', async () => {
    const server = await serve({ usage: undefined })
    const { checks } = await doctor(server.baseUrl, { args: ['--model', 'local/other'] })
    expect(checks['usage']?.fix).toContain('in [models.other]')
  })

  test('usage that only some answers have is counted', async () => {
    const server = await serve({
      override: ({ body }, response) =>
        method(body) === 'result' &&
        sendJson(response, 200, {
          choices: [{ index: 0, message: { content: 'Lemons.' }, finish_reason: 'stop' }],
        }),
    })
    const { checks } = await doctor(server.baseUrl)
    expect(checks['usage']).toMatchObject({
      status: 'failed',
      detail: 'only 2 of 3 answers had it',
    })
  })

  const method = (body: Record<string, unknown>) => {
    const messages = body['messages']
    return Array.isArray(messages) && messages.at(-1)?.role === 'tool' ? 'result' : 'other'
  }
})

describe('tools', () => {
  const call = (name: string, given: string) => ({
    tool_calls: [
      { index: 0, id: 'call_1', type: 'function', function: { name, arguments: given } },
    ],
  })

  test.each<[name: string, options: ModelServerOptions, detail: string]>([
    [
      'words in place of the call',
      { callMessage: { content: 'I would call read_note now.' } },
      'the model answered in words in place of the call',
    ],
    [
      'arguments that are no JSON',
      { callMessage: call('read_note', '{"name":') },
      "the model's call is no good: its arguments are no JSON object",
    ],
    [
      'arguments that are a list',
      { callMessage: call('read_note', '["today"]') },
      "the model's call is no good: its arguments are no JSON object",
    ],
    [
      'an argument left out',
      { callMessage: call('read_note', '{}') },
      "the model's call is no good: it left an argument out",
    ],
    [
      'a tool that does not exist',
      { callMessage: call('shell', '{"name":"today"}') },
      'the model\'s call is no good: it called "shell", which does not exist',
    ],
    [
      'silence after the result',
      { resultMessage: { content: ' ' } },
      'the call came, but nothing was said of its result',
    ],
  ])('%s fails with what to do', async (_name, options, detail) => {
    const result = await doctor((await serve(options)).baseUrl)
    expect(result.code).toBe(1)
    expect(statuses(result)).toEqual({ ...ALL_OK, tools: 'failed' })
    expect(result.checks['tools']?.detail).toBe(detail)
    expect(result.checks['tools']?.fix).toContain('--enable-auto-tool-choice')
  })

  test('an upstream that refuses tools fails with its own words', async () => {
    const said = '"auto" tool choice requires --enable-auto-tool-choice to be set'
    const server = await serve({
      override: ({ body }, response) =>
        'tools' in body && sendJson(response, 400, { error: { message: said } }),
    })
    const { checks } = await doctor(server.baseUrl)
    expect(checks['tools']).toMatchObject({ status: 'failed' })
    expect(checks['tools']?.detail).toContain(said)
    expect(checks['tools']?.fix).toContain('--tool-call-parser')
    expect(checks['usage']?.status).toBe('ok')
  })

  test('an upstream that chokes on the result says that the call itself came', async () => {
    const server = await serve({
      override: ({ body }, response) => {
        const messages = body['messages']
        const isResult = Array.isArray(messages) && messages.at(-1)?.role === 'tool'
        return isResult && sendJson(response, 500, { error: { message: 'template error' } })
      },
    })
    const { checks } = await doctor(server.baseUrl)
    expect(checks['tools']?.detail).toMatch(
      /^the call came, but not the answer to its result: .*template error/,
    )
  })
})

describe('the model', () => {
  test('that the upstream does not list is a warning with the nearest', async () => {
    const server = await serve({ models: [{ id: 'm1' }, { id: 'other' }] })
    const { checks } = await doctor(server.baseUrl)
    expect(checks['model']).toMatchObject({
      status: 'warning',
      detail: 'it lists no "m"',
      fix: 'Did you mean "m1"?',
    })
  })

  test('that the upstream does not know is said with what it lists', async () => {
    const server = await serve({
      models: [{ id: 'm1' }],
      override: ({ method }, response) =>
        method === 'POST' &&
        sendJson(response, 404, { error: { message: 'The model `m` does not exist.' } }),
    })
    const { checks } = await doctor(server.baseUrl)
    expect(checks['streams']?.detail).toContain('The model `m` does not exist.')
    expect(checks['streams']?.fix).toContain('It lists "m1".')
  })

  test('as Ollama lists it, with :latest, is the same', async () => {
    const server = await serve({ models: [{ id: 'm:latest' }] })
    expect(statuses(await doctor(server.baseUrl))).toEqual(ALL_OK)
  })

  test('is the one that --model names', async () => {
    const server = await serve({ models: [{ id: 'm' }, { id: 'n' }] })
    const { checks } = await doctor(server.baseUrl, { args: ['--model', 'local/n'] })
    expect(checks['model']?.detail).toBe('local/n (n)')
    expect(server.received.at(-1)?.body['model']).toBe('n')
  })

  test('that --model gets wrong exits with 2 and suggests one', async () => {
    const server = await serve()
    const { run } = createTestCli({
      'synth.toml': `[upstreams.local]\nbase_url = "${server.baseUrl}"\n[models.small]\n`,
    })
    const { code, stderr } = await run(['doctor', '--model', 'smal'], { fetch })
    expect(code).toBe(2)
    expect(stderr).toBe('synth: --model: Model "smal" is not known. Did you mean "small"?\n')
  })

  test('is the first chat model of a local server where none is configured', async () => {
    const server = await serve({ models: [{ id: 'nomic-embed-text' }, { id: 'qwen3' }] })
    const { run } = createTestCli({
      'synth.toml': `[server]\nport = 0\n[upstreams.local]\nbase_url = "${server.baseUrl}"\n`,
    })
    const { code, stdout } = await run(['doctor'], { fetch })
    expect(code).toBe(0)
    expect(stdout).toMatch(/model +ok +local\/qwen3 \(qwen3\)/)
  })

  test('has to be named where an upstream lists none', async () => {
    const server = await serve({ models: [] })
    const { run } = createTestCli({
      'synth.toml': `[server]\nport = 0\n[upstreams.local]\nbase_url = "${server.baseUrl}"\n`,
    })
    const { code, stdout } = await run(['doctor'], { fetch })
    expect(code).toBe(0)
    expect(stdout).toContain('-> Say which to try: synth doctor --model local/NAME')
    expect(server.received.filter(({ method }) => method === 'POST')).toEqual([])
  })
})
