/** Chat's tools and tool choice in the words of Responses, where a tool's members are its own. */
import type {
  ClientFunction,
  ClientTool,
  ClientToolChoice,
  NamedTool,
  TranslatedChatRequest,
} from '../../protocol/chat/client-request.ts'
import { invalidRequest } from '../../protocol/responses/read.ts'
import type { Drop } from '../to-chat/dropped.ts'
import { EMPTY_PARAMETERS } from '../to-chat/tools.ts'
import type { JsonObject } from './content.ts'

export interface ToolSettings {
  readonly tools: readonly JsonObject[]
  /** Undefined leaves it to the upstream, as the client did. */
  readonly choice: string | JsonObject | undefined
}

/** @throws {BridgeError} invalid_request naming the tool or the choice that lacks its own member. */
export function toToolSettings(request: TranslatedChatRequest, drop: Drop): ToolSettings {
  const tools = [
    ...(request.tools ?? []).flatMap((tool, index) => toTool(tool, `tools[${index}]`, drop)),
    ...(request.functions ?? []).map(toFunctionTool),
  ]
  const choice = toChoice(request, drop)
  // Servers refuse a choice among no tools; `none` and `auto` mean the same without it.
  if (tools.length > 0 || choice === undefined) return { tools, choice }
  if (choice !== 'none' && choice !== 'auto') drop('tool_choice')
  return { tools, choice: undefined }
}

function toTool(tool: ClientTool, at: string, drop: Drop): JsonObject[] {
  switch (tool.type) {
    case 'function':
      if (tool.function === undefined) {
        throw invalidRequest(`${at}.function`, 'an object', undefined)
      }
      return [toFunctionTool(tool.function)]
    case 'custom': {
      if (tool.custom === undefined) throw invalidRequest(`${at}.custom`, 'an object', undefined)
      const { name, description, format } = tool.custom
      return [
        {
          type: 'custom',
          name,
          ...(description ? { description } : {}),
          ...(format ? { format: { type: format.type, ...format.grammar } } : {}),
        },
      ]
    }
    default:
      drop(`tools.${tool.type}`)
      return []
  }
}

function toFunctionTool({ name, description, parameters, strict }: ClientFunction): JsonObject {
  return {
    type: 'function',
    name,
    ...(description ? { description } : {}),
    parameters: parameters ?? EMPTY_PARAMETERS,
    // Unsaid, Chat means false, but Responses tries to be strict.
    strict: strict ?? false,
  }
}

function toChoice(
  { tool_choice: choice, function_call: legacy }: TranslatedChatRequest,
  drop: Drop,
): string | JsonObject | undefined {
  if (choice === 'any') return 'required'
  if (choice) return typeof choice === 'string' ? choice : toChoiceOf(choice, drop)
  if (!legacy) return undefined
  return typeof legacy === 'string' ? legacy : { type: 'function', name: legacy.name }
}

function toChoiceOf(choice: Exclude<ClientToolChoice, string>, drop: Drop): string | JsonObject {
  if (choice.type === 'allowed_tools') {
    if (choice.allowed_tools === undefined) {
      throw invalidRequest('tool_choice.allowed_tools', 'an object', undefined)
    }
    const { mode, tools } = choice.allowed_tools
    const allowed = tools.map((tool, index) =>
      toNamed(tool, `tool_choice.allowed_tools.tools[${index}]`),
    )
    return { type: 'allowed_tools', mode, tools: allowed }
  }
  if (choice.type === 'function' || choice.type === 'custom') return toNamed(choice, 'tool_choice')
  drop(`tool_choice.${choice.type}`)
  return 'auto'
}

function toNamed(tool: NamedTool, at: string): JsonObject {
  const type = tool.type === 'custom' ? 'custom' : 'function'
  const name = tool[type]?.name
  if (name === undefined) throw invalidRequest(`${at}.${type}.name`, 'a name', undefined)
  return { type, name }
}
