/** `kill -9`: calls that were recorded are there when the bridge starts again, and those it cut say so. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { TraceRecordSchema } from '../../src/trace/record.ts'
import { startHttpUpstream, streaming, textFrames } from '../support/http-upstream.ts'
import { ENTRY } from './harness/bridge.ts'
import { withDeadline } from './harness/deadline.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function serve(folder: string): Promise<{ url: string; child: ChildProcess }> {
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
  return { url, child }
}

async function recordsOf(url: string) {
  const { data } = (await (await fetch(`${url}/api/v1/traces?order=asc`)).json()) as {
    data: unknown
  }
  return TraceRecordSchema.array().parse(data)
}

test('a killed bridge leaves the record of every call that was over, and of those that ran', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'synth-kill-traces-'))
  cleanups.push(() => rm(folder, { recursive: true, force: true }))
  const upstream = await startHttpUpstream((request, response) => {
    if (JSON.stringify(request.body).includes('for ever')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(textFrames('Begun')[0])
    } else streaming(textFrames('Done'))(request, response)
  })
  cleanups.push(() => upstream.close())
  await writeFile(
    join(folder, 'synth.toml'),
    `[upstreams.local]\nbase_url = "${upstream.baseUrl}"\n`,
  )
  const first = await serve(folder)
  const post = (content: string) =>
    fetch(`${first.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content }] }),
    })
  for (let count = 0; count < 5; count++) await (await post(`call ${count}`)).text()
  const open = await post('for ever')
  await open.body?.getReader().read()
  // What can be read has been written.
  expect(await recordsOf(first.url)).toHaveLength(6)
  first.child.kill('SIGKILL')
  await once(first.child, 'exit')

  const second = await serve(folder)
  const records = await recordsOf(second.url)
  expect(records.map(({ complete }) => complete)).toEqual([true, true, true, true, true, false])
  expect(records.at(-1)).toMatchObject({
    outcome: null,
    request: { received: { messages: [{ content: 'for ever' }] } },
  })
})
