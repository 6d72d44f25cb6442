/**
 * Input items as clients send them: with or without `type` and `id`, from OpenAI's document and from
 * its clients' habits. What this page does not know comes back as `unknown`, with its name; only a
 * known item of a shape that cannot be read is an error.
 *
 * @see https://platform.openai.com/docs/api-reference/responses/create#responses-create-input
 */
import { z } from 'zod'
import { invalidRequest, readAs } from './read.ts'

const Text = z.string().nullish()
const Id = z.string().nullish()

const textPart = <T extends string>(type: T) =>
  z.looseObject({ type: z.literal(type), text: z.string() })

const PART_SCHEMAS = {
  input_text: textPart('input_text'),
  output_text: textPart('output_text'),
  text: textPart('text'),
  refusal: z.looseObject({ type: z.literal('refusal'), refusal: z.string() }),
  input_image: z.looseObject({
    type: z.literal('input_image'),
    image_url: z.union([z.string(), z.looseObject({ url: z.string(), detail: Text })]).nullish(),
    file_id: Id,
    detail: Text,
  }),
  input_file: z.looseObject({
    type: z.literal('input_file'),
    filename: Text,
    file_data: Text,
    file_url: Text,
    file_id: Id,
  }),
  input_audio: z.looseObject({
    type: z.literal('input_audio'),
    input_audio: z.looseObject({ data: z.string(), format: z.string() }),
  }),
} as const

type PartSchemas = typeof PART_SCHEMAS
type KnownPart = { [T in keyof PartSchemas]: z.infer<PartSchemas[T]> }[keyof PartSchemas]

interface Unknown {
  readonly type: 'unknown'
  /** Its `type` on the wire. */
  readonly wireType: string
}

export type InputPart = KnownPart | Unknown
export type InputContent = string | readonly InputPart[]

const RoleSchema = z.enum(['user', 'assistant', 'system', 'developer'])
export type InputRole = z.infer<typeof RoleSchema>

const MessageSchema = z.looseObject({ role: RoleSchema })

const ReasoningText = z.looseObject({ text: z.string() })
// Reasoning is for the upstream that made it: a foreign shape is skipped, never an error.
const ReasoningTexts = z.array(ReasoningText).nullish().catch(undefined)
const ReasoningSchema = z.looseObject({
  type: z.literal('reasoning'),
  encrypted_content: Text.catch(undefined),
  content: ReasoningTexts,
  summary: ReasoningTexts,
})

const FunctionCallSchema = z.looseObject({
  type: z.literal('function_call'),
  id: Id,
  call_id: Id,
  name: z.string().min(1),
  namespace: Id,
  arguments: z.union([z.string(), z.looseObject({})]).nullish(),
})

const CustomCallSchema = z.looseObject({
  type: z.literal('custom_tool_call'),
  id: Id,
  call_id: Id,
  name: z.string().min(1),
  namespace: Id,
  input: z.string().nullish(),
})

const ToolSearchCallSchema = z.looseObject({
  type: z.literal('tool_search_call'),
  id: Id,
  call_id: Id,
  arguments: z.unknown().optional(),
})

/** Calls of OpenAI's own client-run tools; what they ask for is a small object. */
const ActionCallSchema = z.looseObject({
  type: z.enum(['local_shell_call', 'shell_call', 'apply_patch_call', 'computer_call']),
  id: Id,
  call_id: Id,
  action: z.unknown().optional(),
  actions: z.unknown().optional(),
  operation: z.unknown().optional(),
})

const McpCallSchema = z.looseObject({
  type: z.literal('mcp_call'),
  id: Id,
  server_label: z.string().min(1),
  name: z.string().min(1),
  arguments: Text,
  output: Text,
  error: z.unknown().optional(),
})

const OutputSchema = z.looseObject({
  type: z.enum(['function_call_output', 'custom_tool_call_output']),
  call_id: Id,
  name: Id,
  namespace: Id,
})

const ShellOutcome = z.looseObject({ type: z.string(), exit_code: z.number().nullish() })
const ActionOutputSchema = z.looseObject({
  type: z.enum([
    'local_shell_call_output',
    'shell_call_output',
    'apply_patch_call_output',
    'computer_call_output',
  ]),
  id: Id,
  call_id: Id,
  status: Text,
  output: z
    .union([
      z.string(),
      z.array(z.looseObject({ stdout: Text, stderr: Text, outcome: ShellOutcome.nullish() })),
      z.looseObject({ type: z.string(), image_url: Text, file_id: Id }),
    ])
    .nullish(),
})

/** Codex has written it as `compaction_summary` too. */
const CompactionSchema = z.looseObject({
  type: z.enum(['compaction', 'compaction_summary']),
  // Sealed by whoever made it: what cannot be opened is left out, never an error.
  encrypted_content: Text.catch(undefined),
})

const Tools = z.array(z.looseObject({})).nullish()
const ToolSearchOutputSchema = z.looseObject({
  type: z.literal('tool_search_output'),
  call_id: Id,
  tools: Tools,
})
/** Its `type` may be missing: an item that has nothing but an id is a reference. */
const ItemReferenceSchema = z.looseObject({ id: z.string() })
const AdditionalToolsSchema = z.looseObject({ type: z.literal('additional_tools'), tools: Tools })

interface InputMessage {
  readonly type: 'message'
  readonly role: InputRole
  readonly content: InputContent
}
export type InputReasoning = z.infer<typeof ReasoningSchema>
export type InputFunctionCall = z.infer<typeof FunctionCallSchema>
export type InputCustomCall = z.infer<typeof CustomCallSchema>
export type InputToolSearchCall = z.infer<typeof ToolSearchCallSchema>
export type InputActionCall = z.infer<typeof ActionCallSchema>
export type InputMcpCall = z.infer<typeof McpCallSchema>
export type InputCallOutput = z.infer<typeof OutputSchema> & { readonly content: InputContent }
export type InputActionOutput = z.infer<typeof ActionOutputSchema>
export type InputToolSearchOutput = z.infer<typeof ToolSearchOutputSchema>
export type InputCompaction = z.infer<typeof CompactionSchema>
/** Asks for the conversation before it as a compaction item, in place of an answer. */
interface InputCompactionTrigger {
  readonly type: 'compaction_trigger'
}
type InputAdditionalTools = z.infer<typeof AdditionalToolsSchema>
interface InputItemReference {
  readonly type: 'item_reference'
  readonly id: string
}

export type InputItem =
  | InputMessage
  | InputReasoning
  | InputFunctionCall
  | InputCustomCall
  | InputToolSearchCall
  | InputActionCall
  | InputMcpCall
  | InputCallOutput
  | InputActionOutput
  | InputToolSearchOutput
  | InputAdditionalTools
  | InputCompaction
  | InputCompactionTrigger
  | InputItemReference
  | Unknown

/** An item that is all there, where a reference stands for one kept elsewhere. */
export type InlineItem = Exclude<InputItem, InputItemReference>

const TypedSchema = z.looseObject({ type: z.string().nullish() })

/** @throws {BridgeError} invalid_request naming the member below `at` (`input[3]`). */
export function readInputItem(raw: unknown, at: string): InputItem {
  const item = readAs(TypedSchema, raw, at)
  const type = item.type ?? impliedType(item, at)
  switch (type) {
    case 'message':
      return readMessage(item, at)
    case 'reasoning':
      return readAs(ReasoningSchema, item, at)
    case 'function_call':
      return readAs(FunctionCallSchema, item, at)
    case 'custom_tool_call':
      return readAs(CustomCallSchema, item, at)
    case 'tool_search_call':
      return readAs(ToolSearchCallSchema, item, at)
    case 'local_shell_call':
    case 'shell_call':
    case 'apply_patch_call':
    case 'computer_call':
      return readAs(ActionCallSchema, item, at)
    case 'mcp_call':
      return readAs(McpCallSchema, item, at)
    case 'function_call_output':
    case 'custom_tool_call_output': {
      const output = readAs(OutputSchema, item, at)
      return { ...output, content: readContent(item['output'] ?? '', `${at}.output`) }
    }
    case 'local_shell_call_output':
    case 'shell_call_output':
    case 'apply_patch_call_output':
    case 'computer_call_output':
      return readAs(ActionOutputSchema, item, at)
    case 'tool_search_output':
      return readAs(ToolSearchOutputSchema, item, at)
    case 'additional_tools':
      return readAs(AdditionalToolsSchema, item, at)
    case 'compaction':
    case 'compaction_summary':
      return readAs(CompactionSchema, item, at)
    case 'compaction_trigger':
      return { type }
    case 'item_reference':
      return { type, id: readAs(ItemReferenceSchema, item, at).id }
    default:
      return { type: 'unknown', wireType: type }
  }
}

/** What an item without `type` is: a message; or, with nothing but an id, a reference. */
function impliedType(item: Readonly<Record<string, unknown>>, at: string): string {
  if (item['role'] !== undefined) return 'message'
  if (typeof item['id'] === 'string') return 'item_reference'
  throw invalidRequest(`${at}.type`, 'a type, or a role that makes the item a message', undefined)
}

function readMessage(item: Readonly<Record<string, unknown>>, at: string): InputMessage {
  const { role } = readAs(MessageSchema, item, at)
  // Clients keep an interrupted assistant message with null content.
  const content = role === 'assistant' ? (item['content'] ?? '') : item['content']
  return { type: 'message', role, content: readContent(content, `${at}.content`) }
}

function readContent(content: unknown, at: string): InputContent {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) throw invalidRequest(at, 'a string or an array of parts', content)
  return content.map((part: unknown, index) => readPart(part, `${at}[${index}]`))
}

const PartTypeSchema = z.looseObject({ type: z.string() })

function readPart(raw: unknown, at: string): InputPart {
  const { type } = readAs(PartTypeSchema, raw, at)
  return isKnownPart(type)
    ? readAs(PART_SCHEMAS[type], raw, at)
    : { type: 'unknown', wireType: type }
}

function isKnownPart(type: string): type is keyof PartSchemas {
  return Object.hasOwn(PART_SCHEMAS, type)
}
