/**
 * `tool_choice` in chat's words. `allowed_tools` has none that many servers know: the list stays
 * whole, so that the upstream's cache holds, and the table refuses calls outside the set.
 */
import { z } from 'zod'
import type { ChatToolChoice } from '../../protocol/chat/request.ts'
import { invalidRequest, readAs } from '../../protocol/responses/read.ts'
import type { ResponsesRequest } from '../../protocol/responses/request.ts'
import { clientKey, TOOL_SEARCH_NAME, type ToolEntry, type ToolRule } from '../tool-table.ts'
import type { Drop } from './dropped.ts'

export interface ToolChoice {
  /** Undefined leaves it to the upstream, as the client did. */
  readonly chat: ChatToolChoice | undefined
  readonly rule: ToolRule
}

const NamedSchema = z.looseObject({ name: z.string().min(1), namespace: z.string().nullish() })
const AllowedSchema = z.looseObject({
  mode: z.enum(['auto', 'required']).nullish(),
  tools: z.array(
    z.looseObject({
      type: z.string(),
      name: z.string().nullish(),
      namespace: z.string().nullish(),
    }),
  ),
})

const ANY: ToolRule = { kind: 'any' }

/** @throws {BridgeError} invalid_request for a choice of a tool that nobody declared. */
export function toToolChoice(
  choice: ResponsesRequest['tool_choice'],
  entries: readonly ToolEntry[],
  drop: Drop,
): ToolChoice {
  if (choice === undefined || choice === null) return { chat: undefined, rule: ANY }
  if (typeof choice === 'string') {
    return { chat: choice, rule: choice === 'none' ? { kind: 'none' } : ANY }
  }
  const finder = createFinder(entries)
  switch (choice.type) {
    case 'function':
    case 'custom':
      return { chat: forceNamed(choice, finder), rule: ANY }
    case 'allowed_tools':
      return allowOnly(choice, finder)
    case TOOL_SEARCH_NAME:
      if (finder.search !== undefined) return { chat: force(finder.search), rule: ANY }
  }
  drop(`tool_choice.${choice.type}`)
  return { chat: 'auto', rule: ANY }
}

/** Whether the choice leaves the model free to answer without a call. */
export function leavesFree({ chat }: ToolChoice): boolean {
  return chat === undefined || chat === 'auto'
}

function force(chatName: string): ChatToolChoice {
  return { type: 'function', function: { name: chatName } }
}

function forceNamed(choice: unknown, finder: ToolFinder): ChatToolChoice {
  const { name, namespace } = readAs(NamedSchema, choice, 'tool_choice')
  const chatName = finder.named(name, namespace)
  if (chatName === undefined) throw invalidRequest('tool_choice.name', 'a declared tool', name)
  return force(chatName)
}

/** Hosted tools in the set are not in the list, where they have been named already. */
function allowOnly(choice: unknown, finder: ToolFinder): ToolChoice {
  const { mode, tools } = readAs(AllowedSchema, choice, 'tool_choice')
  const chatNames = new Set<string>()
  const allow = (chatName: string | undefined) => {
    if (chatName !== undefined) chatNames.add(chatName)
  }
  for (const { type, name, namespace } of tools) {
    if (type === TOOL_SEARCH_NAME) allow(finder.search)
    else if (!name) continue
    else if (type === 'namespace') for (const member of finder.members(name)) allow(member)
    else allow(finder.named(name, namespace))
  }
  return { chat: mode ?? 'auto', rule: { kind: 'only', chatNames } }
}

/** Chat names by the words in which a client may point at a tool. */
interface ToolFinder {
  /**
   * By the client's name; else, as `tool_choice` has no `namespace` in OpenAI's document, by the bare
   * name when only one namespace has it; else by the flat name, which a client may have seen.
   */
  named(name: string, namespace: string | null | undefined): string | undefined
  members(namespace: string): readonly string[]
  readonly search: string | undefined
}

function createFinder(entries: readonly ToolEntry[]): ToolFinder {
  const exact = new Map<string, string>()
  const bare = new Map<string, string[]>()
  const namespaces = new Map<string, string[]>()
  const flat = new Set<string>()
  let search: string | undefined
  for (const { chatName, target } of entries) {
    flat.add(chatName)
    if (target.kind === 'tool_search') search = chatName
    if (!('name' in target)) continue
    exact.set(clientKey(target.name, target.namespace), chatName)
    append(bare, target.name, chatName)
    if (target.namespace !== undefined) append(namespaces, target.namespace, chatName)
  }
  return {
    search,
    members: (namespace) => namespaces.get(namespace) ?? [],
    named: (name, namespace) => {
      const found = exact.get(clientKey(name, namespace))
      if (found !== undefined) return found
      const alike = bare.get(name) ?? []
      if (!namespace && alike.length === 1) return alike[0]
      return flat.has(name) ? name : undefined
    },
  }
}

function append(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}
