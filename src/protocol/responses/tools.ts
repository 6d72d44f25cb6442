/**
 * Tool declarations as clients send them, in `tools`, in `additional_tools` items and in the output
 * of a tool search.
 *
 * @see https://platform.openai.com/docs/api-reference/responses/create#responses-create-tools
 */
import { z } from 'zod'
import { readAs } from './read.ts'

const FunctionToolSchema = z.looseObject({
  type: z.literal('function'),
  name: z.string().min(1),
  description: z.string().nullish(),
  parameters: z.looseObject({}).nullish(),
  strict: z.boolean().nullish(),
})

const CustomToolSchema = z.looseObject({
  type: z.literal('custom'),
  name: z.string().min(1),
  description: z.string().nullish(),
  format: z
    .looseObject({
      type: z.string(),
      syntax: z.string().nullish(),
      definition: z.string().nullish(),
    })
    .nullish(),
})

const NamespaceSchema = z.looseObject({
  type: z.literal('namespace'),
  name: z.string().min(1),
  description: z.string().nullish(),
  tools: z.array(z.looseObject({})),
})

const ToolSearchSchema = z.looseObject({
  type: z.literal('tool_search'),
  execution: z.string().nullish(),
  description: z.string().nullish(),
  parameters: z.looseObject({}).nullish(),
})

const TypedSchema = z.looseObject({ type: z.string() })

export type FunctionTool = z.infer<typeof FunctionToolSchema>
export type CustomTool = z.infer<typeof CustomToolSchema>
export type ToolSearchTool = z.infer<typeof ToolSearchSchema>

/** A tool that only OpenAI's own servers can run, or one that nobody knows yet. */
export interface HostedTool {
  readonly type: 'hosted'
  readonly wireType: string
}

interface NamespaceTool {
  readonly type: 'namespace'
  readonly name: string
  readonly description: string | undefined
  readonly tools: readonly (FunctionTool | CustomTool | HostedTool)[]
}

export type Tool = FunctionTool | CustomTool | NamespaceTool | ToolSearchTool | HostedTool

/** @throws {BridgeError} invalid_request naming the member below `at` (`tools[2]`). */
export function readTool(raw: unknown, at: string): Tool {
  const { type } = readAs(TypedSchema, raw, at)
  switch (type) {
    case 'namespace':
      return readNamespace(raw, at)
    case 'tool_search': {
      const tool = readAs(ToolSearchSchema, raw, at)
      // Without `execution: "client"` the search is OpenAI's to run.
      return tool.execution === 'client' ? tool : { type: 'hosted', wireType: type }
    }
    default:
      return readMember(raw, at)
  }
}

function readNamespace(raw: unknown, at: string): NamespaceTool {
  const { name, description, tools } = readAs(NamespaceSchema, raw, at)
  return {
    type: 'namespace',
    name,
    description: description ?? undefined,
    tools: tools.map((member, index) => readMember(member, `${at}.tools[${index}]`)),
  }
}

function readMember(raw: unknown, at: string): FunctionTool | CustomTool | HostedTool {
  const { type } = readAs(TypedSchema, raw, at)
  switch (type) {
    case 'function':
      return readAs(FunctionToolSchema, raw, at)
    case 'custom':
      return readAs(CustomToolSchema, raw, at)
    default:
      return { type: 'hosted', wireType: type }
  }
}
