/** Task apps of the tests: programs of their own that know nothing of this product, and scripted ones. */
import { spawn } from 'node:child_process'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import { withDeadline } from '../e2e/harness/deadline.ts'

const ROOT = join(import.meta.dirname, '../..')
const START_MS = 15_000

/** Starts it for the rest of the test. @returns the URL that its first line ends in */
async function startProgram(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => {
    child.kill()
  })
  const lines = createInterface({ input: child.stdout })
  const line = await withDeadline(
    `${args[0]} listens`,
    START_MS,
    new Promise<string>((resolve, reject) => {
      lines.once('line', resolve)
      child.once('error', reject)
    }),
  )
  return line.split(' ').at(-1) ?? ''
}

/** One of `fixtures/task-apps`. */
export const startPythonApp = (
  name: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> => startProgram('python3', [join('fixtures/task-apps', name), '0'], env)

/** One of `examples`. */
export const startExample = (
  name: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> =>
  startProgram(process.execPath, [join('examples', name, 'server.ts'), '--port', '0'], env)

export interface ScriptedRequest {
  readonly route: string
  readonly headers: IncomingMessage['headers']
  readonly body: Record<string, unknown>
}

export interface ScriptedApp {
  readonly url: string
  readonly requests: readonly ScriptedRequest[]
}

/** `silent` leaves the answer to the test; undefined is 404. */
export type Scripted = { readonly status?: number; readonly body: unknown } | 'silent' | undefined

/** Does what the test says, for the rest of the test. */
export async function startScriptedApp(
  answer: (request: ScriptedRequest, response: ServerResponse) => Scripted | Promise<Scripted>,
): Promise<ScriptedApp> {
  const requests: ScriptedRequest[] = []
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const piece of request) text += piece
    const scripted = {
      route: `${request.method} ${request.url}`,
      headers: request.headers,
      body: text === '' ? {} : JSON.parse(text),
    }
    requests.push(scripted)
    const said = await answer(scripted, response)
    if (said === 'silent' || response.writableEnded || response.destroyed) return
    const { status, body } = said ?? { status: 404, body: { detail: 'Not Found' } }
    const isText = typeof body === 'string'
    response.writeHead(status ?? 200, { 'content-type': isText ? 'text/html' : 'application/json' })
    response.end(isText ? body : JSON.stringify(body))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}
