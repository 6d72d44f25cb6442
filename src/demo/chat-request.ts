/**
 * What the scripted model reads of a Chat Completions request, and nothing more. Loose on purpose:
 * it stands in for a real server, which also takes whatever a client sends.
 *
 * @see https://platform.openai.com/docs/api-reference/chat/create
 */
import { z } from 'zod'

const Part = z.looseObject({ type: z.string().optional(), text: z.string().optional() })

const Message = z.looseObject({
  role: z.string(),
  content: z.union([z.string(), z.array(Part)]).nullish(),
})

const Tool = z.looseObject({
  function: z.looseObject({ name: z.string(), parameters: z.unknown().optional() }).optional(),
})

// Forms the model does not act on (`auto`, `none`, `allowed_tools`) read as no demand.
const ToolChoice = z
  .union([z.literal('required'), z.looseObject({ function: z.looseObject({ name: z.string() }) })])
  .optional()
  .catch(undefined)

export const ScriptedRequestSchema = z.looseObject({
  model: z.string().nullish(),
  messages: z.array(Message).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  tools: z.array(Tool).nullish(),
  tool_choice: ToolChoice,
  response_format: z
    .looseObject({
      type: z.string(),
      json_schema: z.looseObject({ schema: z.unknown().optional() }).nullish(),
    })
    .nullish(),
  max_tokens: z.number().nullish(),
  max_completion_tokens: z.number().nullish(),
})

export type ScriptedRequest = z.infer<typeof ScriptedRequestSchema>
export type ScriptedMessage = ScriptedRequest['messages'][number]

/** The text of a message, its text parts joined; empty for one without text. */
export function messageText(message: ScriptedMessage): string {
  const { content } = message
  if (typeof content === 'string') return content
  return (content ?? []).map((part) => part.text ?? '').join('')
}

/** The parameters of the tool of that name; undefined when it is not offered. */
export function offeredTool(
  request: ScriptedRequest,
  name: string,
): { readonly parameters: unknown } | undefined {
  const tool = request.tools?.find((candidate) => candidate.function?.name === name)
  return tool?.function === undefined ? undefined : { parameters: tool.function.parameters }
}
