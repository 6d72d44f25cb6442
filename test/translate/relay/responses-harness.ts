/** Runs upstream streams through the Responses relay, and takes what a client gets apart again. */
import { createParser } from 'eventsource-parser'
import type { ResponseEcho } from '../../../src/protocol/responses/response.ts'
import type { Usage } from '../../../src/protocol/usage.ts'
import {
  createResponsesRelay,
  type ResponsesRelay,
  type ResponsesRelayOptions,
} from '../../../src/translate/responses-relay.ts'

export const ECHO: ResponseEcho = {
  id: 'resp_own',
  object: 'response',
  created_at: 1_760_000_000,
  model: 'asked',
  previous_response_id: null,
  instructions: null,
  tools: [],
  tool_choice: 'auto',
  truncation: 'disabled',
  parallel_tool_calls: true,
  text: { format: { type: 'text' } },
  top_p: 1,
  presence_penalty: 0,
  frequency_penalty: 0,
  top_logprobs: 0,
  temperature: 1,
  reasoning: null,
  max_output_tokens: null,
  max_tool_calls: null,
  store: false,
  background: false,
  service_tier: 'default',
  safety_identifier: null,
  prompt_cache_key: null,
}

export interface TestRelay {
  readonly relay: ResponsesRelay
  text(): string
  readonly writes: readonly string[]
}

type Options = Partial<Omit<ResponsesRelayOptions, 'write'>>

export function testRelay(options: Options = {}): TestRelay {
  const writes: string[] = []
  const relay = createResponsesRelay({
    streaming: true,
    echo: ECHO,
    metadata: { asked: 'yes' },
    ...options,
    write: (text) => writes.push(text),
  })
  return { relay, writes, text: () => writes.join('') }
}

export function feed(relay: ResponsesRelay, ...reads: readonly string[]): void {
  const parser = createParser({ onEvent: ({ data, event }) => relay.message(data, event) })
  for (const read of reads) parser.feed(read)
}

export function run(reads: readonly string[], options?: Options, estimate?: Usage): TestRelay {
  const test = testRelay(options)
  test.relay.open()
  feed(test.relay, ...reads)
  test.relay.ended()
  test.relay.conclude(estimate)
  return test
}

export interface Told {
  readonly type: string
  readonly sequence_number: number
  readonly [member: string]: unknown
}

/** The events that a client reads, without `[DONE]`. */
export function eventsOf(text: string): Told[] {
  const events: Told[] = []
  createParser({
    onEvent: ({ data }) => {
      if (data !== '[DONE]') events.push(JSON.parse(data))
    },
  }).feed(text)
  return events
}

export const typesOf = (text: string): string[] => eventsOf(text).map(({ type }) => type)

export interface UpstreamEvent {
  readonly type: string
  readonly [member: string]: unknown
}

/** An upstream's stream of these events, numbered from 0 as OpenAI does. */
export function sse(...events: readonly UpstreamEvent[]): string {
  return events
    .map((event, index) => {
      const { type, ...rest } = event
      const data = JSON.stringify({ type, sequence_number: index, ...rest })
      return `event: ${type}\ndata: ${data}\n\n`
    })
    .join('')
}

const UPSTREAM_RESPONSE = {
  ...ECHO,
  id: 'resp_up',
  created_at: 1_760_000_003,
  model: 'real-model',
  status: 'in_progress',
  completed_at: null,
  incomplete_details: null,
  error: null,
  output: [] as unknown[],
  usage: null as unknown,
  metadata: { theirs: 'yes' },
}

export const USAGE = {
  input_tokens: 10,
  input_tokens_details: { cached_tokens: 4 },
  output_tokens: 5,
  output_tokens_details: { reasoning_tokens: 1 },
  total_tokens: 15,
}

export const response = (members: object = {}): typeof UPSTREAM_RESPONSE => ({
  ...UPSTREAM_RESPONSE,
  ...members,
})

export const opening = [
  { type: 'response.created', response: response() },
  { type: 'response.in_progress', response: response() },
]

export const MESSAGE = { type: 'message', id: 'msg_1', status: 'completed', role: 'assistant' }
const part = (text: string) => ({ type: 'output_text', text, annotations: [], logprobs: [] })

/** One message at output index 0, as far as the text goes. */
export const textBegun = (...deltas: string[]) => [
  {
    type: 'response.output_item.added',
    output_index: 0,
    item: { ...MESSAGE, status: 'in_progress', content: [] },
  },
  {
    type: 'response.content_part.added',
    item_id: 'msg_1',
    output_index: 0,
    content_index: 0,
    part: part(''),
  },
  ...deltas.map((delta) => ({
    type: 'response.output_text.delta',
    item_id: 'msg_1',
    output_index: 0,
    content_index: 0,
    delta,
    logprobs: [],
  })),
]

export const messageItem = (text: string, status = 'completed') => ({
  ...MESSAGE,
  status,
  content: [part(text)],
})

export const textDone = (text: string) => [
  {
    type: 'response.output_text.done',
    item_id: 'msg_1',
    output_index: 0,
    content_index: 0,
    text,
    logprobs: [],
  },
  {
    type: 'response.content_part.done',
    item_id: 'msg_1',
    output_index: 0,
    content_index: 0,
    part: part(text),
  },
  { type: 'response.output_item.done', output_index: 0, item: messageItem(text) },
]

export const completed = (text: string) => ({
  type: 'response.completed',
  response: response({
    status: 'completed',
    completed_at: 1_760_000_009,
    output: [messageItem(text)],
    usage: USAGE,
  }),
})

export const whole = (...deltas: string[]) => [
  ...opening,
  ...textBegun(...deltas),
  ...textDone(deltas.join('')),
  completed(deltas.join('')),
]

export const ESTIMATE: Usage = {
  inputTokens: 3,
  cachedInputTokens: 1,
  cacheWriteTokens: 0,
  outputTokens: 4,
  reasoningTokens: 2,
}
