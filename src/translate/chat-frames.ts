/** Chunks and bodies of the bridge's own on the Chat Completions wire. */
import type { Usage } from '../protocol/usage.ts'
import { isRecord, listOf } from './narrow.ts'

type JsonObject = Readonly<Record<string, unknown>>

/** This wire has no event for a sign of life; a comment is all there is. */
export const KEEPALIVE_FRAME = ': keepalive\n\n'

/** What every chunk of one answer repeats. */
export interface ChatHead {
  readonly id: string
  readonly model: string
  /** Unix seconds. */
  readonly created: number
}

export interface HeadReader {
  /** The upstream's, as far as it has said it. */
  readonly current: ChatHead
  read(chunk: JsonObject): void
}

/** The first value that says something counts: Azure's first chunk has empty ones. */
export function createHeadReader(fallback: ChatHead): HeadReader {
  let { id, model, created }: Partial<ChatHead> = {}
  return {
    get current() {
      return {
        id: id ?? fallback.id,
        model: model ?? fallback.model,
        created: created ?? fallback.created,
      }
    },
    read(chunk) {
      if (id === undefined && isWord(chunk['id'])) id = chunk['id']
      if (model === undefined && isWord(chunk['model'])) model = chunk['model']
      const time = chunk['created']
      if (created === undefined && typeof time === 'number' && time > 0) created = time
    },
  }
}

const isWord = (value: unknown): value is string => typeof value === 'string' && value !== ''

function chunkOf({ id, model, created }: ChatHead): Record<string, unknown> {
  return { id, object: 'chat.completion.chunk', created, model }
}

/** The end of the choices at a limit of the bridge's; `metadata` says which limit. */
export function cutChunk(
  head: ChatHead,
  running: readonly number[],
  metadata: Readonly<Record<string, string>>,
): JsonObject {
  // A choice that has ended keeps the reason it gave; before any has begun, there is one.
  const indices = running.length > 0 ? running : [0]
  const choices = indices.map((index) => ({ index, delta: {}, finish_reason: 'length' }))
  return { ...chunkOf(head), choices, metadata }
}

/** A body in place of one that was cut before it came: it would have come whole or not at all. */
export function cutCompletion(
  { id, model, created }: ChatHead,
  metadata: Readonly<Record<string, string>>,
): JsonObject {
  const message = { role: 'assistant', content: '' }
  return {
    id,
    object: 'chat.completion',
    created,
    model,
    choices: [{ index: 0, message, finish_reason: 'length' }],
    metadata,
  }
}

/** The chunk that `include_usage` promises, where the upstream sent none. */
export function usageChunk(head: ChatHead, usage: Usage): JsonObject {
  return { ...chunkOf(head), choices: [], usage: toChatUsage(usage) }
}

export function withUsage(completion: JsonObject, usage: Usage): JsonObject {
  return { ...completion, usage: toChatUsage(usage) }
}

export function toChatUsage(usage: Usage): JsonObject {
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    prompt_tokens_details: {
      cached_tokens: usage.cachedInputTokens,
      // Not a member of most servers' answers: told only where there is something to tell.
      ...(usage.cacheWriteTokens > 0 ? { cache_write_tokens: usage.cacheWriteTokens } : {}),
    },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
  }
}

/** A whole completion as chunks, for a client that streams from an upstream that does not. */
export function toChunks(completion: JsonObject): JsonObject[] {
  const choices = listOf(completion['choices']).map((choice) => {
    if (!isRecord(choice)) return choice
    const { message, ...about } = choice
    return { ...about, delta: isRecord(message) ? toDelta(message) : (choice['delta'] ?? {}) }
  })
  const { usage, ...rest } = completion
  const object = 'chat.completion.chunk'
  const chunk = { ...rest, object, choices }
  if (!isRecord(usage)) return [chunk]
  const { id, created, model } = completion
  return [chunk, { id, object, created, model, choices: [], usage }]
}

/** In a stream each call says which one it is. */
function toDelta(message: JsonObject): JsonObject {
  if (!Array.isArray(message['tool_calls'])) return message
  const calls = message['tool_calls'].map((call: unknown, index) =>
    isRecord(call) ? { index, ...call } : call,
  )
  return { ...message, tool_calls: calls }
}
