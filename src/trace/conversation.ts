/**
 * A record as a conversation in Chat Completions' form, whichever wire it came on: what the model was
 * told, and what it said. For exports, and for Synth's clients, which know no other form.
 */
import { readResponsesRequest } from '../protocol/responses/request.ts'
import { DEFAULT_DIALECT } from '../translate/dialect.ts'
import { isRecord, listOf, textOf } from '../translate/narrow.ts'
import { toChatRequest } from '../translate/to-chat/index.ts'
import { chatToolName } from '../translate/tool-name.ts'
import { CUSTOM_INPUT_PROPERTY, STOP_TOOL_NAME } from '../translate/tool-table.ts'
import { applyChanges } from './change.ts'
import type { TraceRecord } from './record.ts'

export type JsonObject = Readonly<Record<string, unknown>>

export interface Conversation {
  readonly messages: readonly JsonObject[]
  readonly tools: readonly JsonObject[]
  /** Undefined where there is no answer, or its content was not kept. */
  readonly answer: JsonObject | undefined
  readonly finishReason: string | null
}

/** @returns undefined where the request's content was not kept, or is none that could be read */
export function conversationOf(record: TraceRecord): Conversation | undefined {
  const sent = sentRequestOf(record)
  const said = sent === undefined ? undefined : promptOf(sent)
  if (said === undefined) return undefined
  return { ...said, ...answerOf(record.response) }
}

/** The request as it left; as it came, where it never left. */
export function sentRequestOf({ request }: TraceRecord): JsonObject | undefined {
  if (!isRecord(request.received)) return undefined
  try {
    const sent = applyChanges(request.received, request.changes)
    return isRecord(sent) ? sent : undefined
  } catch {
    // The changes fit the request they were made for; what was taken out since leaves it as it came.
    return request.received
  }
}

/** The request as its client meant it: with its trial's model and candidate, before any translation. */
export function askedRequestOf({ request, model }: TraceRecord): JsonObject | undefined {
  const { received, changes } = request
  if (!isRecord(received)) return undefined
  const candidate = changes.filter((change) => 'by' in change)
  const asked = applyChanges(received, candidate)
  if (!isRecord(asked)) return undefined
  return textOf(asked['model']) === '' ? { ...asked, model } : asked
}

function promptOf(sent: JsonObject): Pick<Conversation, 'messages' | 'tools'> | undefined {
  const chat = Array.isArray(sent['messages']) ? sent : asChat(sent)
  if (chat === undefined) return undefined
  const tools = listOf(chat['tools']).filter(isRecord)
  return {
    messages: listOf(chat['messages']).filter(isRecord),
    // It is the bridge's own, and what it said is text by now.
    tools: tools.filter(({ function: called }) => {
      return !isRecord(called) || called['name'] !== STOP_TOOL_NAME
    }),
  }
}

function asChat(sent: JsonObject): JsonObject | undefined {
  try {
    const { chat } = toChatRequest(readResponsesRequest(sent), {
      model: textOf(sent['model']),
      dialect: DEFAULT_DIALECT,
      seal: { seal: (plain) => plain, open: () => undefined },
      stopTool: false,
      maxRepeatedCalls: 0,
      maxOutputTokens: undefined,
      strict: false,
    })
    return { ...chat }
  } catch {
    // Refused by the bridge, too: it says nothing that could be carried.
    return undefined
  }
}

function answerOf(response: unknown): Pick<Conversation, 'answer' | 'finishReason'> {
  if (!isRecord(response)) return { answer: undefined, finishReason: null }
  const [choice] = listOf(response['choices'])
  if (isRecord(choice)) {
    const { message, finish_reason: reason } = choice
    return {
      answer: isRecord(message) ? message : undefined,
      finishReason: typeof reason === 'string' ? reason : null,
    }
  }
  const output = response['output']
  if (!Array.isArray(output)) return { answer: undefined, finishReason: null }
  const answer = messageOf(output)
  return { answer, finishReason: finishReasonOf(response, answer) }
}

function finishReasonOf(response: JsonObject, answer: JsonObject): string | null {
  const details = response['incomplete_details']
  switch (response['status']) {
    case 'completed':
      return answer['tool_calls'] === undefined ? 'stop' : 'tool_calls'
    case 'incomplete':
      return isRecord(details) && details['reason'] === 'content_filter'
        ? 'content_filter'
        : 'length'
    default:
      return null
  }
}

/** The items of an answer as the one message that a Chat model would have said. */
function messageOf(output: readonly unknown[]): JsonObject {
  let text = ''
  let refusal = ''
  let reasoning = ''
  const calls: JsonObject[] = []
  for (const item of output) {
    if (!isRecord(item)) continue
    switch (item['type']) {
      case 'message':
        for (const part of listOf(item['content'])) {
          if (!isRecord(part)) continue
          text += textOf(part['text'])
          refusal += textOf(part['refusal'])
        }
        break
      case 'reasoning':
        reasoning += textsOf(item['content']) || textsOf(item['summary'])
        break
      case 'function_call':
        calls.push(toCall(item, textOf(item['arguments'])))
        break
      case 'custom_tool_call':
        calls.push(toCall(item, JSON.stringify({ [CUSTOM_INPUT_PROPERTY]: item['input'] })))
        break
      default: // The bridge's models make no others.
    }
  }
  return {
    role: 'assistant',
    content: text === '' && (calls.length > 0 || refusal !== '') ? null : text,
    ...(refusal === '' ? {} : { refusal }),
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  }
}

function toCall(item: JsonObject, args: string): JsonObject {
  const name = chatToolName(textOf(item['name']), textOf(item['namespace']) || null)
  return { id: item['call_id'], type: 'function', function: { name, arguments: args } }
}

function textsOf(parts: unknown): string {
  return listOf(parts)
    .map((part) => (isRecord(part) ? textOf(part['text']) : ''))
    .join('')
}
