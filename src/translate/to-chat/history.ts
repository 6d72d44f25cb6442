/**
 * Input items as the four things a conversation is made of. Whatever kind of call an item is, it
 * becomes the call of a named function with a JSON object (`call-items.ts`).
 */
import type {
  InlineItem,
  InputContent,
  InputReasoning,
  InputRole,
} from '../../protocol/responses/input.ts'
import { CHECKPOINT_PROMPT, introduceSummary, openCompaction } from '../compaction.ts'
import type { Seal } from '../seal.ts'
import { chatToolName } from '../tool-name.ts'
import type { ToolTable } from '../tool-table.ts'
import {
  readActionCall,
  readActionOutput,
  readCustomCall,
  readFunctionCall,
  readMcpCall,
  readOutput,
  readSearchCall,
  readSearchOutput,
} from './call-items.ts'
import type { Drop } from './dropped.ts'

export interface MessageEntry {
  readonly kind: 'message'
  readonly role: InputRole
  readonly content: InputContent
}

interface ReasoningEntry {
  readonly kind: 'reasoning'
  readonly item: InputReasoning
}

export interface CallEntry {
  readonly kind: 'call'
  /** What its output names it by. */
  readonly key: string
  /** The id it came with; undefined when it had none. */
  readonly id: string | undefined
  readonly chatName: string
  /** The text of a JSON object. */
  readonly arguments: string
}

export interface OutputEntry {
  readonly kind: 'output'
  /** Undefined for an output that names no call. */
  readonly key: string | undefined
  /** The tool it says it comes from. */
  readonly label: string | undefined
  readonly content: InputContent
}

export type HistoryEntry = MessageEntry | ReasoningEntry | CallEntry | OutputEntry

export type ChatNameOf = (name: string, namespace?: string | null) => string

export interface HistoryContext {
  /** The tools declared now; the history may hold calls of others. */
  readonly names: ToolTable
  readonly seal: Seal
  readonly drop: Drop
}

export function toHistory(items: readonly InlineItem[], context: HistoryContext): HistoryEntry[] {
  const { names, seal, drop } = context
  const chatNameOf: ChatNameOf = (name, namespace) =>
    names.chatName(name, namespace) ?? chatToolName(name, namespace)
  return items.flatMap((item, index) => toEntries(item, index, chatNameOf, seal, drop))
}

function toEntries(
  item: InlineItem,
  index: number,
  chatNameOf: ChatNameOf,
  seal: Seal,
  drop: Drop,
): HistoryEntry | readonly HistoryEntry[] {
  switch (item.type) {
    case 'message':
      return { kind: 'message', role: item.role, content: item.content }
    case 'reasoning':
      return { kind: 'reasoning', item }
    case 'function_call':
      return readFunctionCall(item, index, chatNameOf)
    case 'custom_tool_call':
      return readCustomCall(item, index, chatNameOf)
    case 'tool_search_call':
      return readSearchCall(item, chatNameOf)
    case 'local_shell_call':
    case 'shell_call':
    case 'apply_patch_call':
    case 'computer_call':
      return readActionCall(item, index, chatNameOf)
    case 'mcp_call':
      return readMcpCall(item, index, chatNameOf)
    case 'function_call_output':
    case 'custom_tool_call_output':
      return readOutput(item)
    case 'local_shell_call_output':
    case 'shell_call_output':
    case 'apply_patch_call_output':
    case 'computer_call_output':
      return readActionOutput(item)
    case 'tool_search_output':
      return readSearchOutput(item, index, chatNameOf)
    case 'compaction':
    case 'compaction_summary': {
      const summary = openCompaction(item, seal)
      if (summary !== undefined) return userMessage(introduceSummary(summary))
      drop('input.compaction')
      return []
    }
    case 'compaction_trigger':
      return userMessage(CHECKPOINT_PROMPT)
    case 'additional_tools':
      // They have joined the tool list.
      return []
    case 'unknown':
      drop(`input.${item.wireType}`)
      return []
  }
}

function userMessage(content: string): MessageEntry {
  return { kind: 'message', role: 'user', content }
}
