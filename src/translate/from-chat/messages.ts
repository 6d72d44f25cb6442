/**
 * Chat messages as input items. One message becomes the same items whatever comes after it, so that a
 * growing conversation keeps its prefix, and with it the upstream's cache.
 */
import {
  type ClientAssistantMessage,
  type ClientCall,
  type ClientMessage,
  readClientMessage,
} from '../../protocol/chat/client-request.ts'
import { invalidRequest } from '../../protocol/responses/read.ts'
import { tryStringify } from '../narrow.ts'
import type { Drop } from '../to-chat/dropped.ts'
import { type BookedCall, type CallBook, createCallBook } from './call-book.ts'
import { type JsonObject, toAssistantContent, toInputContent, toOutput } from './content.ts'
import { type ReasoningOptions, toReasoningItems } from './reasoning.ts'

export interface MessagesOptions {
  /** Whether the upstream takes readable reasoning back. */
  readonly takesReasoningText: boolean
  readonly drop: Drop
}

/** @throws {BridgeError} invalid_request naming the message's member. */
export function toInputItems(
  messages: readonly unknown[],
  { takesReasoningText, drop }: MessagesOptions,
): JsonObject[] {
  const book = createCallBook()
  let reasonings = 0
  const reasoning: ReasoningOptions = {
    takesText: takesReasoningText,
    nextId: () => `rs_${++reasonings}`,
    drop,
  }
  return messages.flatMap((raw, index) => {
    const at = `messages[${index}]`
    const message = readClientMessage(raw, at)
    if (message.role !== 'function' && message.name) drop('messages.name')
    return toItems(message, at, book, reasoning)
  })
}

function toItems(
  message: ClientMessage,
  at: string,
  book: CallBook,
  reasoning: ReasoningOptions,
): JsonObject[] {
  const { drop } = reasoning
  switch (message.role) {
    case 'system':
    case 'developer':
    case 'user': {
      const content = toInputContent(message.content, drop)
      return [{ type: 'message', role: message.role, content }]
    }
    case 'assistant':
      if (message['audio']) drop('messages.audio')
      return [
        ...toReasoningItems(message, reasoning),
        ...toMessageItem(message, drop),
        ...toCallItems(message, at, book),
      ]
    case 'tool':
      return [toOutputItem(book.answer(message.tool_call_id ?? undefined), message, drop)]
    case 'function':
      return [toOutputItem(book.legacyAnswer(message.name), message, drop)]
  }
}

function toMessageItem(message: ClientAssistantMessage, drop: Drop): JsonObject[] {
  const content = toAssistantContent(message.content, message.refusal, drop)
  return content.length === 0 ? [] : [{ type: 'message', role: 'assistant', content }]
}

function toCallItems(message: ClientAssistantMessage, at: string, book: CallBook): JsonObject[] {
  book.turn()
  const items = (message.tool_calls ?? []).map((call, index) =>
    toCallItem(call, `${at}.tool_calls[${index}]`, book),
  )
  const legacy = message.function_call
  // Some clients repeat the one call in the old form.
  if (!legacy || items.length > 0) return items
  const { callId } = book.legacyCall(legacy.name)
  return [
    {
      type: 'function_call',
      call_id: callId,
      name: legacy.name,
      arguments: legacy.arguments || '{}',
    },
  ]
}

function toCallItem(call: ClientCall, at: string, book: CallBook): JsonObject {
  const id = call.id || undefined
  if (call.custom) {
    const { callId } = book.call(id, 'custom')
    const { name, input } = call.custom
    return { type: 'custom_tool_call', call_id: callId, name, input: input ?? '' }
  }
  if (!call.function)
    throw invalidRequest(`${at}.function`, 'a function or a custom call', undefined)
  const { callId } = book.call(id, 'function')
  const { name, arguments: given } = call.function
  return { type: 'function_call', call_id: callId, name, arguments: argumentsText(given) }
}

function argumentsText(given: string | object | null | undefined): string {
  return (typeof given === 'object' ? tryStringify(given ?? {}) : given) || '{}'
}

function toOutputItem(
  { callId, kind }: BookedCall,
  { content }: ClientMessage,
  drop: Drop,
): JsonObject {
  const type = kind === 'custom' ? 'custom_tool_call_output' : 'function_call_output'
  return { type, call_id: callId, output: toOutput(content, drop) }
}
