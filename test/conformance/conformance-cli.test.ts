/** `synth conformance`: the bridge of this repository passes all of it, and what the flags do. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { CELLS } from '../../src/conformance/cells.ts'
import { startScriptedUpstream } from '../../src/conformance/upstream.ts'
import { startTestBridge } from '../support/bridge.ts'
import { createTestCli } from '../support/cli.ts'
import { startHttpUpstream } from '../support/http-upstream.ts'

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.close()))
})

interface ReportJson {
  readonly ok: boolean
  readonly passed: number
  readonly failed: number
  readonly not_tried: number
  readonly cells: readonly {
    readonly name: string
    readonly failures: readonly { readonly rule: string }[]
    readonly warnings: readonly { readonly rule: string }[]
  }[]
}

const reportIn = (stdout: string): ReportJson => JSON.parse(stdout)

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = await startHttpUpstream(() => {})
  await server.close()
  return Number(new URL(server.baseUrl).port)
}

describe('the bridge of this repository', () => {
  test('passes every case, offline', async () => {
    const { code, stdout, stderr } = await createTestCli().run(['conformance', '--json'])
    const { cells, ...rest } = reportIn(stdout)
    expect(cells.filter(({ failures }) => failures.length > 0)).toEqual([])
    expect(rest).toEqual({
      ok: true,
      bridge: 'this bridge',
      passed: CELLS.length,
      failed: 0,
      not_tried: 0,
    })
    expect(cells.map(({ name }) => name)).toEqual(CELLS.map(({ name }) => name))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  test('passes as a stranger, at a base URL and with a key', async () => {
    const port = await freePort()
    const bridge = await startTestBridge({
      config: {
        server: { port: 0 },
        upstreams: { scripted: { base_url: `http://127.0.0.1:${port}/v1`, max_retries: 0 } },
        models: { 'my-model': { upstream: 'scripted', price: 'free' } },
        keys: [{ name: 'tester', key_env: 'KEY' }],
      },
      env: { KEY: 'a-key-of-the-bridge' },
    })
    running.push(bridge)
    const flags = ['--upstream-port', `${port}`, '--model', 'my-model', '--only', 'stop', 'eof']
    const at = ['conformance', '--base-url', `${bridge.url}/v1/`, ...flags]
    const env = { KEY: 'a-key-of-the-bridge' }
    const good = await createTestCli().run([...at, '--api-key-env', 'KEY', '--json'], { env })
    expect(reportIn(good.stdout)).toMatchObject({ ok: true, passed: 16, failed: 0 })
    expect(good.code).toBe(0)
    expect(good.stderr).toBe(
      `The scripted upstream listens at http://127.0.0.1:${port}/v1. The bridge must send the model "my-model" there, by Chat Completions; any key will do.\n`,
    )

    const bad = await createTestCli().run([...at, '--json'])
    expect(reportIn(bad.stdout)).toMatchObject({ ok: false, passed: 0, failed: 1, not_tried: 15 })
    expect(bad.code).toBe(1)
    expect(bad.stderr).toContain('nothing reached the scripted upstream')
  })
})

describe('the report', () => {
  test('is a table for people, and Markdown in a file', async () => {
    const cli = createTestCli()
    const only = ['--only', 'length', 'status-500']
    const { code, stdout } = await cli.run(['conformance', ...only, '--out', 'report.md'])
    expect(code).toBe(0)
    expect(stdout).toBe(
      [
        '                     text  tool  parallel  reasoning',
        'length               ✓ ✓   ✓ ✓   ✓ ✓       ✓ ✓',
        'status-500           ✓ ✓   · ·   · ·       · ·',
        '                     each: streamed, whole; · not tried',
        '',
        '10 passed, 0 failed',
        '',
      ].join('\n'),
    )
    const markdown = readFileSync(join(cli.cwd, 'report.md'), 'utf8')
    expect(markdown).toContain('this bridge: 10 passed, 0 failed.')
    expect(markdown).toContain('| `length` | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ |')
    expect(markdown).toContain('| `status-500` | ✓ | ✓ |  |  |  |  |  |  |')
    expect(markdown).not.toContain('## Failed')
  })

  test('says what failed, what was expected and why it matters', async () => {
    const liar = await startHttpUpstream((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end('{"status":"completed","output":[]}')
    })
    running.push(liar)
    const cli = createTestCli()
    const at = ['conformance', '--base-url', liar.baseUrl, '--upstream-port', '0']
    const { code, stdout } = await cli.run([...at, '--only', 'stop/text/whole', '--out', 'r.md'])
    expect(code).toBe(1)
    expect(stdout).toContain(
      '✗ stop/text/whole  a finish, usage, [DONE]; expected: completed, usage exact',
    )
    expect(stdout).toContain(
      '    said.text (the words are those of the upstream): "Lemons are yellow — mostly 🍋." became ""',
    )
    expect(stdout).toContain('0 passed, 1 failed, 1 with warnings\n')
    const markdown = readFileSync(join(cli.cwd, 'r.md'), 'utf8')
    expect(markdown).toContain('## Failed\n\n`stop/text/whole`: a finish, usage, [DONE]')
    expect(markdown).toContain('- `reached`: the request gets to the upstream.')
  })
})

describe('wrong usage is told with the way out', () => {
  const bad: readonly (readonly [args: string[], message: string])[] = [
    [['--only', 'lenght'], '--only: No case is called "lenght". Did you mean length?'],
    [['--api-key-env', 'NO_KEY'], '--api-key-env: the environment variable NO_KEY is not set.'],
    [['--base-url', 'localhost:4141'], '--base-url: "localhost:4141" is no URL.'],
    [['--upstream-port', '70000'], 'It must be a whole number from 0 to 65535'],
  ]
  test.each(bad)('%j', async (args, message) => {
    const { code, stdout, stderr } = await createTestCli().run(['conformance', ...args])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(message)
  })

  test('a port that is taken', async () => {
    const other = await startScriptedUpstream({ port: 0, model: 'm', pauseTimeoutMs: 50 })
    running.push(other)
    const port = new URL(other.baseUrl).port
    const { code, stderr } = await createTestCli().run(['conformance', '--upstream-port', port])
    expect(code).toBe(2)
    expect(stderr).toContain(`--upstream-port: port ${port} cannot be had (EADDRINUSE).`)
  })
})

test('--list shows every case and tries none', async () => {
  const { code, stdout } = await createTestCli().run(['conformance', '--list', '--json'])
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toHaveLength(CELLS.length)
  const text = await createTestCli().run(['conformance', '--list', '--only', 'eof/tool'])
  expect(text.stdout).toContain('eof/tool/stream')
  expect(text.stdout).not.toContain('eof/text/stream')
})
