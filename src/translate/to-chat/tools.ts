/**
 * The client's tools as chat functions, from every place they are declared in: `tools`,
 * `additional_tools` items, the output of a tool search. What only OpenAI's own servers can run is
 * left out and named.
 */
import { BridgeError } from '../../errors.ts'
import type { ChatFunctionTool } from '../../protocol/chat/request.ts'
import {
  type CustomTool,
  type FunctionTool,
  type HostedTool,
  readTool,
  type ToolSearchTool,
} from '../../protocol/responses/tools.ts'
import { chatToolName, withHash } from '../tool-name.ts'
import {
  CUSTOM_INPUT_PROPERTY,
  clientKey,
  STOP_TOOL_NAME,
  TOOL_SEARCH_NAME,
  type ToolEntry,
  type ToolTarget,
} from '../tool-table.ts'
import type { Drop } from './dropped.ts'

export interface ToolSource {
  /** Where it is in the request, for error messages: `tools`, `input[4].tools`. */
  readonly at: string
  readonly tools: readonly unknown[]
}

/** One declaration, out of its namespace. */
export interface Declaration {
  readonly at: string
  readonly tool: FunctionTool | CustomTool | ToolSearchTool | HostedTool
  readonly namespace?: string
  /** The namespace's own description, on its first member only. */
  readonly namespaceDescription?: string
}

/** A tool as a function, under the client's own name. */
export interface FunctionForm {
  readonly name: string
  readonly description: string | undefined
  readonly parameters: unknown
  readonly strict: boolean | undefined
}

export interface DeclaredTools {
  readonly entries: readonly ToolEntry[]
  readonly chat: readonly ChatFunctionTool[]
}

/** @throws {BridgeError} invalid_request; reserved_tool_name with the tool's name as `param`. */
export function declareTools(sources: readonly ToolSource[], drop: Drop): DeclaredTools {
  const entries: ToolEntry[] = []
  const chat: ChatFunctionTool[] = []
  const declared = new Set<string>()
  const taken = new Set<string>()
  for (const declaration of flattenTools(sources)) {
    const form = toFunctionForm(declaration)
    if (form === undefined) {
      drop(`tools.${wireTypeOf(declaration)}`)
      continue
    }
    refuseReservedName(declaration, form)
    const key = clientKey(form.name, declaration.namespace)
    // A tool that a search loads again is the same tool: the first declaration stands.
    if (declared.has(key)) continue
    declared.add(key)
    const chatName = freeChatName(form.name, declaration.namespace, taken)
    taken.add(chatName)
    entries.push({ chatName, target: toTarget(declaration, form.name) })
    chat.push(toChatTool(chatName, form))
  }
  return { entries, chat }
}

export function* flattenTools(sources: readonly ToolSource[]): Generator<Declaration> {
  for (const { at, tools } of sources) {
    for (const [index, raw] of tools.entries()) {
      const place = `${at}[${index}]`
      const tool = readTool(raw, place)
      if (tool.type !== 'namespace') {
        yield { at: place, tool }
        continue
      }
      for (const [memberIndex, member] of tool.tools.entries()) {
        yield {
          at: `${place}.tools[${memberIndex}]`,
          tool: member,
          namespace: tool.name,
          ...(memberIndex === 0 && tool.description
            ? { namespaceDescription: tool.description }
            : {}),
        }
      }
    }
  }
}

/** Undefined for a tool that cannot be one. */
export function toFunctionForm(declaration: Declaration): FunctionForm | undefined {
  const { tool } = declaration
  switch (tool.type) {
    case 'function':
      return {
        name: tool.name,
        description: describe(declaration, tool.description),
        parameters: tool.parameters ?? EMPTY_PARAMETERS,
        strict: tool.strict ?? undefined,
      }
    case 'custom':
      return {
        name: tool.name,
        description: describe(declaration, describeCustom(tool)),
        parameters: CUSTOM_PARAMETERS,
        strict: undefined,
      }
    case 'tool_search':
      return {
        name: TOOL_SEARCH_NAME,
        description: tool.description ?? undefined,
        parameters: tool.parameters ?? EMPTY_PARAMETERS,
        strict: undefined,
      }
    case 'hosted':
      return undefined
  }
}

// llama.cpp refuses a function without parameters, so that "none" has to be said.
export const EMPTY_PARAMETERS = { type: 'object', properties: {} }

const CUSTOM_PARAMETERS = {
  type: 'object',
  properties: { [CUSTOM_INPUT_PROPERTY]: { type: 'string' } },
  required: [CUSTOM_INPUT_PROPERTY],
  additionalProperties: false,
}

function describeCustom({ description, format }: CustomTool): string | undefined {
  if (!format?.definition) return description ?? undefined
  const language = format.syntax ? `${format.syntax} grammar` : 'grammar'
  const rule = `The whole input must match this ${language}:\n\n${format.definition}`
  return description ? `${description}\n\n${rule}` : rule
}

/** A namespace's description has no place of its own in chat; it goes once, behind its first tool's. */
function describe(
  { namespace, namespaceDescription }: Declaration,
  description: string | null | undefined,
): string | undefined {
  if (namespaceDescription === undefined) return description ?? undefined
  const about = `About all ${namespace} tools: ${namespaceDescription}`
  return description ? `${description}\n\n${about}` : about
}

function wireTypeOf({ tool }: Declaration): string {
  return tool.type === 'hosted' ? tool.wireType : tool.type
}

function refuseReservedName({ at, namespace }: Declaration, { name }: FunctionForm): void {
  if (namespace !== undefined || name !== STOP_TOOL_NAME) return
  throw new BridgeError(
    'reserved_tool_name',
    `${at}.name is "${STOP_TOOL_NAME}", which the bridge keeps for itself; rename the tool.`,
    { param: `${at}.name` },
  )
}

/** The plain name, unless another tool has it: `a__b` may also be `b` of the namespace `a`. */
function freeChatName(
  name: string,
  namespace: string | undefined,
  taken: ReadonlySet<string>,
): string {
  let candidate = chatToolName(name, namespace)
  for (let salt = 1; taken.has(candidate); salt++) {
    candidate = withHash(
      chatToolName(name, namespace),
      `${clientKey(name, namespace)}\u0000${salt}`,
    )
  }
  return candidate
}

function toTarget({ tool, namespace }: Declaration, name: string): ToolTarget {
  if (tool.type === 'tool_search') return { kind: 'tool_search' }
  const called = namespace === undefined ? { name } : { name, namespace }
  if (tool.type !== 'custom') return { kind: 'function', ...called }
  const { format } = tool
  if (!format?.definition) return { kind: 'custom', ...called }
  const { definition, syntax } = format
  return {
    kind: 'custom',
    ...called,
    grammar: { ...called, syntax: syntax ?? '', definition },
  }
}

function toChatTool(chatName: string, form: FunctionForm): ChatFunctionTool {
  const { description, parameters, strict } = form
  return {
    type: 'function',
    function: {
      name: chatName,
      ...(description === undefined ? {} : { description }),
      parameters,
      ...(strict === undefined ? {} : { strict }),
    },
  }
}
