/** Runs upstream answers through the chat answer, and takes what a client gets apart again. */
import { createParser } from 'eventsource-parser'
import type { Usage } from '../../../src/protocol/usage.ts'
import type { Answer, AnswerOutcome } from '../../../src/translate/answer.ts'
import {
  type ChatAnswerOptions,
  createChatAnswer,
} from '../../../src/translate/to-chat-answer/index.ts'

export const HEAD = { id: 'chatcmpl-own', model: 'asked', created: 7 }

type Options = Partial<Omit<ChatAnswerOptions, 'write'>>

export interface TestAnswer {
  readonly answer: Answer
  /** Everything written so far. */
  text(): string
}

export function testAnswer(options: Options = {}): TestAnswer {
  const writes: string[] = []
  const counts = new Map<string, number>()
  const answer = createChatAnswer({
    streaming: true,
    includeUsage: true,
    obfuscate: false,
    logprobs: false,
    head: HEAD,
    ids: {
      next(prefix) {
        counts.set(prefix, (counts.get(prefix) ?? 0) + 1)
        return `${prefix}_${counts.get(prefix)}`
      },
    },
    redact: (text) => text.replaceAll('SECRET', '[redacted]'),
    ...options,
    write: (text) => writes.push(text),
  })
  return { answer, text: () => writes.join('') }
}

export function feed(answer: Answer, ...reads: readonly string[]): void {
  const parser = createParser({ onEvent: ({ data, event }) => answer.message(data, event) })
  for (const read of reads) parser.feed(read)
}

export interface Run {
  readonly text: string
  readonly outcome: AnswerOutcome | undefined
}

/** A whole stream, to its conclusion. */
export function run(reads: readonly string[], options?: Options, estimate?: Usage): Run {
  const { answer, text } = testAnswer(options)
  answer.open()
  feed(answer, ...reads)
  answer.ended()
  answer.conclude(estimate)
  return { text: text(), outcome: answer.outcome }
}

/** A whole body of the upstream's. */
export function runBody(body: unknown, options?: Options): Run {
  const { answer, text } = testAnswer(options)
  answer.body(body)
  answer.ended()
  answer.conclude()
  return { text: text(), outcome: answer.outcome }
}

/** As much of a chunk, or of a completion, as these tests look at. */
export interface Message {
  role?: string
  content?: string | null
  refusal?: string | null
  reasoning_content?: string
  reasoning_details?: Record<string, unknown>[]
  annotations?: { type: string; url_citation: Record<string, unknown> }[]
  tool_calls?: {
    index?: number
    id?: string
    type?: string
    function?: { name?: string; arguments?: string }
    custom?: { name?: string; input?: string }
  }[]
}

export interface Chunk {
  id: string
  object: string
  choices: {
    index: number
    delta: Message
    logprobs?: { content: unknown[] } | null
    finish_reason: string | null
  }[]
  usage?: Record<string, unknown> | null
  error?: Record<string, unknown>
  metadata?: Record<string, string>
  obfuscation?: string
  service_tier?: string
}

export interface Completion {
  choices: [
    {
      message: Message
      logprobs: { content: unknown[] } | null
      finish_reason: string
    },
  ]
  usage?: Record<string, unknown>
  error?: Record<string, unknown>
  metadata?: Record<string, string>
}

/** The chunks that a client reads; `[DONE]` is checked to be the last frame, if it is there. */
export function chunksOf(text: string): Chunk[] {
  const data: string[] = []
  createParser({ onEvent: (message) => data.push(message.data) }).feed(text)
  const done = data.indexOf('[DONE]')
  if (done >= 0 && done !== data.length - 1) throw new Error('[DONE] is not the last frame')
  return data.filter((line) => line !== '[DONE]').map((line) => JSON.parse(line))
}

export interface Said {
  text: string
  refusal: string
  reasoning: string
  calls: { id: string; kind: string; name: string; text: string }[]
  sealed: string[]
  finish: string[]
}

/** What a stream says, put together as a client does. */
export function saidIn(text: string): Said {
  const said: Said = { text: '', refusal: '', reasoning: '', calls: [], sealed: [], finish: [] }
  for (const chunk of chunksOf(text)) {
    for (const { delta, finish_reason: reason } of chunk.choices ?? []) {
      addMessage(said, delta)
      if (reason !== null) said.finish.push(reason)
    }
  }
  return said
}

export function saidInBody(text: string): Said {
  const said: Said = { text: '', refusal: '', reasoning: '', calls: [], sealed: [], finish: [] }
  const completion: Completion = JSON.parse(text)
  for (const { message, finish_reason: reason } of completion.choices) {
    addMessage(said, message)
    said.finish.push(reason)
  }
  return said
}

function addMessage(said: Said, message: Message): void {
  said.text += message.content ?? ''
  said.refusal += message.refusal ?? ''
  said.reasoning += message.reasoning_content ?? ''
  said.sealed.push(...(message.reasoning_details ?? []).map(({ data }) => String(data)))
  for (const [position, call] of (message.tool_calls ?? []).entries()) {
    const index = call.index ?? position
    const kind = call.custom === undefined ? 'function' : 'custom'
    said.calls[index] ??= { id: call.id ?? '', kind, name: '', text: '' }
    const known = said.calls[index]
    known.name += call.function?.name ?? call.custom?.name ?? ''
    known.text += call.function?.arguments ?? call.custom?.input ?? ''
  }
}
