/** Recorded answers of Responses upstreams, and what an independent reading finds in each. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { createParser } from 'eventsource-parser'

export interface ResponsesRecording {
  readonly name: string
  readonly kind: 'stream' | 'body'
  readonly text: string
  /** The response with which it ends; undefined where the stream has no terminal event. */
  readonly last: RecordedResponse | undefined
  /** The items as `output_item.done` has them, or the body's. */
  readonly items: readonly RecordedItem[]
}

export interface RecordedResponse {
  readonly status: string
  readonly incomplete_details?: { readonly reason: string } | null
  readonly error?: { readonly message: string } | null
  readonly usage?: Readonly<Record<string, number>> | null
  readonly output: readonly RecordedItem[]
}

export interface RecordedItem {
  readonly type: string
  readonly call_id?: string
  readonly name?: string
  readonly arguments?: string
  readonly input?: string
  readonly encrypted_content?: string | null
  readonly content?: readonly RecordedPart[] | null
  readonly summary?: readonly RecordedPart[] | null
}

interface RecordedPart {
  readonly type: string
  readonly text?: string
  readonly refusal?: string
}

export function responsesRecordings(): ResponsesRecording[] {
  const shared = process.env['BRIDGE_SHARED']
  const corpus = process.env['BRIDGE_CORPUS'] ?? (shared && path.join(shared, 'corpus'))
  if (!corpus) return []
  const folder = path.join(corpus, 'responses')
  if (!existsSync(folder)) throw new Error(`BRIDGE_CORPUS is ${corpus}, which has no responses.`)
  return readdirSync(folder).map((name) => {
    const text = readFileSync(path.join(folder, name), 'utf8')
    return name.endsWith('.sse') ? readStream(name, text) : readBody(name, text)
  })
}

function readBody(name: string, text: string): ResponsesRecording {
  const last: RecordedResponse = JSON.parse(text)
  return { name, kind: 'body', text, last, items: last.output }
}

interface RecordedEvent {
  readonly type: string
  readonly item?: RecordedItem
  readonly response?: RecordedResponse
}

const TERMINALS = ['response.completed', 'response.incomplete', 'response.failed']

function readStream(name: string, text: string): ResponsesRecording {
  const events: RecordedEvent[] = []
  createParser({
    onEvent: ({ data }) => {
      if (data !== '[DONE]') events.push(JSON.parse(data))
    },
  }).feed(text)
  // Some files hold several streams, of which the first is the answer.
  const end = events.findIndex(({ type }) => TERMINALS.includes(type))
  const answer = end < 0 ? events : events.slice(0, end + 1)
  return {
    name,
    kind: 'stream',
    text,
    last: end < 0 ? undefined : answer.at(-1)?.response,
    items: answer.flatMap(({ type, item }) =>
      type === 'response.output_item.done' && item !== undefined ? [item] : [],
    ),
  }
}
