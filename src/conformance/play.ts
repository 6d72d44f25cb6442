/**
 * What the scripted upstream does for one request, as a value: which bytes it sends and how the
 * connection ends. Building it touches no socket.
 *
 * @see https://platform.openai.com/docs/api-reference/chat-streaming
 */
import { type ChatDelta, gather } from './contents.ts'

/** How the connection ends behind the last byte. */
export type Parting =
  /** As HTTP has it: the body is whole. */
  | 'closed'
  /** The body promised more bytes, or another chunk, and the connection closes without an error. */
  | 'cut'
  /** A TCP reset. */
  | 'reset'

export interface Play {
  readonly status: number
  readonly contentType: string
  /** Each is one write. */
  readonly pieces: readonly string[]
  /** After so many pieces, wait until the client has seen something of them. */
  readonly pauseAfter?: number
  readonly parting: Parting
}

/** What the bridge asked for, as far as it decides how the answer looks. */
export interface ChatWish {
  readonly model: string
  readonly isStreaming: boolean
  /** `stream_options.include_usage`: without it a real server sends no usage in a stream. */
  readonly wantsUsage: boolean
}

export const SCRIPTED_USAGE = {
  prompt_tokens: 11,
  completion_tokens: 7,
  total_tokens: 18,
  prompt_tokens_details: { cached_tokens: 3 },
  completion_tokens_details: { reasoning_tokens: 2 },
}

export const DONE = 'data: [DONE]\n\n'

type Chunk = Readonly<Record<string, unknown>>

const frame = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`

const base = (wish: ChatWish, object: string): Chunk => ({
  id: 'chatcmpl-conformance',
  object,
  created: 1_767_225_600,
  model: wish.model,
})

export function deltaFrame(wish: ChatWish, delta: ChatDelta): string {
  const choice = { index: 0, delta, finish_reason: null }
  return frame({ ...base(wish, 'chat.completion.chunk'), choices: [choice] })
}

export function finishFrame(wish: ChatWish, reason: string, extra: Chunk = {}): string {
  const choice = { index: 0, delta: {}, finish_reason: reason }
  return frame({ ...base(wish, 'chat.completion.chunk'), choices: [choice], ...extra })
}

/** The chunk that only tells usage; nothing where the bridge did not ask for it. */
export function usageFrames(wish: ChatWish): string[] {
  if (!wish.wantsUsage) return []
  const usage = SCRIPTED_USAGE
  return [frame({ ...base(wish, 'chat.completion.chunk'), choices: [], usage })]
}

export const errorFrame = (error: unknown): string => frame({ error })

export function completionBody(
  wish: ChatWish,
  deltas: readonly ChatDelta[],
  finishReason: string | null,
  extra: Chunk = { usage: SCRIPTED_USAGE },
): string {
  const { reasoning, text, calls } = gather(deltas)
  const message = {
    role: 'assistant',
    content: text === '' ? null : text,
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0
      ? {}
      : {
          tool_calls: calls.map((said) => ({
            id: said.id,
            type: 'function',
            function: { name: said.name, arguments: said.arguments },
          })),
        }),
  }
  return JSON.stringify({
    ...base(wish, 'chat.completion'),
    choices: [{ index: 0, message, finish_reason: finishReason }],
    ...extra,
  })
}

export const streamPlay = (pieces: readonly string[], parting: Parting = 'closed'): Play => ({
  status: 200,
  contentType: 'text/event-stream',
  pieces,
  parting,
})

export const bodyPlay = (text: string, status = 200, contentType = 'application/json'): Play => ({
  status,
  contentType,
  pieces: [text],
  parting: 'closed',
})

/** Half of a body whose head promised all of it. */
export const halfBodyPlay = (text: string, parting: 'cut' | 'reset'): Play => ({
  ...bodyPlay(text.slice(0, Math.floor(text.length / 2))),
  parting,
})
