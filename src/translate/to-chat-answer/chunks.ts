/** The answer as frames of a Chat Completions stream. */
import { quoteJson, toJson } from '../../protocol/sse.ts'
import type { ChatHead } from '../chat-frames.ts'
import { paddingFor } from '../obfuscation.ts'
import type { ChatSink, FinishReason } from './sink.ts'

export interface ChunkWriter extends ChatSink {
  /** The chunk that says who speaks. Once, before any other. */
  begin(): void
  /** The chunk that ends the one choice. */
  finish(reason: FinishReason, members: Readonly<Record<string, unknown>>): string
}

export interface ChunkOptions {
  readonly head: ChatHead
  /** Asked for usage, a client expects a null in every chunk but the last. */
  readonly includeUsage: boolean
  /** Whether each delta is padded, so that its size does not tell its text. */
  readonly obfuscate: boolean
  readonly write: (frame: string) => void
}

/**
 * Deltas, which are nearly all of a stream, are put together by hand around the one member that needs
 * escaping.
 */
export function createChunkWriter(options: ChunkOptions): ChunkWriter {
  const { head, includeUsage, obfuscate, write } = options
  const { id, created, model } = head
  const about = toJson({ id, object: 'chat.completion.chunk', created, model }).slice(0, -1)
  const front = `data: ${about},"choices":[{"index":0,"delta":{`
  const usage = includeUsage ? ',"usage":null' : ''
  const back = `,"finish_reason":null}]${usage}`

  /** @param said The text of the delta, already a part of `delta`, by which it is padded. */
  function send(delta: string, said: string, logprobs = ''): void {
    const padding = obfuscate ? `,"obfuscation":${quoteJson(paddingFor(said))}` : ''
    write(`${front}${delta}}${logprobs}${back}${padding}}\n\n`)
  }

  const sendText = (field: string, text: string) => send(`"${field}":${quoteJson(text)}`, text)

  return {
    begin() {
      send('"role":"assistant","content":""', '')
    },
    content(text, logprobs) {
      const told =
        logprobs.length === 0 ? '' : `,"logprobs":${toJson({ content: logprobs, refusal: null })}`
      send(`"content":${quoteJson(text)}`, text, told)
    },
    refusal(text) {
      sendText('refusal', text)
    },
    reasoning(text) {
      sendText('reasoning_content', text)
    },
    reasoningDetail(detail) {
      send(`"reasoning_details":${toJson([detail])}`, '')
    },
    annotation(citation) {
      const annotation = { type: 'url_citation', url_citation: citation }
      send(`"annotations":${toJson([annotation])}`, '')
    },
    beginCall(index, kind, callId, name) {
      const text = kind === 'function' ? 'arguments' : 'input'
      const called = `"${kind}":{"name":${quoteJson(name)},"${text}":""}`
      send(
        `"tool_calls":[{"index":${index},"id":${quoteJson(callId)},"type":"${kind}",${called}}]`,
        '',
      )
    },
    callText(index, kind, text) {
      const field = kind === 'function' ? 'arguments' : 'input'
      send(`"tool_calls":[{"index":${index},"${kind}":{"${field}":${quoteJson(text)}}}]`, text)
    },
    finish(reason, members) {
      const more = toJson(members).slice(1, -1)
      const tail = more === '' ? '' : `,${more}`
      return `data: ${about},"choices":[{"index":0,"delta":{},"finish_reason":"${reason}"}]${usage}${tail}}\n\n`
    },
  }
}
