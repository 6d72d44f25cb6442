/**
 * The part of a Response object that repeats the request, defaults filled in. It satisfies OpenAI's
 * document and Open Responses' at once: the latter knows only function tools and allows no null in a
 * number, so tools are echoed as the functions that the model is offered, under the names that a
 * `tool_choice` may use; tools that no chat model can be given are absent, which is the truth.
 *
 * @see https://www.openresponses.org/specification
 */
import type { ResponsesRequest } from '../protocol/responses/request.ts'
import type { ResponseEcho } from '../protocol/responses/response.ts'
import { isRecord, listOf, textOf } from './narrow.ts'
import { flattenTools, toFunctionForm } from './to-chat/tools.ts'
import { chatToolName } from './tool-name.ts'

export interface EchoFacts {
  readonly id: string
  /** Unix seconds. */
  readonly createdAt: number
  /** The name the client asked for. */
  readonly model: string
}

export function toResponseEcho(request: ResponsesRequest, facts: EchoFacts): ResponseEcho {
  return {
    id: facts.id,
    object: 'response',
    created_at: facts.createdAt,
    model: facts.model,
    previous_response_id: request.previous_response_id ?? null,
    ...echoConversation(request.conversation),
    instructions: typeof request.instructions === 'string' ? request.instructions : null,
    tools: echoTools(request.tools ?? []),
    tool_choice: echoToolChoice(request.tool_choice),
    truncation: request.truncation ?? 'disabled',
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    text: echoText(request.text),
    top_p: request.top_p ?? 1,
    presence_penalty: request.presence_penalty ?? 0,
    frequency_penalty: request.frequency_penalty ?? 0,
    top_logprobs: request.top_logprobs ?? 0,
    temperature: request.temperature ?? 1,
    reasoning: {
      effort: request.reasoning?.effort ?? null,
      summary: request.reasoning?.summary ?? null,
    },
    max_output_tokens: request.max_output_tokens ?? null,
    max_tool_calls: request.max_tool_calls ?? null,
    store: request.store ?? true,
    background: request.background ?? false,
    service_tier: request.service_tier ?? 'default',
    safety_identifier: request.safety_identifier ?? null,
    prompt_cache_key: request.prompt_cache_key ?? null,
  }
}

function echoConversation(given: ResponsesRequest['conversation']): {
  conversation?: { id: string }
} {
  const id = typeof given === 'string' ? given : textOf(given?.['id'])
  return id === '' ? {} : { conversation: { id } }
}

function echoTools(tools: readonly unknown[]): unknown[] {
  return [...flattenTools([{ at: 'tools', tools }])].flatMap((declaration) => {
    const form = toFunctionForm(declaration)
    if (form === undefined) return []
    const { name, description, parameters, strict } = form
    return {
      type: 'function',
      name: declaration.namespace === undefined ? name : chatToolName(name, declaration.namespace),
      description: description ?? null,
      parameters,
      strict: strict ?? null,
    }
  })
}

/** `custom` is the function it is echoed as; a hosted choice was dropped, which leaves `auto`. */
function echoToolChoice(choice: ResponsesRequest['tool_choice']): unknown {
  if (choice === undefined || choice === null) return 'auto'
  if (typeof choice === 'string') return choice
  switch (choice.type) {
    case 'function':
    case 'custom':
      return echoName(choice)
    case 'allowed_tools': {
      return {
        type: 'allowed_tools',
        mode: choice['mode'] ?? 'auto',
        tools: listOf(choice['tools']).flatMap((tool) => echoName(tool) ?? []),
      }
    }
    default:
      return 'auto'
  }
}

function echoName(tool: unknown): { type: 'function'; name: string } | undefined {
  if (!isRecord(tool)) return undefined
  const { name } = tool
  if (typeof name !== 'string') return undefined
  const namespace = textOf(tool['namespace'])
  return { type: 'function', name: namespace === '' ? name : chatToolName(name, namespace) }
}

function echoText(text: ResponsesRequest['text']): unknown {
  return {
    format: echoFormat(text?.format),
    ...(text?.verbosity ? { verbosity: text.verbosity } : {}),
  }
}

function echoFormat(format: NonNullable<ResponsesRequest['text']>['format']): unknown {
  if (format?.type === 'json_object') return { type: 'json_object' }
  if (format?.type !== 'json_schema') return { type: 'text' }
  return {
    type: 'json_schema',
    name: format['name'],
    description: format['description'] ?? null,
    schema: format['schema'],
    strict: format['strict'] ?? false,
  }
}
