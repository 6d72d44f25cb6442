/**
 * One assistant turn on the chat wire: the message, an answer to each of its calls right behind it,
 * and then, in one user message, the media of those answers, which no tool message can hold.
 */
import type {
  ChatAssistantMessage,
  ChatContentPart,
  ChatMessage,
  ChatToolCall,
} from '../../protocol/chat/request.ts'
import type { InputContent } from '../../protocol/responses/input.ts'
import type { ChatDialect } from '../dialect.ts'
import { splitOutput } from './content.ts'
import type { Drop } from './dropped.ts'
import type { Thought } from './reasoning.ts'

/** Answers a call whose output never came; servers take no call without an answer. */
const INTERRUPTED_OUTPUT = '[interrupted: no output was recorded]'

export interface AnsweredCall {
  readonly id: string
  readonly chatName: string
  readonly arguments: string
  /** Undefined for a call that nobody answered. */
  readonly output: InputContent | undefined
}

export interface AssistantTurn {
  readonly text: string
  readonly thought: Thought
  readonly calls: readonly AnsweredCall[]
}

export function toTurnMessages(
  turn: AssistantTurn,
  dialect: ChatDialect,
  drop: Drop,
): ChatMessage[] {
  const messages: ChatMessage[] = [toAssistantMessage(turn, dialect)]
  const withMedia: { readonly chatName: string; readonly media: readonly ChatContentPart[] }[] = []
  for (const { id, chatName, output } of turn.calls) {
    if (output === undefined) {
      messages.push({ role: 'tool', tool_call_id: id, content: INTERRUPTED_OUTPUT })
      continue
    }
    const { text, media } = splitOutput(output, drop)
    messages.push({ role: 'tool', tool_call_id: id, content: text || announceMedia(media) })
    if (media.length > 0) withMedia.push({ chatName, media })
  }
  const parts =
    // One call's media needs no name; of several calls' each says whose it is.
    withMedia.length === 1
      ? withMedia.flatMap(({ media }) => media)
      : withMedia.flatMap(({ chatName, media }) => [textPart(`[from ${chatName}]`), ...media])
  if (parts.length > 0) messages.push({ role: 'user', content: parts })
  return messages
}

/** The members stand in one order always: some caches key on the bytes. */
function toAssistantMessage(
  { text, thought, calls }: AssistantTurn,
  { reasoningField, emptyContent }: ChatDialect,
): ChatAssistantMessage {
  const reasoning = reasoningField === 'none' ? '' : thought.text
  const details = reasoningField === 'none' ? [] : thought.details
  return {
    role: 'assistant',
    content: text === '' ? emptyContent : text,
    ...(reasoning === '' ? {} : { [reasoningField]: reasoning }),
    ...(details.length === 0 ? {} : { reasoning_details: [...details] }),
    ...(calls.length === 0 ? {} : { tool_calls: calls.map(toToolCall) }),
  }
}

function toToolCall(call: AnsweredCall): ChatToolCall {
  return {
    id: call.id,
    type: 'function',
    function: { name: call.chatName, arguments: call.arguments },
  }
}

/** What a tool message says when its whole output is media. */
function announceMedia(media: readonly ChatContentPart[]): string {
  if (media.length === 0) return ''
  return media.every((part) => part.type === 'image_url')
    ? '(image follows)'
    : '(attachment follows)'
}

function textPart(text: string): ChatContentPart {
  return { type: 'text', text }
}
