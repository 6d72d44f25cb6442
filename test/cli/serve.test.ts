/** What `synth serve` says before it listens: which upstreams it goes by when it was told of none. */
import { describe, expect, test } from 'vitest'
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
