/**
 * A Responses request as a Chat Completions request. Says nothing about transport: `stream` and
 * `stream_options` are the caller's to add.
 *
 * @see ../../../docs/mapping.md for every field and item: carried, emulated or dropped.
 */
import { BridgeError } from '../../errors.ts'
import type { ChatFunctionTool, ChatRequest } from '../../protocol/chat/request.ts'
import type { InlineItem, InputItem } from '../../protocol/responses/input.ts'
import type { ReadRequest, ResponsesRequest } from '../../protocol/responses/request.ts'
import { withoutCompacted } from '../compaction.ts'
import type { ChatDialect } from '../dialect.ts'
import { constrain, forcedGrammar, grammarsOf } from '../grammar.ts'
import type { Seal } from '../seal.ts'
import { createToolTable, type ToolEntry, type ToolGrammar, type ToolTable } from '../tool-table.ts'
import { createDropList, type Drop, refuseLoss } from './dropped.ts'
import { toHistory } from './history.ts'
import { toChatMessages } from './messages.ts'
import { pairCalls } from './pairing.ts'
import { stopRepetition } from './repeat-guard.ts'
import { applySettings, capTokens, dropUncarried, toSettings } from './settings.ts'
import { STOP_TOOL, STOP_TOOL_ENTRY } from './stop-tool.ts'
import { leavesFree, type ToolChoice, toToolChoice } from './tool-choice.ts'
import { type DeclaredTools, declareTools, type ToolSource } from './tools.ts'
import { type Truncated, truncate } from './truncation.ts'

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
  /** Tokens that input and output share, where the configuration says so. */
  readonly contextWindow?: number | undefined
  /** Tokens of some JSON, as an estimate; asked only for `truncation: "auto"`. */
  readonly estimateTokens?: (json: string) => number
  /** Any loss becomes a `cannot_carry`. */
  readonly strict: boolean
}

export interface ChatTranslation {
  readonly chat: ChatRequest
  readonly tools: ToolTable
  /** What could not be carried, by name (`tools.web_search`, `truncation`), sorted and unique. */
  readonly dropped: readonly string[]
  /** How many of the oldest turns `truncation: "auto"` left out; the client allowed it. */
  readonly droppedTurns: number
  /** The grammars of the tools that have one. */
  readonly grammars: readonly ToolGrammar[]
  /** The tool whose input the answer's text is, where the upstream is held to its grammar. */
  readonly textIsCallOf: string | undefined
  /** Set when the repeat guard stops the model instead of asking it: the answer's whole text. */
  readonly stopped: string | undefined
}

/**
 * @throws {BridgeError} invalid_request naming the field; reserved_tool_name; cannot_carry when strict,
 *   for a reference to a stored item, or when nothing of the input is left to send.
 */
export function toChatRequest(read: ReadRequest, options: ToChatOptions): ChatTranslation {
  const { request } = read
  const { dialect, seal } = options
  const { drop, list } = createDropList()
  const items = toInline(read.input, 'input')
  const declared = declareTools(toolSources(request, items), drop)
  const choice = toToolChoice(request.tool_choice, declared.entries, drop)
  const offered = offerTools(declared, choice, options)

  // Instructions given as items stand before the input, where they mean the same.
  const instructions = toInline(read.instructions, 'instructions')
  const whole = withoutCompacted(items, seal)
  const kept = fitWindow(whole, instructions, offered.chat, request, options, drop)
  const conversation = [...instructions, ...kept.items]
  const history = toHistory(conversation, {
    names: createToolTable(declared.entries),
    seal,
    drop,
  })
  const pairing = pairCalls(history)
  const messages = toChatMessages(history, { pairing, dialect, seal, drop })

  const chat: ChatRequest = { model: options.model, messages }
  addTools(chat, offered.chat, choice, request, dialect, drop)
  applySettings(chat, toSettings(request, dialect, options.maxOutputTokens, drop), dialect, drop)
  dropUncarried(request, drop)
  const textIsCallOf = holdToGrammar(chat, choice, offered.entries, dialect)

  const dropped = list()
  refuseLoss(messages, dropped, options.strict, 'input')
  return {
    chat,
    tools: createToolTable(offered.entries, choice.rule),
    dropped,
    droppedTurns: kept.droppedTurns,
    grammars: grammarsOf(offered.entries),
    textIsCallOf,
    stopped: stopRepetition(history, pairing, options.maxRepeatedCalls),
  }
}

/** A reference left out would cost the model its own answers and calls without anybody noticing. */
function toInline(items: readonly InputItem[], at: string): readonly InlineItem[] {
  return items.map((item, index) => {
    if (item.type !== 'item_reference') return item
    const place = `${at}[${index}]`
    throw new BridgeError(
      'cannot_carry',
      `${place} refers to the stored item '${item.id.slice(0, 80)}', but nothing is stored under it. Send the item itself; the AI SDK does with providerOptions: { openai: { store: false } }.`,
      { param: place },
    )
  })
}

/** The chat name of the tool whose grammar the upstream was given. */
function holdToGrammar(
  chat: ChatRequest,
  choice: ToolChoice,
  entries: readonly ToolEntry[],
  { grammar: server }: ChatDialect,
): string | undefined {
  const forced = forcedGrammar(choice, entries)
  if (forced === undefined || server === 'none' || chat.tools === undefined) return undefined
  constrain(chat, forced, server)
  return forced.chatName
}

/** Without a window to fit, nothing can be cut to it: the wish is named, and the upstream decides. */
function fitWindow(
  items: readonly InlineItem[],
  instructions: readonly InlineItem[],
  tools: readonly ChatFunctionTool[],
  { truncation, max_output_tokens }: ResponsesRequest,
  { contextWindow, estimateTokens, maxOutputTokens }: ToChatOptions,
  drop: Drop,
): Truncated {
  if (truncation !== 'auto') return { items, droppedTurns: 0 }
  if (contextWindow === undefined || estimateTokens === undefined) {
    drop('truncation')
    return { items, droppedTurns: 0 }
  }
  const output = capTokens(max_output_tokens, maxOutputTokens) ?? 0
  const fixed = estimateTokens(JSON.stringify([instructions, tools]))
  return truncate(items, { roomTokens: contextWindow - output - fixed, estimateTokens })
}

/** Top-level tools first; then, in the order of the history, those that came with it. */
function toolSources(
  { tools }: ResponsesRequest,
  items: readonly InlineItem[],
): readonly ToolSource[] {
  const sources: ToolSource[] = [{ at: 'tools', tools: tools ?? [] }]
  for (const [index, item] of items.entries()) {
    if (item.type === 'additional_tools' || item.type === 'tool_search_output') {
      sources.push({ at: `input[${index}].tools`, tools: item.tools ?? [] })
    }
  }
  return sources
}

/** The stop tool stands last, and only where the model may answer without a call. */
function offerTools(
  declared: DeclaredTools,
  choice: ToolChoice,
  { stopTool, dialect }: ToChatOptions,
): DeclaredTools {
  const offers =
    stopTool &&
    declared.chat.length > 0 &&
    leavesFree(choice) &&
    !dialect.unsupported.includes('tools')
  if (!offers) return declared
  return {
    entries: [...declared.entries, STOP_TOOL_ENTRY],
    chat: [...declared.chat, STOP_TOOL],
  }
}

/** Servers refuse an empty tool list, and a choice or a parallelism without one. */
function addTools(
  chat: ChatRequest,
  tools: readonly ChatFunctionTool[],
  choice: ToolChoice,
  { parallel_tool_calls }: ResponsesRequest,
  dialect: ChatDialect,
  drop: Drop,
): void {
  if (tools.length > 0 && dialect.unsupported.includes('tools')) drop('tools')
  if (tools.length === 0 || dialect.unsupported.includes('tools')) {
    if (!leavesFree(choice) && choice.chat !== 'none') drop('tool_choice')
    return
  }
  const settings = [
    { field: 'tools', value: tools, origin: 'tools' },
    { field: 'tool_choice', value: choice.chat, origin: 'tool_choice' },
    { field: 'parallel_tool_calls', value: parallel_tool_calls, origin: 'parallel_tool_calls' },
  ].filter(({ value }) => value !== undefined && value !== null)
  applySettings(chat, settings, dialect, drop)
}
