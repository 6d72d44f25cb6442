/** What `synth serve` says before it listens: which upstreams it goes by when it was told of none. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { findReusable } from '../../src/cli/bridge/find.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createTestCli } from '../support/cli.ts'

const atOnce = { interrupted: async () => 'SIGTERM' }
const ARGS = ['serve', '--port', '0']

describe('synth serve', () => {
  test('without upstreams names what it found, and where, but no key', async () => {
    const env = { OPENROUTER_API_KEY: 'sk-or-not-to-be-shown' }
    const { code, stdout, stderr } = await createTestCli().run(ARGS, { ...atOnce, env })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^synth listening on http:\/\/127\.0\.0\.1:\d+\n$/)
    expect(stderr).toContain('upstream openrouter, found: $OPENROUTER_API_KEY\n')
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
