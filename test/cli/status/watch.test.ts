/** `synth status` and its `--watch` on a scripted screen, against a bridge over HTTP. */
import { afterEach, describe, expect, test } from 'vitest'
import type { CliContext } from '../../../src/cli/context.ts'
import type { Screen } from '../../../src/cli/screen.ts'
import { startTestBridge } from '../../support/bridge.ts'
import { createTestCli } from '../../support/cli.ts'
import { startHttpUpstream, streaming, textFrames } from '../../support/http-upstream.ts'

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.close()))
})

async function start(port = 0) {
  const upstream = await startHttpUpstream(streaming(textFrames('hello')))
  const bridge = await startTestBridge({
    config: {
      server: { port },
      upstreams: { local: { base_url: upstream.baseUrl } },
      models: { m: { upstream: 'local', price: { input: '1', output: '1' } } },
    },
  })
  const close = async () => {
    await Promise.all([bridge.close(), upstream.close()])
  }
  running.push({ close })
  return { url: bridge.url, close }
}

const call = async (url: string) => {
  const answer = await fetch(`${url}/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', input: 'hi' }),
  })
  await answer.text()
}

function scriptedScreen(size = { columns: 80, rows: 24 }) {
  let page = ''
  let isClosed = false
  const listeners: Record<'resize' | 'quit', () => void> = { resize: () => {}, quit: () => {} }
  const screen: Screen = {
    size: () => size,
    draw: (lines) => {
      page = lines.join('\n')
    },
    onResize: (listener) => {
      listeners.resize = listener
    },
    onQuit: (listener) => {
      listeners.quit = listener
    },
    close: () => {
      isClosed = true
    },
  }
  return {
    context: { isTerminal: true, openScreen: async () => screen } satisfies Partial<CliContext>,
    shows: (text: string | RegExp) => expect.poll(() => page, { timeout: 10_000 }).toMatch(text),
    resize(columns: number, rows: number) {
      size.columns = columns
      size.rows = rows
      listeners.resize()
      return page
    },
    quit: () => listeners.quit(),
    isClosed: () => isClosed,
  }
}

const watch = (url: string, changes: Partial<CliContext>, ...flags: string[]) =>
  createTestCli().run(['status', '--watch', '--url', url, ...flags], { fetch, ...changes })

describe('once', () => {
  test('is a page, whole where nobody looks at a terminal', async () => {
    const { url } = await start()
    await call(url)
    const cli = createTestCli()
    const plain = await cli.run(['status', '--url', url], { fetch })
    expect(plain).toMatchObject({ code: 0, stderr: '' })
    expect(plain.stdout).toMatch(/^synth \S+ {2}up \S+ {2}http/)
    expect(plain.stdout).toMatch(/\nsess_[0-9a-f]{32} {2}active {2}1 call\n/)
    expect(plain.stdout).toMatch(/ m +completed +200 +7 → 3 +\$0\.00001 .* req_[0-9a-f]{32}\n$/)
    const narrow = { fetch, isTerminal: true, columns: 40 }
    const { stdout } = await cli.run(['status', '--url', url], narrow)
    expect(Math.max(...stdout.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(40)
  })

  test('as JSON is what the bridge answers', async () => {
    const { url } = await start()
    await call(url)
    await call(url)
    const args = ['status', '--url', url, '--json', '--calls', '1']
    const { stdout } = await createTestCli().run(args, { fetch })
    expect(JSON.parse(stdout)).toMatchObject({
      bridge: { status: 'ok', upstreams: ['local'] },
      sessions: [{ current_usage: { api_calls: 2 } }],
      recent_calls: [{ model: 'm', gpu_hours: expect.any(Number) }],
    })
    expect(JSON.parse(stdout).recent_calls).toHaveLength(1)
  })

  test.each([
    [['--calls', 'all'], 2, 'from 0 to 200'],
    [['--url', 'http://127.0.0.1:1'], 1, 'No bridge answers at http://127.0.0.1:1.'],
    [['--watch', '--url', 'http://127.0.0.1:1'], 1, 'No bridge answers'],
  ])('%j exits with %i', async (flags, code, message) => {
    const screen = scriptedScreen()
    const result = await createTestCli().run(['status', ...flags], { fetch, ...screen.context })
    expect(result).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) })
  })
})

describe('on a terminal', () => {
  test('is drawn anew with what happens, in the size there is, until q', async () => {
    const { url } = await start()
    const screen = scriptedScreen()
    const done = watch(url, screen.context)
    await screen.shows('no call yet')
    await call(url)
    await screen.shows(/m +completed/)
    const small = screen.resize(40, 10).split('\n')
    expect(small.length).toBeLessThanOrEqual(10)
    expect(Math.max(...small.map(({ length }) => length))).toBeLessThanOrEqual(40)
    screen.quit()
    expect(await done).toMatchObject({ code: 0, stdout: '', stderr: '' })
    expect(screen.isClosed()).toBe(true)
  })

  test('ends at a signal', async () => {
    const { url } = await start()
    const screen = scriptedScreen()
    let interrupt = (_name: string) => {}
    const interrupted = () =>
      new Promise<string>((resolve) => {
        interrupt = resolve
      })
    const done = watch(url, { ...screen.context, interrupted })
    await screen.shows('Sessions')
    interrupt('SIGTERM')
    expect((await done).code).toBe(0)
    expect(screen.isClosed()).toBe(true)
  })

  test('waits for a bridge that is started again', async () => {
    const first = await start()
    const screen = scriptedScreen({ columns: 200, rows: 24 })
    const done = watch(first.url, screen.context)
    await call(first.url)
    await screen.shows(/m +completed/)
    await first.close()
    // With the last that was known.
    await screen.shows(/No answer from the bridge[\s\S]*m +completed/)
    await start(Number(new URL(first.url).port))
    await screen.shows('no call yet')
    screen.quit()
    expect((await done).code).toBe(0)
  })

  test('gives the terminal back when it fails', async () => {
    const { url } = await start()
    const screen = scriptedScreen()
    let asked = 0
    const failing: typeof fetch = async (...args) =>
      asked++ === 0 ? fetch(...args) : new Response('<html>', { status: 200 })
    const { code, stderr } = await watch(url, { ...screen.context, fetch: failing })
    expect(code).toBe(1)
    expect(stderr).toContain('it is no bridge')
    expect(screen.isClosed()).toBe(true)
  })
})

describe('off a terminal', () => {
  /** A context that keeps its lines, and is interrupted once `isEnough`. */
  function collector(isEnough: (text: string) => boolean) {
    let stdout = ''
    let interrupt = (_name: string) => {}
    const context: Partial<CliContext> = {
      stdout: (text) => {
        stdout += text
        if (isEnough(stdout)) interrupt('SIGINT')
      },
      interrupted: () =>
        new Promise((resolve) => {
          interrupt = resolve
        }),
    }
    return { context, text: () => stdout }
  }

  test('each change is a line', async () => {
    const { url } = await start()
    await call(url)
    const lines = collector((text) => /completed/.test(text))
    const done = watch(url, lines.context)
    await expect.poll(lines.text).toContain('session')
    await call(url)
    expect((await done).code).toBe(0)
    expect(lines.text().trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^\S+Z session sess_\w+ active: spent \$0\.00001 of .* 1 call$/),
      expect.stringMatching(/^\S+Z session sess_\w+ active: spent \$0\.00002 of .* 2 calls$/),
      expect.stringMatching(/^\S+Z completed req_\w+ m in sess_\w{8}: HTTP 200, \$0\.00001, /),
    ])
  })

  test('with --json each look is', async () => {
    const { url } = await start()
    const looks = collector((text) => text.split('\n').length > 2)
    expect((await watch(url, looks.context, '--json')).code).toBe(0)
    const parsed = looks
      .text()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(parsed).toMatchObject([{ sessions: [] }, { sessions: [] }])
  })
})
