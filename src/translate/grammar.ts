/**
 * Grammars of custom tools: which one an upstream can be held to while it generates, and how it is told.
 *
 * No server takes a grammar for the arguments of a call; those that constrain decoding constrain the
 * whole text. So a grammar is passed on where the client forces the one tool that has it: no tool may
 * be called then, the text is held to the grammar, and it is the call's input.
 *
 * @see ../../docs/decisions/2026-11-24-grammars-of-custom-tools.md
 */
import type { ChatRequest } from '../protocol/chat/request.ts'
import type { ChatDialect } from './dialect.ts'
import type { ToolChoice } from './to-chat/tool-choice.ts'
import type { ToolEntry, ToolGrammar } from './tool-table.ts'

/** Whether an input is what the tool's grammar says; true also where nobody can tell. */
export type GrammarCheck = (
  tool: { readonly name: string; readonly namespace?: string | undefined },
  input: string,
) => boolean

export interface ForcedGrammar {
  readonly chatName: string
  readonly grammar: ToolGrammar
}

export function grammarsOf(entries: readonly ToolEntry[]): readonly ToolGrammar[] {
  return entries.flatMap(({ target }) =>
    target.kind === 'custom' && target.grammar !== undefined ? [target.grammar] : [],
  )
}

/** The grammar of the only tool that the model may, and must, call; undefined where it is free. */
export function forcedGrammar(
  { chat, rule }: ToolChoice,
  entries: readonly ToolEntry[],
): ForcedGrammar | undefined {
  const chatName =
    typeof chat === 'object'
      ? chat.function.name
      : chat === 'required'
        ? onlyOf(rule.kind === 'only' ? [...rule.chatNames] : entries.map((one) => one.chatName))
        : undefined
  const target = entries.find((entry) => entry.chatName === chatName)?.target
  if (chatName === undefined || target?.kind !== 'custom' || target.grammar === undefined) {
    return undefined
  }
  return { chatName, grammar: target.grammar }
}

function onlyOf(names: readonly string[]): string | undefined {
  return names.length === 1 ? names[0] : undefined
}

/** Writes the grammar into the request, in the upstream's words. */
export function constrain(
  chat: ChatRequest,
  { grammar }: ForcedGrammar,
  server: Exclude<ChatDialect['grammar'], 'none'>,
): void {
  // The tools stay, so that the model knows what it writes and the upstream's cache holds.
  chat.tool_choice = 'none'
  // A format of the text is the grammar's business now.
  delete chat['response_format']
  const { syntax, definition } = grammar
  if (server === 'vllm') {
    chat['structured_outputs'] =
      syntax === 'regex' ? { regex: definition } : { grammar: definition }
  } else {
    const lark = syntax === 'regex' ? `start: /${escapeSlashes(definition)}/` : definition
    chat['grammar'] = `%llguidance {}\n${lark}`
  }
}

/** A slash ends a Lark terminal; behind an odd number of backslashes it is escaped already. */
function escapeSlashes(regex: string): string {
  return regex.replace(/\\.|\//gs, (found) => (found === '/' ? '\\/' : found))
}
