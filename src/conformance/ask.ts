/** One request of the suite to the bridge under test, and its answer as it came over the wire. */
import { tryParse } from '../translate/narrow.ts'
import { type Cell, markerOf } from './cells.ts'
import { OFFERED_TOOLS } from './contents.ts'
import { type Report, shown } from './rules.ts'
import { createFrameReader, type StreamEvent } from './stream-frames.ts'

export interface Target {
  /** `/responses` is put behind it. */
  readonly baseUrl: string
  readonly model: string
  readonly apiKey: string | undefined
  readonly timeoutMs: number
}

export type WireAnswer =
  | { readonly is: 'stream'; readonly status: number; readonly events: readonly StreamEvent[] }
  | { readonly is: 'body'; readonly status: number; readonly text: string; readonly json: unknown }
  /** Not even a head came. */
  | { readonly is: 'nothing' }

export interface AskOptions {
  readonly run: string
  readonly signal: AbortSignal
  readonly report: Report
  /** The first piece of the answer has come. */
  readonly onDelta: () => void
}

export async function askBridge(
  cell: Cell,
  target: Target,
  options: AskOptions,
): Promise<WireAnswer> {
  const { report } = options
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(target.timeoutMs)])
  let response: Response
  try {
    response = await fetch(`${target.baseUrl.replace(/\/+$/, '')}/responses`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(target.apiKey === undefined ? {} : { authorization: `Bearer ${target.apiKey}` }),
      },
      body: JSON.stringify(requestOf(cell, target.model, options.run)),
      signal,
    })
  } catch (cause) {
    report('answered', `no answer: ${explain(cause, target)}`)
    return { is: 'nothing' }
  }
  const contentType = response.headers.get('content-type') ?? ''
  if (contentType.startsWith('text/event-stream')) {
    if (cell.mode === 'whole') {
      report('http.content-type', 'a stream comes though none was asked for')
    }
    return readStream(response, target, options)
  }
  return readBody(response, contentType, cell, target, report)
}

function requestOf(cell: Cell, model: string, run: string): unknown {
  const wantsTools = cell.content.name === 'tool' || cell.content.name === 'parallel'
  const text = `Conformance test. Say what you like. ${markerOf(cell, run)}`
  return {
    model,
    input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text }] }],
    ...(wantsTools ? { tools: OFFERED_TOOLS, tool_choice: 'auto', parallel_tool_calls: true } : {}),
    store: false,
    stream: cell.mode === 'stream',
  }
}

async function readStream(
  response: Response,
  target: Target,
  { report, onDelta }: AskOptions,
): Promise<WireAnswer> {
  const reader = createFrameReader(report, ({ type }) => {
    if (type.endsWith('.delta')) onDelta()
  })
  const decoder = new TextDecoder()
  try {
    for await (const bytes of response.body ?? []) {
      reader.push(decoder.decode(bytes, { stream: true }))
    }
    reader.end()
  } catch (cause) {
    report('answered', `the stream broke off: ${explain(cause, target)}`)
  }
  return { is: 'stream', status: response.status, events: reader.events }
}

async function readBody(
  response: Response,
  contentType: string,
  cell: Cell,
  target: Target,
  report: Report,
): Promise<WireAnswer> {
  let text = ''
  try {
    text = await response.text()
  } catch (cause) {
    report('answered', `the body broke off: ${explain(cause, target)}`)
  }
  if (response.ok && cell.mode === 'stream') {
    report('http.content-type', `${shown(contentType)} though a stream was asked for`)
  } else if (!contentType.startsWith('application/json')) {
    report('http.content-type', `the body is ${shown(contentType)}`)
  }
  return { is: 'body', status: response.status, text, json: tryParse(text)?.value }
}

function explain(cause: unknown, { timeoutMs }: Target): string {
  if (!(cause instanceof Error)) return String(cause)
  if (cause.name === 'TimeoutError') return `not at its end after ${timeoutMs / 1000} s`
  // undici tells what happened in the cause of its own "fetch failed".
  return cause.cause instanceof Error ? cause.cause.message : cause.message
}
