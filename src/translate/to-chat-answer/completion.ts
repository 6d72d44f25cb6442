/** The answer as one Chat Completions body, gathered from its pieces. */
import type { ChatHead } from '../chat-frames.ts'
import type { ChatLogprob } from './logprobs.ts'
import type { CallKind, ChatSink, FinishReason, UrlCitation } from './sink.ts'

export interface CompletionBuilder extends ChatSink {
  finish(
    /** Null for an answer that broke off. */
    reason: FinishReason | null,
    members: Readonly<Record<string, unknown>>,
  ): Readonly<Record<string, unknown>>
}

interface GatheredCall {
  readonly id: string
  readonly kind: CallKind
  readonly name: string
  text: string
}

export function createCompletionBuilder({ id, created, model }: ChatHead): CompletionBuilder {
  let content = ''
  let refusal = ''
  let reasoning = ''
  const details: unknown[] = []
  const annotations: UrlCitation[] = []
  const calls: GatheredCall[] = []
  const logprobs: ChatLogprob[] = []

  const message = () => ({
    role: 'assistant',
    // Beside calls or a refusal, a message without text has none at all.
    content: content === '' && (calls.length > 0 || refusal !== '') ? null : content,
    refusal: refusal === '' ? null : refusal,
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(details.length === 0 ? {} : { reasoning_details: details }),
    ...(annotations.length === 0
      ? {}
      : {
          annotations: annotations.map((url_citation) => ({ type: 'url_citation', url_citation })),
        }),
    ...(calls.length === 0 ? {} : { tool_calls: calls.map(toToolCall) }),
  })

  return {
    content(text, told) {
      content += text
      logprobs.push(...told)
    },
    refusal(text) {
      refusal += text
    },
    reasoning(text) {
      reasoning += text
    },
    reasoningDetail(detail) {
      details.push(detail)
    },
    annotation(citation) {
      annotations.push(citation)
    },
    beginCall(_index, kind, callId, name) {
      calls.push({ id: callId, kind, name, text: '' })
    },
    callText(index, _kind, text) {
      const call = calls[index]
      if (call !== undefined) call.text += text
    },
    finish(reason, members) {
      return {
        id,
        object: 'chat.completion',
        created,
        model,
        choices: [
          {
            index: 0,
            message: message(),
            logprobs: logprobs.length === 0 ? null : { content: logprobs, refusal: null },
            finish_reason: reason,
          },
        ],
        ...members,
      }
    },
  }
}

function toToolCall({ id, kind, name, text }: GatheredCall): object {
  return kind === 'function'
    ? { id, type: 'function', function: { name, arguments: text } }
    : { id, type: 'custom', custom: { name, input: text } }
}
