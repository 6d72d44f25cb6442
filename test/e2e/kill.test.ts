/** `kill -9` in the middle of answers: nothing that was billed is forgotten, and nothing stays held. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { startHttpUpstream } from '../support/http-upstream.ts'
import { ENTRY } from './harness/bridge.ts'
import { withDeadline } from './harness/deadline.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

interface Session {
  readonly session_id: string
  readonly current_usage: {
    readonly cost_usd: string
    readonly tokens: number
    readonly api_calls: number
  }
  readonly reserved: { readonly cost_usd: string; readonly tokens: number }
}

async function startBridge(
  folder: string,
): Promise<{ url: string; child: ChildProcess; readyMs: number }> {
  const startedMs = performance.now()
  const child = spawn(
    process.execPath,
    [ENTRY, 'serve', '--config', join(folder, 'synth.toml'), '--port', '0'],
    {
      env: { PATH: process.env['PATH'], HOME: folder, XDG_STATE_HOME: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  cleanups.push(() => child.kill('SIGKILL'))
  const [line] = await withDeadline('the ready line', 15_000, once(child.stdout, 'data'))
  const url = /http:\/\/\S+/.exec(String(line))?.[0]
  if (url === undefined) throw new Error(`no address in ${String(line)}`)
  return { url, child, readyMs: performance.now() - startedMs }
}

const readSession = async (url: string): Promise<Session> => {
  const [session] = (await (await fetch(`${url}/api/v1/sessions`)).json()) as Session[]
  if (session === undefined) throw new Error('no session')
  return session
}

test('a bridge killed while 16 answers stream settles them when it starts again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'synth-kill-'))
  cleanups.push(() => rm(folder, { recursive: true, force: true }))
  let streaming = 0
  let arrived = () => {}
  const all = new Promise<void>((resolve) => {
    arrived = resolve
  })
  const upstream = await startHttpUpstream((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: {"choices":[{"index":0,"delta":{"content":"twelve chars"}}]}\n\n')
    streaming++
    if (streaming === 16) arrived()
  })
  cleanups.push(() => upstream.close())
  await writeFile(
    join(folder, 'synth.toml'),
    `[upstreams.local]\nbase_url = "${upstream.baseUrl}"\n[models.m]\nprice = { input = "1", output = "10" }\n`,
  )

  const first = await startBridge(folder)
  const calls = Array.from({ length: 16 }, () =>
    fetch(`${first.url}/v1/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', input: 'hi', stream: true }),
    })
      .then((answer) => answer.text())
      .catch(() => 'cut'),
  )
  await withDeadline('16 answers', 15_000, all)
  const held = await readSession(first.url)
  expect(Number(held.reserved.cost_usd)).toBeGreaterThan(0)
  first.child.kill('SIGKILL')
  await Promise.all(calls)

  const second = await startBridge(folder)
  const settled = await readSession(second.url)
  expect(settled.session_id).toBe(held.session_id)
  expect(settled.reserved).toMatchObject({ cost_usd: '0', tokens: 0 })
  expect(settled.current_usage.api_calls).toBe(16)
  // Never below what an upstream could have billed of what it sent, never above what was held.
  expect(settled.current_usage.tokens).toBeGreaterThanOrEqual(16 * 4)
  expect(Number(settled.current_usage.cost_usd)).toBeLessThanOrEqual(Number(held.reserved.cost_usd))
  const records = (await (
    await fetch(`${second.url}/api/v1/sessions/${settled.session_id}/usage?metric_type=cost_usd`)
  ).json()) as { metadata: { outcome: string } }[]
  expect(records.map(({ metadata }) => metadata.outcome)).toEqual(Array(16).fill('orphaned'))
})
