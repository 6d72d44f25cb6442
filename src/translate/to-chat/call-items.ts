/**
 * The many kinds of calls and outputs in a history, as calls of named functions and their outputs.
 * OpenAI's own client-run tools (shells, patches, the computer) keep their arguments as JSON under
 * the tool's name, so that a conversation begun elsewhere goes on with its facts intact.
 */
import type {
  InputActionCall,
  InputActionOutput,
  InputCallOutput,
  InputContent,
  InputCustomCall,
  InputFunctionCall,
  InputMcpCall,
  InputToolSearchCall,
  InputToolSearchOutput,
} from '../../protocol/responses/input.ts'
import { TOOL_SEARCH_NAME } from '../tool-table.ts'
import { toObjectText, wrapInput } from './arguments.ts'
import type { CallEntry, ChatNameOf, HistoryEntry, OutputEntry } from './history.ts'
import { flattenTools } from './tools.ts'

interface Identified {
  readonly call_id?: string | null | undefined
  readonly id?: string | null | undefined
}

/** A search that OpenAI ran itself has no call id; its output follows it. */
const SERVER_SEARCH_KEY = '\u0000tool_search'

export function readFunctionCall(
  item: InputFunctionCall,
  index: number,
  chatNameOf: ChatNameOf,
): CallEntry {
  return {
    kind: 'call',
    ...identify(item, index),
    chatName: chatNameOf(item.name, item.namespace),
    arguments: toObjectText(toText(item.arguments)),
  }
}

export function readCustomCall(
  item: InputCustomCall,
  index: number,
  chatNameOf: ChatNameOf,
): CallEntry {
  return {
    kind: 'call',
    ...identify(item, index),
    chatName: chatNameOf(item.name, item.namespace),
    arguments: wrapInput(item.input ?? ''),
  }
}

export function readSearchCall(item: InputToolSearchCall, chatNameOf: ChatNameOf): CallEntry {
  return {
    kind: 'call',
    key: item.call_id || SERVER_SEARCH_KEY,
    id: item.call_id || item.id || undefined,
    chatName: chatNameOf(TOOL_SEARCH_NAME),
    arguments: toObjectText(toText(item.arguments)),
  }
}

export function readActionCall(
  item: InputActionCall,
  index: number,
  chatNameOf: ChatNameOf,
): CallEntry {
  const { action, actions, operation } = item
  return {
    kind: 'call',
    ...identify(item, index),
    chatName: chatNameOf(item.type.slice(0, -'_call'.length)),
    arguments: toObjectText(toText(action ?? operation ?? (actions ? { actions } : undefined))),
  }
}

/** Call and output in one item, as OpenAI records what its own servers called. */
export function readMcpCall(
  item: InputMcpCall,
  index: number,
  chatNameOf: ChatNameOf,
): readonly HistoryEntry[] {
  const key = keyOfPlace(index)
  const chatName = chatNameOf(item.name, item.server_label)
  const call: CallEntry = {
    kind: 'call',
    key,
    id: item.id || undefined,
    chatName,
    arguments: toObjectText(item.arguments ?? ''),
  }
  const content = item.output ?? toText(item.error)
  return content === '' ? [call] : [call, { kind: 'output', key, label: chatName, content }]
}

export function readOutput({ call_id, name, namespace, content }: InputCallOutput): OutputEntry {
  const label = name && namespace ? `${namespace}.${name}` : name
  return { kind: 'output', key: call_id || undefined, label: label || undefined, content }
}

export function readActionOutput(item: InputActionOutput): OutputEntry {
  return {
    kind: 'output',
    // A local shell's output may name its call by `id` alone.
    key: item.call_id || item.id || undefined,
    label: item.type.slice(0, -'_call_output'.length),
    content: toActionContent(item),
  }
}

export function readSearchOutput(
  { call_id, tools }: InputToolSearchOutput,
  index: number,
  chatNameOf: ChatNameOf,
): OutputEntry {
  const source = { at: `input[${index}].tools`, tools: tools ?? [] }
  const names: string[] = []
  for (const { tool, namespace } of flattenTools([source])) {
    if (tool.type !== 'function' && tool.type !== 'custom') continue
    names.push(chatNameOf(tool.name, namespace))
  }
  return {
    kind: 'output',
    key: call_id || SERVER_SEARCH_KEY,
    label: TOOL_SEARCH_NAME,
    content: names.length === 0 ? 'No tools found.' : `Tools loaded: ${names.join(', ')}`,
  }
}

function identify(
  { call_id, id }: Identified,
  index: number,
): { key: string; id: string | undefined } {
  const own = call_id || id || undefined
  return { key: own ?? keyOfPlace(index), id: own }
}

/** For what nothing else can name: its place keeps it apart from all others. */
function keyOfPlace(index: number): string {
  return `\u0000${index}`
}

function toText(value: unknown): string {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? '' : JSON.stringify(value)
}

function toActionContent({ output, status }: InputActionOutput): InputContent {
  if (output === undefined || output === null) return status ?? ''
  if (typeof output === 'string') return output
  if (!Array.isArray(output)) {
    return [{ type: 'input_image', image_url: output.image_url, file_id: output.file_id }]
  }
  return output
    .flatMap(({ stdout, stderr, outcome }) => [stdout, stderr, describeOutcome(outcome)])
    .filter((text) => text)
    .join('\n')
}

interface ShellOutcome {
  readonly type: string
  readonly exit_code?: number | null | undefined
}

function describeOutcome(outcome: ShellOutcome | null | undefined): string | undefined {
  if (outcome?.type === 'timeout') return '[timed out]'
  return outcome?.exit_code ? `[exit code ${outcome.exit_code}]` : undefined
}
