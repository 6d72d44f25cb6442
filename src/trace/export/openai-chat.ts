/**
 * Lines to fine-tune on, as OpenAI takes them: what the model was told, and what it said.
 *
 * @see https://platform.openai.com/docs/guides/supervised-fine-tuning
 */
import { type Conversation, conversationOf, type JsonObject } from '../conversation.ts'
import { type ExportFormat, lines } from './format.ts'

/** Of a message; a line with another member is refused. */
const MEMBERS = ['role', 'content', 'refusal', 'name', 'tool_calls', 'tool_call_id'] as const

/** Only calls that were answered to their end. */
export function openAiChatFormat(): ExportFormat {
  return lines((record) => {
    const conversation = record.complete ? conversationOf(record) : undefined
    return conversation?.answer === undefined
      ? undefined
      : toLine(conversation, conversation.answer)
  })
}

function toLine({ messages, tools }: Conversation, answer: JsonObject): unknown {
  return {
    messages: [...messages, answer].map(toMessage),
    ...(tools.length === 0 ? {} : { tools }),
  }
}

function toMessage(message: JsonObject): JsonObject {
  return Object.fromEntries(
    MEMBERS.flatMap((name) => {
      const value = message[name]
      const isThere = value !== undefined && (value !== null || name === 'content')
      return isThere ? [[name, value]] : []
    }),
  )
}
