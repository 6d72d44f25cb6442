/** Runs upstream streams through the chat relay, and takes what a client gets apart again. */
import { createParser } from 'eventsource-parser'
import type { Usage } from '../../../src/protocol/usage.ts'
import type { Answer } from '../../../src/translate/answer.ts'
import { type ChatRelayOptions, createChatRelay } from '../../../src/translate/chat-relay.ts'

export const HEAD = { id: 'chatcmpl-own', model: 'asked', created: 7 }

export interface TestRelay {
  readonly relay: Answer
  /** Everything written so far. */
  text(): string
  readonly writes: readonly string[]
}

export function testRelay(options: Partial<Omit<ChatRelayOptions, 'write'>> = {}): TestRelay {
  const writes: string[] = []
  const relay = createChatRelay({
    streaming: true,
    includeUsage: false,
    head: HEAD,
    ...options,
    write: (text) => writes.push(text),
  })
  return { relay, writes, text: () => writes.join('') }
}

export function feed(answer: Answer, reads: readonly string[]): void {
  const parser = createParser({ onEvent: ({ data, event }) => answer.message(data, event) })
  for (const read of reads) parser.feed(read)
}

/** A whole stream, to its conclusion. */
export function run(
  reads: readonly string[],
  options?: Partial<Omit<ChatRelayOptions, 'write'>>,
  estimate?: Usage,
): TestRelay {
  const test = testRelay(options)
  test.relay.open()
  feed(test.relay, reads)
  test.relay.ended()
  test.relay.conclude(estimate)
  return test
}

export interface Frame {
  readonly event: string | undefined
  readonly data: string
}

export function framesOf(text: string): Frame[] {
  const frames: Frame[] = []
  createParser({ onEvent: ({ event, data }) => frames.push({ event, data }) }).feed(text)
  return frames
}

export const dataOf = (text: string): string[] => framesOf(text).map(({ data }) => data)

/** An upstream's stream of these chunks; strings go as they are. */
export function sse(...messages: readonly unknown[]): string {
  return messages
    .map((message) => (typeof message === 'string' ? message : JSON.stringify(message)))
    .map((data) => `data: ${data}\n\n`)
    .join('')
}

export const said = (content: string, index = 0) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 5,
  model: 'm',
  choices: [{ index, delta: { content }, finish_reason: null }],
})

export const finished = (reason: string, index = 0) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 5,
  model: 'm',
  choices: [{ index, delta: {}, finish_reason: reason }],
})

export const counted = (prompt: number, completion: number) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 5,
  model: 'm',
  choices: [],
  usage: {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
  },
})

export const USAGE: Usage = {
  inputTokens: 3,
  cachedInputTokens: 1,
  cacheWriteTokens: 0,
  outputTokens: 4,
  reasoningTokens: 2,
}
