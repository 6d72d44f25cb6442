/** The socket to a task app: what comes back, and what the message says where nothing does. */

import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createTaskAppHttp, TaskAppError, type TaskAppHttp } from '../../src/task-app/http.ts'
import { startScriptedApp } from '../support/task-app.ts'

function httpTo(url: string, changes: { maxAnswerBytes?: number } = {}): TaskAppHttp {
  const http = createTaskAppHttp({ url, keys: ['key-one'], connections: 2, ...changes })
  onTestFinished(() => http.close())
  return http
}

const never = new AbortController().signal
const get = (http: TaskAppHttp, path: string, signal = never) =>
  http.ask('GET', path, undefined, signal)

/** Speaks whatever it likes, to everybody. */
async function startRaw(text: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(text))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('an answer is whole, whatever its status', async () => {
  const app = await startScriptedApp(() => ({ status: 418, body: { tea: 'ü' } }))
  expect(await get(httpTo(`${app.url}/prefix`), '/a?b=c')).toEqual({
    status: 418,
    contentType: 'application/json',
    text: '{"tea":"ü"}',
  })
  expect(app.requests[0]?.route).toBe('GET /prefix/a?b=c')
})

describe('no answer', () => {
  const rows = [
    { name: 'no HTTP', text: 'SSH-2.0-OpenSSH\r\n', says: 'answered with what is not HTTP' },
    { name: 'hung up', text: '', says: 'closed the connection before its answer was whole' },
    {
      name: 'cut',
      text: 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"rew',
      says: 'closed the connection before its answer was whole',
    },
  ]
  test.each(rows)('$name', async ({ text, says }) => {
    const error = await get(httpTo(await startRaw(text)), '/').catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(TaskAppError)
    expect(error).toMatchObject({ failure: 'transport', message: expect.stringContaining(says) })
  })

  test('a host that nobody knows', async () => {
    await expect(get(httpTo('http://nobody.invalid'), '/')).rejects.toMatchObject({
      failure: 'transport',
      message: 'has a host name that does not resolve',
    })
  })

  test('one that is too large is not read to its end', async () => {
    const app = await startScriptedApp(() => ({ body: 'x'.repeat(2_000) }))
    const http = httpTo(app.url, { maxAnswerBytes: 1_000 })
    await expect(get(http, '/')).rejects.toMatchObject({
      failure: 'answer',
      message: 'answered with more than 1000 bytes',
    })
  })

  test('a redirect in a circle', async () => {
    const app = await startScriptedApp((_, response) => {
      response.writeHead(308, { location: '/' }).end()
      return 'silent'
    })
    await expect(get(httpTo(app.url), '/')).rejects.toMatchObject({
      failure: 'answer',
      message: 'redirects in a circle',
    })
  })

  test('what ends the question is what is thrown', async () => {
    const app = await startScriptedApp(() => 'silent')
    const ending = new AbortController()
    const asked = get(httpTo(app.url), '/', ending.signal)
    ending.abort(new Error('enough'))
    await expect(asked).rejects.toThrow('enough')
  })
})

test('a redirect keeps the body of a POST, or is the answer', async () => {
  const app = await startScriptedApp(({ route }, response) => {
    if (route === 'POST /there') return { body: { ok: true } }
    response.writeHead(route === 'POST /moved' ? 307 : 302, { location: '/there' }).end()
    return 'silent'
  })
  const post = (path: string) => httpTo(app.url).ask('POST', path, { seed: 1 }, never)
  expect(await post('/moved')).toMatchObject({ status: 200 })
  expect(app.requests.at(-1)?.body).toEqual({ seed: 1 })
  expect(await post('/lost')).toMatchObject({ status: 302 })
})
