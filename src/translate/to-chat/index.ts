/**
 * A Responses request as a Chat Completions request.
 *
 * @see ../../../docs/mapping.md for every field and item: carried, emulated or dropped.
 */
import type { ChatRequest } from '../../protocol/chat/request.ts'
import type { ResponsesRequest } from '../../protocol/responses/request.ts'
import type { ChatDialect } from '../dialect.ts'
import type { Seal } from '../seal.ts'
import type { ToolTable } from '../tool-table.ts'

export interface ToChatOptions {
  /** The upstream's own name of the model. */
  readonly model: string
  readonly dialect: ChatDialect
  readonly seal: Seal
  /** Whether `__internal_stop` may be offered; the request decides the rest. */
  readonly stopTool: boolean
  /** Same call with the same output this many times in a row makes the model stop; 0 is off. */
  readonly maxRepeatedCalls: number
  /** Ceiling on the output that the model's configuration sets, in tokens. */
  readonly maxOutputTokens: number | undefined
  /** Any loss becomes a `cannot_carry`. */
  readonly strict: boolean
}

export interface ChatTranslation {
  readonly chat: ChatRequest
  readonly tools: ToolTable
  /** What could not be carried, by name (`tools.web_search`, `truncation`), sorted and unique. */
  readonly dropped: readonly string[]
  /** Set when the repeat guard stops the model instead of asking it: the answer's whole text. */
  readonly stopped: string | undefined
}

/**
 * @throws {BridgeError} invalid_request naming the field; reserved_tool_name; cannot_carry when strict.
 */
export declare function toChatRequest(
  request: ResponsesRequest,
  options: ToChatOptions,
): ChatTranslation
