/**
 * Reasoning that a client sends back, as items. What the upstream sealed travels in
 * `reasoning_details`, the word that OpenRouter's clients keep; readable reasoning in
 * `reasoning_content` or `reasoning`.
 *
 * @see ../../../docs/decisions/2026-11-24-reasoning-through-chat-clients.md
 */
import type { ClientAssistantMessage } from '../../protocol/chat/client-request.ts'
import { textOf } from '../narrow.ts'
import { SEALED_DETAIL, SEALED_FORMAT } from '../reasoning-details.ts'
import type { Drop } from '../to-chat/dropped.ts'
import type { JsonObject } from './content.ts'

export interface ReasoningOptions {
  /** Whether the upstream takes readable reasoning back: OpenAI refuses items that it did not seal. */
  readonly takesText: boolean
  /** A name for an item without one, as readers of the items' schema insist on it. */
  readonly nextId: () => string
  readonly drop: Drop
}

export function toReasoningItems(
  message: ClientAssistantMessage,
  { takesText, nextId, drop }: ReasoningOptions,
): JsonObject[] {
  const sealed: JsonObject[] = []
  let text = message.reasoning_content || message.reasoning || ''
  let detailText = ''
  for (const detail of message.reasoning_details ?? []) {
    const { type, data, format, id } = detail
    detailText += textOf(detail['text']) || textOf(detail['summary'])
    if (type !== SEALED_DETAIL) continue
    if (textOf(data) === '' || (format && format !== SEALED_FORMAT)) {
      // Another provider's seal: no Responses upstream can open it.
      drop('messages.reasoning_details')
      continue
    }
    sealed.push({
      type: 'reasoning',
      ...(textOf(id) === '' ? {} : { id }),
      summary: [],
      encrypted_content: data,
    })
  }
  // The seal holds all of it; the text beside it would say it twice.
  if (sealed.length > 0) return sealed
  text ||= detailText
  if (text === '' || !takesText) return []
  return [
    { type: 'reasoning', id: nextId(), summary: [], content: [{ type: 'reasoning_text', text }] },
  ]
}
