/** A bridge and an upstream over real HTTP, and a client that reads what they say. */
import { mkdtempSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { StorageSettings } from '../../src/config/storage.ts'
import type { ResponseEvent } from '../../src/protocol/responses/events.ts'
import { startTestBridge, type TestBridge } from '../support/bridge.ts'
import { type Answerer, type HttpUpstream, startHttpUpstream } from '../support/http-upstream.ts'
import { failuresOf } from '../translate/relay/stream-findings.ts'
import { ruleBreaks } from '../translate/to-responses/stream-rules.ts'

// biome-ignore lint/suspicious/noExplicitAny: a body is whatever the test says it is
export type Json = Record<string, any>

/** What to stop when a test has ended, last first. */
export function createCleanup() {
  const parts: { close(): Promise<unknown> }[] = []
  return {
    add<Part extends { close(): Promise<unknown> }>(part: Part): Part {
      parts.push(part)
      return part
    },
    async run() {
      for (const part of parts.splice(0).toReversed()) await part.close()
    },
  }
}

const chunk = (delta: object, more: object = {}) => ({ choices: [{ index: 0, delta, ...more }] })
const frame = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`
const USAGE = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 }

/** The frames of a chat answer: reasoning, text in pieces, calls. */
export function chatFrames(
  said: { text?: string; reasoning?: string; call?: { id: string; name: string } } = {},
): string[] {
  const { text, reasoning, call } = said
  return [
    ...(reasoning === undefined ? [] : [chunk({ reasoning_content: reasoning })]),
    ...(text ?? '').split(/(?<= )/).map((piece) => chunk({ content: piece })),
    ...(call === undefined
      ? []
      : [
          chunk({
            tool_calls: [
              { index: 0, id: call.id, function: { name: call.name, arguments: '{"a":1}' } },
            ],
          }),
        ]),
    chunk({}, { finish_reason: call === undefined ? 'stop' : 'tool_calls' }),
    { choices: [], usage: USAGE },
  ].map(frame)
}

export function sendStream(response: ServerResponse, frames: readonly string[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  for (const text of frames) response.write(text)
  response.end('data: [DONE]\n\n')
}

/** Answers by what was said last: `echo N` with the number of the message. */
export const talking: Answerer = ({ body }, response) => {
  const messages = body['messages'] as Json[]
  sendStream(
    response,
    chatFrames({ reasoning: `thinking ${messages.length}`, text: `echo ${messages.length}` }),
  )
}

export interface World {
  readonly upstream: HttpUpstream
  readonly bridge: TestBridge
  readonly storage: StorageSettings | undefined
  /** Stops the bridge and starts another on the same upstream and store. */
  restart(): Promise<void>
  call(method: string, path: string, body?: object, headers?: object): Promise<Response>
  /** The JSON of an answer that has to be 200. */
  json(method: string, path: string, body?: object, headers?: object): Promise<Json>
  error(method: string, path: string, body?: object, headers?: object): Promise<Json>
  /** The frames of a stream, checked against the rules. */
  stream(method: string, path: string, body?: object): Promise<string>
}

export interface WorldOptions {
  readonly answer?: Answerer
  readonly storage?: StorageSettings
  readonly wire?: 'chat' | 'responses'
  readonly config?: Json
  readonly env?: Record<string, string>
  readonly drainMs?: number
}

export async function startWorld(
  cleanup: ReturnType<typeof createCleanup>,
  options: WorldOptions = {},
): Promise<World> {
  const upstream = cleanup.add(await startHttpUpstream(options.answer ?? talking))
  const start = () =>
    startTestBridge({
      config: {
        upstreams: {
          local: {
            base_url: upstream.baseUrl,
            wire: options.wire ?? 'chat',
            ...(options.wire === 'responses' ? {} : { reasoning_field: 'reasoning_content' }),
          },
        },
        models: { m: { upstream: 'local' } },
        ...options.config,
      },
      ...(options.storage === undefined ? {} : { storage: options.storage }),
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.drainMs === undefined ? {} : { drainMs: options.drainMs }),
    })
  let bridge = await start()
  cleanup.add({ close: () => bridge.close() })

  const call: World['call'] = (method, path, body, headers = {}) =>
    fetch(bridge.url + path, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  const json: World['json'] = async (...request) => {
    const answer = await call(...request)
    const value = await answer.json()
    expect(value, `${request[0]} ${request[1]}`).not.toHaveProperty('error.type')
    expect(answer.status).toBe(200)
    return Object(value)
  }
  return {
    upstream,
    get bridge() {
      return bridge
    },
    storage: options.storage,
    async restart() {
      await bridge.close()
      bridge = await start()
    },
    call,
    json,
    async error(...request) {
      const answer = await call(...request)
      const { error } = Object(await answer.json())
      return { status: answer.status, ...error }
    },
    async stream(method, path, body) {
      const answer = await call(method, path, body)
      const text = await answer.text()
      expect(answer.headers.get('content-type'), text).toBe('text/event-stream')
      if (!path.includes('starting_after')) {
        expect(ruleBreaks(eventsOf(text) as ResponseEvent[])).toEqual([])
        expect(failuresOf(text, 'both')).toEqual([])
      }
      return text
    },
  }
}

export const eventsOf = (text: string): Json[] =>
  [...text.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => JSON.parse(data ?? ''))

/** What was said before the last answer of the upstream. */
export const messagesOf = (upstream: HttpUpstream): unknown =>
  upstream.received.at(-1)?.body['messages']

export function sqliteStorage(): StorageSettings {
  const stateDir = mkdtempSync(join(tmpdir(), 'synth-state-'))
  return { stateDir, store: { kind: 'sqlite', path: join(stateDir, 'synth.db') } }
}
