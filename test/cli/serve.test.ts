/** What `synth serve` says before it listens: which upstreams it goes by when it was told of none. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { findReusable } from '../../src/cli/bridge/find.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createTestCli } from '../support/cli.ts'
import { answering, startHttpUpstream, streaming, textFrames } from '../support/http-upstream.ts'

const atOnce = { interrupted: async () => 'SIGTERM' }
const ARGS = ['serve', '--port', '0']

/** Away from a terminal, every line of the log is an object. */
function logged(stderr: string): unknown[] {
  const lines = stderr.trimEnd().split('\n')
  return lines.map((line) => {
    const { time, ...rest } = JSON.parse(line)
    expect(Date.parse(time)).not.toBeNaN()
    return rest
  })
}

describe('synth serve', () => {
  test('without upstreams names what it found, and where, but no key', async () => {
    const env = { OPENROUTER_API_KEY: 'sk-or-not-to-be-shown' }
    const { code, stdout, stderr } = await createTestCli().run(ARGS, { ...atOnce, env })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^synth listening on http:\/\/127\.0\.0\.1:\d+\n$/)
    expect(logged(stderr)).toEqual([
      { level: 'info', message: 'upstream openrouter, found: $OPENROUTER_API_KEY' },
    ])
    expect(stderr).not.toContain('sk-or')
  })

  test('with nothing found says that the built-in model answers', async () => {
    const { code, stderr } = await createTestCli().run(ARGS, atOnce)
    expect(code).toBe(0)
    expect(stderr).toContain('upstream synth-demo, found: the built-in scripted model')
  })

  test('says nothing of the upstreams of its file', async () => {
    const cli = createTestCli({ 'c.toml': '[upstreams.u]\nbase_url = "http://127.0.0.1:9/v1"\n' })
    const { code, stderr } = await cli.run([...ARGS, '--config', 'c.toml'], atOnce)
    expect(code).toBe(0)
    expect(stderr).not.toContain('upstream u')
  })
})

test('can be found while it runs, and no longer', async () => {
  const cli = createTestCli({ 'c.toml': '[upstreams.u]\nbase_url = "http://127.0.0.1:9/v1"\n' })
  const env = { HOME: join(cli.cwd, 'home') }
  const loaded = loadConfig({ path: 'c.toml', env, cwd: cli.cwd, home: env.HOME })
  const find = () => findReusable(loaded, { env, fetch })
  const ready = Promise.withResolvers<string>()
  const stop = Promise.withResolvers<string>()
  const ended = cli.run([...ARGS, '--config', 'c.toml'], {
    interrupted: () => stop.promise,
    stdout: (line) => ready.resolve(line),
  })
  const line = await ready.promise
  expect(line).toContain((await find())?.url)
  stop.resolve('SIGTERM')
  await ended
  expect(await find()).toBeUndefined()
})

test('a port that is taken is an error that says what to do', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const { code, stderr } = await createTestCli().run(['serve', '--port', String(port)], atOnce)
  other.close()
  expect(code).toBe(2)
  expect(stderr).toContain(`Port ${port} on 127.0.0.1 is taken. Stop what uses it, or choose`)
})

test('logs one line a call, failed ones too, and nothing of it on stdout', async () => {
  const answers = [streaming(textFrames('hello')), answering(500, '{}')]
  const upstream = await startHttpUpstream((...asked) => answers.shift()?.(...asked))
  const cli = createTestCli({
    'c.toml': `[upstreams.u]
base_url = "${upstream.baseUrl}"
max_retries = 0
[models.m]
`,
  })
  const ready = Promise.withResolvers<string>()
  const stop = Promise.withResolvers<string>()
  const said: string[] = []
  const ended = cli.run([...ARGS, '--config', 'c.toml'], {
    interrupted: () => stop.promise,
    stdout: (line) => {
      said.push(line)
      ready.resolve(line)
    },
  })
  const url = /http\S+/.exec(await ready.promise)?.[0]
  const ids: unknown[] = []
  for (const path of ['responses', 'responses', 'nowhere']) {
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ model: 'm', input: 'hi', stream: true })
    const answer = await fetch(`${url}/v1/${path}`, { method: 'POST', headers, body })
    await answer.text()
    ids.push(answer.headers.get('x-request-id'))
  }
  stop.resolve('SIGTERM')
  const { stderr } = await ended
  await upstream.close()
  expect(said).toEqual([expect.stringMatching(/^synth listening on \S+\n$/)])
  expect(logged(stderr)).toMatchObject([
    { level: 'info', request_id: ids[0], outcome: 'completed', model: 'm', output_tokens: 3 },
    { level: 'error', request_id: ids[1], outcome: 'failed', error_code: 'upstream_error' },
    { level: 'warn', request_id: ids[2], error_code: 'not_found' },
  ])
})
