/** What an answer says on the Chat wire, piece by piece, whichever form the client gets it in. */
import type { ChatLogprob } from './logprobs.ts'

/** How a call ended up on this wire: its kind decides the members of its fragments. */
export type CallKind = 'function' | 'custom'

export interface UrlCitation {
  readonly url: string
  readonly title: string
  /** In characters of the whole content. */
  readonly start_index: number
  readonly end_index: number
}

export type FinishReason = 'stop' | 'tool_calls' | 'length' | 'content_filter'

export interface ChatSink {
  content(text: string, logprobs: readonly ChatLogprob[]): void
  refusal(text: string): void
  reasoning(text: string): void
  /** An entry of `reasoning_details`, which the client is to send back. */
  reasoningDetail(detail: Readonly<Record<string, unknown>>): void
  annotation(citation: UrlCitation): void
  /** @param index of the call among the answer's calls */
  beginCall(index: number, kind: CallKind, id: string, name: string): void
  callText(index: number, kind: CallKind, text: string): void
}

/** Everything to the one, then to the other. */
export function both(first: ChatSink, second: ChatSink): ChatSink {
  return {
    content(text, logprobs) {
      first.content(text, logprobs)
      second.content(text, logprobs)
    },
    refusal(text) {
      first.refusal(text)
      second.refusal(text)
    },
    reasoning(text) {
      first.reasoning(text)
      second.reasoning(text)
    },
    reasoningDetail(detail) {
      first.reasoningDetail(detail)
      second.reasoningDetail(detail)
    },
    annotation(citation) {
      first.annotation(citation)
      second.annotation(citation)
    },
    beginCall(index, kind, id, name) {
      first.beginCall(index, kind, id, name)
      second.beginCall(index, kind, id, name)
    },
    callText(index, kind, text) {
      first.callText(index, kind, text)
      second.callText(index, kind, text)
    },
  }
}
