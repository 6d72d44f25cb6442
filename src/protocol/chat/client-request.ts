/**
 * What a client may ask: the body of `POST …/chat/completions`. Loose where the API grows, typed where
 * the bridge reads: little of it when the request is passed on, all of it when it is translated.
 *
 * @see https://platform.openai.com/docs/api-reference/chat/create
 */
import { z } from 'zod'
import { invalidRequest, readAs } from '../responses/read.ts'

const Text = z.string().nullish()
const Flag = z.boolean().nullish()
const Count = z.number().nullish()
const LooseObject = z.looseObject({})

/** Only what the bridge reads of a request that it passes on; the rest is the upstream's to judge. */
export const PassedChatRequestSchema = z.looseObject({
  model: Text,
  messages: z.array(LooseObject),
  stream: Flag,
  stream_options: z.looseObject({ include_usage: Flag, include_obfuscation: Flag }).nullish(),
  max_tokens: Count,
  max_completion_tokens: Count,
})

const GrammarSchema = z.looseObject({ definition: z.string(), syntax: z.string() })

const NamedFunction = z.looseObject({ name: z.string().min(1) })

const FunctionSchema = z.looseObject({
  name: z.string().min(1),
  description: Text,
  parameters: LooseObject.nullish(),
  strict: Flag,
})

const CustomSchema = z.looseObject({
  name: z.string().min(1),
  description: Text,
  format: z.looseObject({ type: z.string(), grammar: GrammarSchema.nullish() }).nullish(),
})

const ToolSchema = z.looseObject({
  type: z.string().default('function'),
  function: FunctionSchema.optional(),
  custom: CustomSchema.optional(),
})

/** A tool as a choice names it. */
const NamedToolSchema = z.looseObject({
  type: z.string(),
  function: NamedFunction.optional(),
  custom: NamedFunction.optional(),
})

const ToolChoiceSchema = z.union([
  // Mistral's clients say `any` for `required`.
  z.enum(['none', 'auto', 'required', 'any']),
  NamedToolSchema.extend({
    allowed_tools: z
      .looseObject({ mode: z.enum(['auto', 'required']), tools: z.array(NamedToolSchema) })
      .optional(),
  }),
])

const ResponseFormatSchema = z.looseObject({
  type: z.string(),
  json_schema: z
    .looseObject({
      name: z.string().min(1),
      description: Text,
      schema: LooseObject.nullish(),
      strict: Flag,
    })
    .nullish(),
})

export const TranslatedChatRequestSchema = PassedChatRequestSchema.extend({
  temperature: Count,
  top_p: Count,
  presence_penalty: Count,
  frequency_penalty: Count,
  n: z.int().min(1).nullish(),
  logprobs: Flag,
  top_logprobs: Count,
  reasoning_effort: Text,
  /** Not OpenAI's: OpenRouter's clients send it. */
  reasoning: z.looseObject({ effort: Text, summary: Text }).nullish(),
  verbosity: Text,
  response_format: ResponseFormatSchema.nullish(),
  tools: z.array(ToolSchema).nullish(),
  tool_choice: ToolChoiceSchema.nullish(),
  parallel_tool_calls: Flag,
  functions: z.array(FunctionSchema).nullish(),
  function_call: z.union([z.enum(['none', 'auto']), NamedFunction]).nullish(),
  modalities: z.array(z.string()).nullish(),
  store: Flag,
})

export type TranslatedChatRequest = z.infer<typeof TranslatedChatRequestSchema>
export type ClientFunction = z.infer<typeof FunctionSchema>
export type ClientTool = z.infer<typeof ToolSchema>
export type ClientToolChoice = z.infer<typeof ToolChoiceSchema>
export type NamedTool = z.infer<typeof NamedToolSchema>

const PART_SCHEMAS = {
  text: z.looseObject({ type: z.literal('text'), text: z.string() }),
  refusal: z.looseObject({ type: z.literal('refusal'), refusal: z.string() }),
  image_url: z.looseObject({
    type: z.literal('image_url'),
    image_url: z.union([z.string(), z.looseObject({ url: z.string(), detail: Text })]),
  }),
  input_audio: z.looseObject({
    type: z.literal('input_audio'),
    input_audio: z.looseObject({ data: z.string(), format: z.string() }),
  }),
  file: z.looseObject({
    type: z.literal('file'),
    file: z.looseObject({ filename: Text, file_data: Text, file_id: Text }),
  }),
} as const

type PartSchemas = typeof PART_SCHEMAS
type KnownPart = { [T in keyof PartSchemas]: z.infer<PartSchemas[T]> }[keyof PartSchemas]

export type ClientPart = KnownPart | { readonly type: 'unknown'; readonly wireType: string }
export type ClientContent = string | readonly ClientPart[]

const CallSchema = z.looseObject({
  id: Text,
  function: z
    .looseObject({
      name: z.string().min(1),
      arguments: z.union([z.string(), LooseObject]).nullish(),
    })
    .nullish(),
  custom: z.looseObject({ name: z.string().min(1), input: Text }).nullish(),
})

// Reasoning is for the upstream that made it: a foreign shape is skipped, never an error.
const Reasoning = Text.catch(undefined)
const ReasoningDetails = z.array(LooseObject).nullish().catch(undefined)

const MESSAGE_SCHEMAS = {
  system: z.looseObject({ role: z.literal('system') }),
  developer: z.looseObject({ role: z.literal('developer') }),
  user: z.looseObject({ role: z.literal('user') }),
  assistant: z.looseObject({
    role: z.literal('assistant'),
    refusal: Text,
    tool_calls: z.array(CallSchema).nullish(),
    function_call: z.looseObject({ name: z.string().min(1), arguments: Text }).nullish(),
    reasoning_content: Reasoning,
    reasoning: Reasoning,
    reasoning_details: ReasoningDetails,
  }),
  tool: z.looseObject({ role: z.literal('tool'), tool_call_id: Text }),
  function: z.looseObject({ role: z.literal('function'), name: z.string().min(1) }),
} as const

const RoleSchema = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
})

type MessageSchemas = typeof MESSAGE_SCHEMAS
type WithContent<T> = T & {
  readonly content: ClientContent
  /** Name of who speaks. */
  readonly name?: unknown
}
export type ClientMessage = {
  [R in keyof MessageSchemas]: WithContent<z.infer<MessageSchemas[R]>>
}[keyof MessageSchemas]
export type ClientAssistantMessage = Extract<ClientMessage, { role: 'assistant' }>
export type ClientCall = z.infer<typeof CallSchema>

/** @throws {BridgeError} invalid_request naming the member below `at` (`messages[3]`). */
export function readClientMessage(raw: unknown, at: string): ClientMessage {
  const { role } = readAs(RoleSchema, raw, at)
  const message = readAs(MESSAGE_SCHEMAS[role], raw, at)
  // An assistant's content is null beside its calls, a function's where it returned nothing.
  const mayBeNull = role === 'assistant' || role === 'function'
  const content = mayBeNull ? (message['content'] ?? '') : message['content']
  return { ...message, content: readContent(content, `${at}.content`) }
}

function readContent(content: unknown, at: string): ClientContent {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) throw invalidRequest(at, 'a string or an array of parts', content)
  return content.map((part: unknown, index) => readPart(part, `${at}[${index}]`))
}

const PartTypeSchema = z.looseObject({ type: z.string() })

function readPart(raw: unknown, at: string): ClientPart {
  const { type } = readAs(PartTypeSchema, raw, at)
  return isKnownPart(type)
    ? readAs(PART_SCHEMAS[type], raw, at)
    : { type: 'unknown', wireType: type }
}

function isKnownPart(type: string): type is keyof PartSchemas {
  return Object.hasOwn(PART_SCHEMAS, type)
}
