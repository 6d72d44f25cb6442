/** Runs upstream answers through the stream machine, with ids and the time under control. */
import { createParser } from 'eventsource-parser'
import type { ResponseEvent } from '../../../src/protocol/responses/events.ts'
import type { ResponseEcho, ResponseObject } from '../../../src/protocol/responses/response.ts'
import { DONE_FRAME, encodeEvent } from '../../../src/protocol/sse.ts'
import type { AnswerOutcome } from '../../../src/translate/answer.ts'
import type { Ids } from '../../../src/translate/ids.ts'
import type { Seal } from '../../../src/translate/seal.ts'
import {
  createResponseMachine,
  type ResponseMachine,
  type ResponseMachineOptions,
} from '../../../src/translate/to-responses/index.ts'
import type { ToolTable, ToolTarget } from '../../../src/translate/tool-table.ts'

export const CREATED_AT = 1_760_000_000

const ECHO: ResponseEcho = {
  id: 'resp_test',
  object: 'response',
  created_at: CREATED_AT,
  model: 'synth-small',
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

function countingIds(): Ids {
  const counts = new Map<string, number>()
  return {
    next(prefix) {
      const count = (counts.get(prefix) ?? 0) + 1
      counts.set(prefix, count)
      return `${prefix}_${count}`
    },
  }
}

/** Readable in golden files; the real one encrypts. */
export const PLAIN_SEAL: Seal = {
  seal: (plain) => `sealed:${plain}`,
  open: (sealed) => (sealed.startsWith('sealed:') ? sealed.slice(7) : undefined),
}

export function toolTable(
  targets: Readonly<Record<string, ToolTarget>> = {},
  forbidden: readonly string[] = [],
): ToolTable {
  return {
    target: (chatName) => targets[chatName],
    chatName: (name) => name,
    allows: (chatName) => !forbidden.includes(chatName),
  }
}

export type TestOptions = Partial<Omit<ResponseMachineOptions, 'emit'>>

export interface TestMachine {
  readonly machine: ResponseMachine
  readonly events: ResponseEvent[]
}

export function testMachine(options: TestOptions = {}): TestMachine {
  const events: ResponseEvent[] = []
  const machine = createResponseMachine({
    echo: ECHO,
    metadata: {},
    tools: toolTable(),
    ids: countingIds(),
    now: () => CREATED_AT + 5,
    seal: undefined,
    logprobs: false,
    thinkTags: false,
    ...options,
    // Events are kept as they were when they left, whatever happens to their items later.
    emit: (event) => events.push(structuredClone(event)),
  })
  return { machine, events }
}

export interface Run {
  readonly events: readonly ResponseEvent[]
  readonly response: ResponseObject
  readonly outcome: AnswerOutcome | undefined
  readonly outputChars: number
}

function finishRun({ machine, events }: TestMachine): Run {
  machine.conclude()
  return {
    events,
    response: machine.response,
    outcome: machine.outcome,
    outputChars: machine.outputChars,
  }
}

/** The upstream's bytes, in as many reads as given. */
export function runReads(reads: readonly string[], options?: TestOptions): Run {
  const test = testMachine(options)
  const parser = createParser({ onEvent: ({ data, event }) => test.machine.message(data, event) })
  for (const read of reads) parser.feed(read)
  test.machine.ended()
  return finishRun(test)
}

export function runStream(sse: string, options?: TestOptions): Run {
  return runReads([sse], options)
}

export function runBody(json: unknown, options?: TestOptions): Run {
  const test = testMachine(options)
  test.machine.body(json)
  return finishRun(test)
}

/** Chunks and [DONE] as an upstream's stream; strings go as they are. */
export function sseOf(messages: readonly unknown[]): string {
  return messages
    .map((message) => (typeof message === 'string' ? message : JSON.stringify(message)))
    .map((data) => `data: ${data}\n\n`)
    .join('')
}

/** What the client receives. */
export function wireOf(events: readonly ResponseEvent[]): string {
  return events.map(encodeEvent).join('') + DONE_FRAME
}

export interface Said {
  readonly text: string
  readonly reasoning: string
  readonly refusal: string
  readonly calls: { readonly name: string; readonly callId: string; readonly arguments: string }[]
}

/** All that the events say, added up from their deltas. */
export function saidIn(events: readonly ResponseEvent[]): Said {
  let text = ''
  let reasoning = ''
  let refusal = ''
  const calls = new Map<number, { name: string; callId: string; arguments: string }>()
  for (const event of events) {
    switch (event.type) {
      case 'response.output_text.delta':
        text += event.delta
        break
      case 'response.refusal.delta':
        refusal += event.delta
        break
      case 'response.reasoning_summary_text.delta':
        reasoning += event.delta
        break
      case 'response.output_item.added':
        if (event.item.type === 'function_call' || event.item.type === 'custom_tool_call') {
          const { name, call_id: callId } = event.item
          calls.set(event.output_index, { name, callId, arguments: '' })
        }
        break
      case 'response.function_call_arguments.delta':
      case 'response.custom_tool_call_input.delta': {
        const call = calls.get(event.output_index)
        if (call !== undefined) call.arguments += event.delta
        break
      }
      default:
        break
    }
  }
  return { text, reasoning, refusal, calls: [...calls.values()] }
}
