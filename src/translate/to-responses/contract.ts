/** What the stream machine is made with, and what it is. */
import type { ResponseEvent } from '../../protocol/responses/events.ts'
import type { ResponseEcho, ResponseObject } from '../../protocol/responses/response.ts'
import type { Answer } from '../answer.ts'
import type { GrammarCheck } from '../grammar.ts'
import type { Ids } from '../ids.ts'
import type { Seal } from '../seal.ts'
import type { ToolTable } from '../tool-table.ts'

export interface ResponseMachineOptions {
  readonly echo: ResponseEcho
  readonly metadata: Readonly<Record<string, string>>
  readonly tools: ToolTable
  /** Calls beyond it are ignored (`max_tool_calls`). */
  readonly maxCalls?: number | undefined
  /** A custom tool, by its chat name, whose input the text is. */
  readonly textIsCallOf?: string | undefined
  /** Whether a custom call is what its tool's grammar says; asked of each that is whole. */
  readonly matchesGrammar?: GrammarCheck | undefined
  readonly ids: Ids
  /** Unix seconds; read for `completed_at`. */
  readonly now: () => number
  /** Seals reasoning into `encrypted_content`; undefined leaves that out. */
  readonly seal: Seal | undefined
  /** Whether the client asked for `message.output_text.logprobs`. */
  readonly logprobs: boolean
  /** Whether `<think>…</think>` at the head of the text is reasoning. */
  readonly thinkTags: boolean
  /** Whether a refusal is sent as text: Codex drops a message that holds a refusal part. */
  readonly refusalAsText?: boolean
  /** Takes secrets out of an error's text: upstreams repeat the key they refuse. */
  readonly redact?: (text: string) => string
  /** Where events go, in order. */
  readonly emit: (event: ResponseEvent) => void
}

export interface ResponseMachine extends Answer {
  /** The response as it stands; whole once concluded. */
  readonly response: ResponseObject
  /** The custom tools, by name, whose calls are not what their grammar says; final once finished. */
  readonly mismatches: readonly string[]
}
